/**
 * WebSocket, server side. `ws` shakes hands, receives, and handles control frames; data frames are written to the socket
 * pre-framed and batched, except where permessage-deflate was negotiated: then output goes through `ws` as well.
 *
 * Spec: requirements 9.1; AMB-117.
 */
import { isUtf8 } from "node:buffer";
import type { Socket } from "node:net";
import {
  CloseReason,
  errorCloseReason,
  type Message,
  MessageType,
  ProtocolError,
  type SendOutcome,
  SerializationError,
  webSocketCloseReason,
} from "@junctor/protocol";
import { WebSocket } from "ws";
import { Connection, type ConnectionObserver } from "./connection.ts";
import type { Encoding } from "./encoding.ts";
import type { ConnectionLimits } from "./limits.ts";

/** The closing handshake passes through `close`, whoever begins it: the peer, this side, or `ws` over a broken frame. */
export class ServerWebSocket extends WebSocket {
  /** Called before a CLOSE frame is written. */
  beforeClose: () => void = () => {};

  override close(code?: number, reason?: string | Buffer): void {
    this.beforeClose();
    // The peer's reason is echoed as it came. Text is checked elsewhere (listener.ts, `skipUTF8Validation`), this is not.
    if (typeof reason === "object" && !isUtf8(reason)) super.close(1007);
    else super.close(code, reason);
  }
}

export class WebSocketConnection extends Connection {
  readonly #webSocket: ServerWebSocket;
  readonly #isBinary: boolean;
  readonly #isCompressed: boolean;
  #error: string | undefined = undefined;

  constructor(
    webSocket: ServerWebSocket,
    socket: Socket,
    encoding: Encoding,
    limits: ConnectionLimits,
    observer: ConnectionObserver,
    address: string | undefined,
    now: () => number,
  ) {
    super(socket, encoding, limits, observer, address, now);
    this.#webSocket = webSocket;
    this.#isBinary = encoding.serializer.frame === "binary";
    this.#isCompressed = webSocket.extensions !== "";
    webSocket.beforeClose = () => this.finish();
    webSocket.on("message", (data: Buffer, isBinary: boolean) => this.#message(data, isBinary));
    webSocket.on("pong", () => {
      this.isAlive = true;
    });
    webSocket.on("ping", () => {
      this.isAlive = true;
    });
    webSocket.on("error", (error: Error & { code?: string }) => {
      this.#error = errorCloseReason(error);
    });
    webSocket.on("close", (code: number) => this.gone(this.#error ?? webSocketCloseReason(code)));
  }

  override send(message: Message): SendOutcome {
    return this.#isCompressed ? this.#sendCompressed(message) : super.send(message);
  }

  #message(data: Buffer, isBinary: boolean): void {
    if (this.isClosing) return;
    this.isAlive = true;
    let message: Message;
    try {
      if (isBinary !== this.#isBinary) throw wrongFrame(isBinary, this.serializerName);
      if (!this.hasJoined && data.length > this.limits.messageSizeBeforeJoin) throw tooLong(data.length, this.limits.messageSizeBeforeJoin);
      message = this.encoding.serializer.decode(data);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.violated(error);
      return;
    }
    this.receiver?.receive(message);
  }

  // `ws` compresses asynchronously and keeps the order; its buffer is the queue, and EVENTs over the limit end the session.
  #sendCompressed(message: Message): SendOutcome {
    if (this.isClosing || this.#webSocket.readyState !== this.#webSocket.OPEN) return "closed";
    if (message.type === MessageType.Welcome || message.type === MessageType.Goodbye) this.joined(message.type === MessageType.Welcome);
    let bytes: Uint8Array;
    try {
      bytes = this.encoding.serializer.encode(message);
    } catch (error) {
      if (error instanceof SerializationError) return "unserializable";
      throw error;
    }
    if (this.#webSocket.bufferedAmount + bytes.length > this.limits.queueHard) {
      if (message.type === MessageType.Event && this.limits.slowConsumer !== "disconnect") {
        this.dropped++;
        return "dropped";
      }
      this.destroy(CloseReason.slowConsumer);
      return "closed";
    }
    this.#webSocket.send(bytes, { binary: this.#isBinary });
    return "sent";
  }

  protected ping(): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
  }

  protected pause(): void {
    this.#webSocket.pause();
  }

  protected resume(): void {
    this.#webSocket.resume();
  }

  protected end(reason: string): void {
    this.resume(); // the closing handshake has to be read
    this.#webSocket.close(closeCode(reason), reason.slice(0, 120));
  }
}

/** [AMB-117] The status of RFC 6455, 7.4.1 that fits the reason. */
function closeCode(reason: string): number {
  switch (reason) {
    case "protocol_violation.framing":
      return 1003;
    case "protocol_violation.malformed_bytes":
      return 1007;
    case "protocol_violation.too_large":
      return 1009;
    case "wamp.close.system_shutdown":
      return 1001;
    default:
      return reason.startsWith("protocol_violation") ? 1002 : 1000;
  }
}

function wrongFrame(isBinary: boolean, serializer: string): ProtocolError {
  return new ProtocolError(
    "FRAMING",
    `a ${isBinary ? "binary" : "text"} frame, where wamp.2.${serializer} uses ${isBinary ? "text" : "binary"} frames`,
  ); // [TRN-WS-03]
}

function tooLong(length: number, limit: number): ProtocolError {
  return new ProtocolError("TOO_LARGE", `a message of ${length} bytes before WELCOME; ${limit} are allowed`);
}
