/** RawSocket over TCP, TLS or a UNIX socket, for both sides, once the handshake is done (requirements 9.3). */
import type { Socket } from "node:net";
import {
  CloseReason,
  errorCloseReason,
  FRAME_HEAD_SIZE,
  type FrameHandler,
  FrameParser,
  FrameType,
  ProtocolError,
  writeFrameHead,
} from "@junctor/protocol";
import { Connection, type ConnectionObserver } from "./connection.ts";
import type { Encoding } from "./encoding.ts";
import type { ConnectionLimits } from "./limits.ts";

export class RawSocketConnection extends Connection<Socket> implements FrameHandler {
  readonly #parser: FrameParser;
  readonly #ownLength: number;
  #error: string | undefined = undefined;

  /** @param ownLength what this side announced; @param peerLength what the peer did */
  constructor(
    socket: Socket,
    encoding: Encoding,
    limits: ConnectionLimits,
    observer: ConnectionObserver,
    address: string | undefined,
    now: () => number,
    ownLength: number,
    peerLength: number,
  ) {
    super(socket, encoding, limits, observer, address, now);
    this.maxLength = peerLength;
    this.#ownLength = ownLength;
    this.#parser = new FrameParser(Math.min(ownLength, limits.messageSizeBeforeJoin));
    socket.on("data", (chunk: Buffer) => this.push(chunk));
    socket.on("end", () => this.discard()); // Node.js ends this side, too
    socket.on("error", (error: Error & { code?: string }) => {
      this.#error = errorCloseReason(error);
    });
    socket.on("close", () => this.gone(this.#error ?? CloseReason.transportClosed));
  }

  /** Bytes from the socket. */
  push(chunk: Uint8Array): void {
    if (this.isClosing) return;
    this.hearing();
    try {
      this.#parser.push(chunk, this);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#parser.stop();
      this.violated(error);
    }
    this.heard(chunk.length);
  }

  frame(type: FrameType, bytes: Uint8Array, start: number, end: number): void {
    if (this.isClosing) return;
    if (type === FrameType.Message) {
      this.received(this.encoding.serializer.decode(bytes, start, end));
    } else if (type === FrameType.Ping) this.#sendFrame(FrameType.Pong, bytes.subarray(start, end)); // [TRN-RAW-10]
  }

  protected override joined(hasJoined: boolean): void {
    super.joined(hasJoined);
    this.#parser.maxLength = hasJoined ? this.#ownLength : Math.min(this.#ownLength, this.limits.messageSizeBeforeJoin);
  }

  #sendFrame(type: FrameType, payload: Uint8Array): void {
    if (payload.length > this.maxLength) return; // [AMB-120]
    const frame = new Uint8Array(FRAME_HEAD_SIZE + payload.length);
    writeFrameHead(frame, 0, type, payload.length);
    frame.set(payload, FRAME_HEAD_SIZE);
    this.sendControl(frame, type === FrameType.Pong);
  }

  protected ping(): void {
    this.#sendFrame(FrameType.Ping, new Uint8Array(0));
  }

  protected pause(): void {
    this.#parser.pause();
    this.socket.pause();
  }

  protected resume(): void {
    this.socket.resume();
    const rest = this.#parser.resume();
    if (rest !== undefined) this.push(rest); // may pause again
  }

  protected end(): void {
    this.#parser.stop();
    this.socket.resume(); // so that the peer's end is seen
    this.socket.end();
  }
}
