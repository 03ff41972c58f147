/**
 * WebSocket without extensions, server side, from the opening handshake to the closing one (RFC 6455).
 *
 * Spec: requirements 9.1; AMB-117.
 */
import type { Socket } from "node:net";
import { closeReason, errorCloseReason, ProtocolError, webSocketCloseReason } from "@junctor/protocol";
import type { ConnectionObserver } from "./connection.ts";
import type { Encoding } from "./encoding.ts";
import { controlFrame } from "./framing.ts";
import type { ConnectionLimits } from "./limits.ts";
import { MessageConnection } from "./message-connection.ts";
import { closeStatus } from "./websocket-close.ts";
import { WebSocketFrameParser, type WebSocketHandler } from "./websocket-frame.ts";

export class WebSocketConnection extends MessageConnection<Socket> implements WebSocketHandler {
  readonly #parser: WebSocketFrameParser;
  #error: string | undefined = undefined;
  /** What the peer's CLOSE frame said; 1006 stands for none. */
  #peerStatus = 1006;

  constructor(
    socket: Socket,
    encoding: Encoding,
    limits: ConnectionLimits,
    observer: ConnectionObserver,
    address: string | undefined,
    now: () => number,
  ) {
    super(socket, encoding, limits, observer, address, now);
    this.#parser = new WebSocketFrameParser(longest(limits, false), limits.fragments);
    socket.on("data", (chunk: Buffer) => this.push(chunk));
    socket.on("end", () => {
      this.finish();
      socket.end();
    });
    socket.on("error", (error: Error & { code?: string }) => {
      this.#error = errorCloseReason(error);
    });
    socket.on("close", () => this.gone(this.#error ?? webSocketCloseReason(this.#peerStatus)));
  }

  /** Bytes from the socket; they belong to the connection from now on. */
  push(chunk: Uint8Array): void {
    this.hearing();
    try {
      this.#parser.push(chunk, this);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#parser.stop();
      if (this.isClosing) this.socket.end();
      else this.violated(error);
    }
    this.heard(chunk.length);
  }

  pinged(payload: Uint8Array): void {
    this.sendControl(controlFrame("pong", payload), true);
  }

  ponged(): void {}

  closed(status: number, payload: Uint8Array): void {
    this.#peerStatus = status;
    if (!this.isClosing) {
      this.finish();
      this.socket.write(controlFrame("close", payload)); // [RFC 6455, 5.5.1] echoed
    }
    this.socket.end();
  }

  protected override joined(hasJoined: boolean): void {
    super.joined(hasJoined);
    this.#parser.maxLength = longest(this.limits, hasJoined);
  }

  protected ping(): void {
    this.sendControl(controlFrame("ping", NOTHING), false);
  }

  protected pause(): void {
    this.isPaused = true;
    this.#parser.pause();
    this.socket.pause();
  }

  protected resume(): void {
    this.isPaused = false;
    this.readBatch();
    if (this.isPaused) return;
    this.socket.resume();
    const rest = this.#parser.resume();
    if (rest !== undefined) this.push(rest); // may pause again
  }

  protected end(reason: string): void {
    if (this.socket.writableEnded) return; // the peer was first
    const status = this.status ?? closeStatus(reason);
    const payload = Buffer.from(`  ${closeReason(reason)}`);
    payload.writeUInt16BE(status);
    this.socket.write(controlFrame("close", payload));
    if (this.#parser.isStopped) this.socket.end(); // no answer could be found in what follows
    this.resume(); // its answer has to be read
  }
}

function longest({ messageSize, messageSizeBeforeJoin }: ConnectionLimits, hasJoined: boolean): number {
  return hasJoined ? messageSize : Math.min(messageSize, messageSizeBeforeJoin);
}

const NOTHING = new Uint8Array(0);
