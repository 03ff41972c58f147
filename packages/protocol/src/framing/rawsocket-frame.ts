/** RawSocket frames: a head of four octets and a payload (9.3). */
import { ProtocolError } from "../error.ts";
import { InterruptibleParser } from "./interruptible.ts";

export const FrameType = { Message: 0, Ping: 1, Pong: 2 } as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

export const FRAME_HEAD_SIZE = 4;
/** 2^24: needs the 25th bit, X (AMB-118). */
export const MAX_FRAME_LENGTH = 0x1000000;

export function writeFrameHead(bytes: Uint8Array, at: number, type: FrameType, length: number): void {
  bytes[at] = length === MAX_FRAME_LENGTH ? 0x08 | type : type;
  bytes[at + 1] = (length >> 16) & 0xff;
  bytes[at + 2] = (length >> 8) & 0xff;
  bytes[at + 3] = length & 0xff;
}

export interface FrameHandler {
  /** A WAMP message, PING or PONG: `bytes` from `start` to `end`. They stay valid: they are never written again. */
  frame(type: FrameType, bytes: Uint8Array, start: number, end: number): void;
}

/**
 * Finds frames in a stream of bytes, however it is cut (TRN-RAW-13). Nothing is allocated for a frame that is longer than
 * allowed (TRN-RAW-08), and a frame that arrives whole is handed on without a copy.
 */
export class FrameParser extends InterruptibleParser {
  /** The longest payload that is taken; may change between frames, but never above what this side announced. */
  maxLength: number;
  /** What of a frame arrived in earlier chunks: its head first, then the whole of it. */
  #partial = new Uint8Array(FRAME_HEAD_SIZE);
  #filled = 0;
  /** Head and payload of the frame that `#partial` holds, once its head is known. */
  #needed = FRAME_HEAD_SIZE;

  constructor(maxLength: number) {
    super();
    this.maxLength = maxLength;
  }

  /** @throws {ProtocolError} `FRAMING` or `TOO_LARGE`: fail the connection */
  push(chunk: Uint8Array, handler: FrameHandler): void {
    let at = 0;
    while (at < chunk.length && !this.isHalted) {
      if (this.#filled === 0 && chunk.length - at >= FRAME_HEAD_SIZE) {
        const length = this.#readHead(chunk, at);
        const end = at + FRAME_HEAD_SIZE + length;
        if (end <= chunk.length) {
          handler.frame(((chunk[at] as number) & 0x07) as FrameType, chunk, at + FRAME_HEAD_SIZE, end);
          at = end;
          continue;
        }
      }
      at = this.#collect(chunk, at, handler);
    }
    if (this.isHalted) this.keep(chunk.subarray(at));
  }

  /** Takes what `chunk` has of the frame that it does not hold whole. @returns the offset behind it */
  #collect(chunk: Uint8Array, start: number, handler: FrameHandler): number {
    let at = start;
    while (at < chunk.length) {
      const count = Math.min(this.#needed - this.#filled, chunk.length - at);
      this.#partial.set(chunk.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled < this.#needed) break;
      if (this.#needed === FRAME_HEAD_SIZE) {
        const length = this.#readHead(this.#partial, 0);
        if (length > 0) {
          const whole = new Uint8Array(FRAME_HEAD_SIZE + length);
          whole.set(this.#partial);
          this.#partial = whole;
          this.#needed = whole.length;
          continue;
        }
      }
      const frame = this.#partial;
      this.#partial = new Uint8Array(FRAME_HEAD_SIZE);
      this.#filled = 0;
      this.#needed = FRAME_HEAD_SIZE;
      handler.frame(((frame[0] as number) & 0x07) as FrameType, frame, FRAME_HEAD_SIZE, frame.length);
      break;
    }
    return at;
  }

  #readHead(bytes: Uint8Array, at: number): number {
    const first = bytes[at] as number;
    const low = ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
    const isLongest = (first & 0x08) !== 0;
    if ((first & 0xf0) !== 0 || (first & 0x07) > FrameType.Pong) {
      throw new ProtocolError(
        "FRAMING",
        `a RawSocket frame starts with 0x${first.toString(16).padStart(2, "0")}, which uses reserved bits`,
      ); // [TRN-RAW-09]
    }
    if (isLongest && low !== 0) throw new ProtocolError("FRAMING", "a RawSocket frame has its 25th length bit set and others too"); // [TRN-RAW-12]
    const length = isLongest ? MAX_FRAME_LENGTH : low;
    if (length > this.maxLength)
      throw new ProtocolError("TOO_LARGE", `a RawSocket frame of ${length} bytes; ${this.maxLength} are allowed`); // [TRN-RAW-08]
    return length;
  }
}
