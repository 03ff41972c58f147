/**
 * WebSocket with permessage-deflate, server side. `ws` shakes hands and receives; what leaves, data frames and pings and pongs, is written to the
 * socket pre-framed and batched, so that it all stands in one queue. Only the closing handshake is `ws`'s.
 *
 * Spec: requirements 9.1; AMB-117.
 */
import { isUtf8 } from "node:buffer";
import type { Socket } from "node:net";
import { closeReason, errorCloseReason, ProtocolError, webSocketCloseReason } from "@junctor/protocol";
import { WebSocket } from "ws";
import type { ConnectionObserver } from "./connection.ts";
import type { Encoding } from "./encoding.ts";
import { controlFrame } from "./framing.ts";
import type { ConnectionLimits } from "./limits.ts";
import { MessageConnection } from "./message-connection.ts";
import { closeStatus } from "./websocket-close.ts";

/** The closing handshake passes through `close`, whoever begins it: the peer, this side, or `ws` over a broken frame. */
export class ServerWebSocket extends WebSocket {
  /** Called before a CLOSE frame is written. @param broken the status for a peer that broke RFC 6455 */
  beforeClose: (broken: number | undefined) => void = () => {};

  override close(code?: number, reason?: string | Buffer): void {
    // The peer's CLOSE is answered with what stood in it; for a broken frame there is a status alone.
    this.beforeClose(reason === undefined ? code : undefined);
    // The peer's reason is echoed as it came. Text is checked elsewhere (listener.ts, `skipUTF8Validation`), this is not.
    if (typeof reason === "object" && !isUtf8(reason)) super.close(1007);
    else super.close(code, reason);
  }
}

export class CompressedConnection extends MessageConnection<Socket> {
  readonly #webSocket: ServerWebSocket;
  #error: string | undefined = undefined;
  /** Messages that `ws` found, during a pause, in what it had read before: at most what one chunk holds. */
  #held: { readonly data: Buffer; readonly isBinary: boolean }[] = [];

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
    webSocket.beforeClose = (broken) => this.#beforeClose(broken);
    webSocket.on("message", (data: Buffer, isBinary: boolean) => this.#message(data, isBinary));
    webSocket.on("ping", (payload: Buffer) => {
      this.isAlive = true;
      this.sendControl(controlFrame("pong", payload), true);
    });
    webSocket.on("pong", () => {
      this.isAlive = true;
    });
    webSocket.on("error", (error: Error & { code?: string }) => {
      this.#error = errorCloseReason(error);
    });
    webSocket.on("close", (code: number) => this.gone(this.#error ?? webSocketCloseReason(code)));
    socket.on("data", this.#count);
  }

  protected override joined(hasJoined: boolean): void {
    super.joined(hasJoined);
    this.socket.off("data", this.#count);
    if (!hasJoined) this.socket.on("data", this.#count);
  }

  // `ws` knows one limit on the length of messages, that after joining: it never collects long ones for strangers.
  readonly #count = (chunk: Uint8Array): void => this.heardBeforeJoin(chunk.length);

  #message(data: Buffer, isBinary: boolean): void {
    if (this.isClosing) return;
    this.hearing();
    if (this.isPaused) this.#held.push({ data, isBinary });
    else this.#handle(data, isBinary);
  }

  #handle(data: Buffer, isBinary: boolean): void {
    if (!this.hasJoined && data.length > this.limits.messageSizeBeforeJoin) {
      this.violated(tooLong(data.length, this.limits.messageSizeBeforeJoin));
    } else this.message(data, 0, data.length, isBinary);
  }

  // [AMB-117] A peer that broke RFC 6455 is sent ABORT before the CLOSE frame.
  #beforeClose(broken: number | undefined): void {
    if (broken !== undefined && !this.isClosing) {
      this.status = broken;
      this.violated(webSocketError(broken, this.limits));
    }
    // It came before the peer's CLOSE.
    this.readBatch(true);
    for (const { data, isBinary } of this.#held) {
      this.#handle(data, isBinary);
      this.readBatch(true);
    }
    this.#held = [];
    this.finish();
  }

  protected ping(): void {
    this.sendControl(controlFrame("ping", NOTHING), false);
  }

  protected pause(): void {
    this.isPaused = true;
    this.#webSocket.pause();
  }

  protected resume(): void {
    this.#webSocket.resume();
    this.isPaused = false;
    this.readBatch();
    let handled = 0;
    for (const { data, isBinary } of this.#held) {
      if (this.isPaused) break;
      handled++;
      this.#handle(data, isBinary);
    }
    this.#held.splice(0, handled);
  }

  protected end(reason: string): void {
    this.resume(); // the closing handshake has to be read
    this.#webSocket.close(this.status ?? closeStatus(reason), closeReason(reason));
  }
}

/** What `ws` found to be wrong with the peer's frames, by the status it closes with. */
function webSocketError(status: number, { messageSize, fragments }: ConnectionLimits): ProtocolError {
  switch (status) {
    case 1009:
      return new ProtocolError("TOO_LARGE", `a message of more than ${messageSize} bytes`);
    case 1008:
      return new ProtocolError("FRAMING", `a message of more than ${fragments} WebSocket fragments`);
    case 1007:
      return new ProtocolError("MALFORMED_BYTES", "WebSocket data that cannot be inflated, or is no UTF-8");
    default:
      return new ProtocolError("FRAMING", "WebSocket frames that break RFC 6455");
  }
}

function tooLong(length: number, limit: number): ProtocolError {
  return new ProtocolError("TOO_LARGE", `a message of ${length} bytes before WELCOME; ${limit} are allowed`);
}

const NOTHING = new Uint8Array(0);
