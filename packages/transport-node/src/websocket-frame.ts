/**
 * WebSocket frames from a client (RFC 6455, 5): found in a stream of bytes however it is cut, checked, unmasked and, where
 * fragmented, joined. No extensions. Text is not checked for UTF-8: the serializer does that.
 *
 * Written here, where `ws` has a receiver, because a router lives by it: bench/receive.mjs shows what it saves.
 */
import { isUtf8 } from "node:buffer";
import { createRequire } from "node:module";
import { copyOf, InterruptibleParser, ProtocolError } from "@junctor/protocol";

export interface WebSocketHandler {
  /** The payload of a whole message: `bytes` from `start` to `end`. They stay valid: they are never written again. */
  message(bytes: Uint8Array, start: number, end: number, isBinary: boolean): void;
  pinged(payload: Uint8Array): void;
  ponged(): void;
  /** Nothing comes after it. @param status 1005 where the peer gave none @param payload status and reason as they came */
  closed(status: number, payload: Uint8Array): void;
}

export class WebSocketFrameParser extends InterruptibleParser {
  /** The longest message that is taken; may change between messages. */
  maxLength: number;
  readonly #maxFragments: number;
  /** The beginning of a head whose rest has not arrived. */
  #rest: Uint8Array | undefined = undefined;

  // The frame that was begun last.
  #isFinal = false;
  #opcode = 0;
  #length = 0;
  /** Four octets, the first one lowest. */
  #mask = 0;
  /** Its payload as far as it has arrived, where it came in several chunks. */
  #payload: Uint8Array | undefined = undefined;
  #filled = 0;

  /** Of the message that is under way, where it comes in fragments. */
  #fragments: Uint8Array[] | undefined = undefined;
  #fragmentsLength = 0;
  #isBinary = false;

  constructor(maxLength: number, maxFragments: number) {
    super();
    this.maxLength = maxLength;
    this.#maxFragments = maxFragments;
  }

  /**
   * @param chunk is unmasked in place and belongs to the parser from now on
   * @throws {ProtocolError} `FRAMING`, `TOO_LARGE`, or `MALFORMED_BYTES` for a close reason: fail the connection
   */
  push(chunk: Uint8Array, handler: WebSocketHandler): void {
    if (this.isHalted) {
      this.keep(chunk);
      return;
    }
    let bytes = chunk;
    if (this.#rest !== undefined) {
      bytes = Buffer.concat([this.#rest, chunk]);
      this.#rest = undefined;
    }
    let at = this.#payload === undefined ? 0 : this.#fill(this.#payload, bytes, 0, handler);
    while (at < bytes.length && !this.isHalted) {
      const start = this.#readHead(bytes, at);
      if (start < 0) {
        this.#rest = copyOf(bytes, at, bytes.length);
        return;
      }
      const end = start + this.#length;
      if (end <= bytes.length) {
        unmask(bytes, start, end, this.#mask);
        this.#deliver(bytes, start, end, handler);
        at = end;
      } else {
        this.#payload = Buffer.allocUnsafe(this.#length);
        this.#filled = 0;
        at = this.#fill(this.#payload, bytes, start, handler);
      }
    }
    if (this.isHalted) this.keep(bytes.subarray(at));
  }

  /** @returns where the payload starts, -1 where the head has not arrived whole */
  #readHead(bytes: Uint8Array, at: number): number {
    const left = bytes.length - at;
    if (left < 2) return -1;
    const first = bytes[at] as number;
    const second = bytes[at + 1] as number;
    if ((first & 0x70) !== 0) throw framing("reserved bits are set, but no extension was agreed on");
    if ((second & 0x80) === 0) throw framing("a client must mask its frames"); // [RFC 6455, 5.1]
    this.#isFinal = (first & 0x80) !== 0;
    this.#opcode = first & 0x0f;
    let length = second & 0x7f;
    if (this.#opcode >= Opcode.Close) this.#checkControl(length);
    else if (this.#opcode > Opcode.Binary) throw framing(`there is no opcode ${this.#opcode}`);
    else if (this.#opcode === Opcode.Continuation) {
      if (this.#fragments === undefined) throw framing("a continuation of no message");
    } else if (this.#fragments !== undefined) throw framing("a message begins inside another one");
    let start = at + 6;
    if (length === 126) {
      if (left < 4) return -1;
      length = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
      start = at + 8;
    } else if (length === 127) {
      if (left < 10) return -1;
      length = uint32(bytes, at + 2) * 0x100000000 + uint32(bytes, at + 6);
      start = at + 14;
    }
    if (this.#fragmentsLength + length > this.maxLength && this.#opcode < Opcode.Close) {
      throw new ProtocolError(
        "TOO_LARGE",
        `a message of ${this.#fragmentsLength + length} bytes or more; the limit is ${this.maxLength} now`,
      );
    }
    if (start > bytes.length) return -1;
    this.#length = length;
    this.#mask =
      ((bytes[start - 1] as number) << 24) |
      ((bytes[start - 2] as number) << 16) |
      ((bytes[start - 3] as number) << 8) |
      (bytes[start - 4] as number);
    return start;
  }

  // [RFC 6455, 5.5]
  #checkControl(length: number): void {
    if (this.#opcode > Opcode.Pong) throw framing(`there is no opcode ${this.#opcode}`);
    if (!this.#isFinal) throw framing("a control frame must not be fragmented");
    if (length > 125) throw framing("the payload of a control frame has 125 bytes at most");
    if (this.#opcode === Opcode.Close && length === 1) throw framing("a status has two bytes");
  }

  /** Takes what `bytes` has of a payload that comes in pieces. @returns the offset behind it */
  #fill(payload: Uint8Array, bytes: Uint8Array, at: number, handler: WebSocketHandler): number {
    const end = Math.min(at + payload.length - this.#filled, bytes.length);
    payload.set(bytes.subarray(at, end), this.#filled);
    this.#filled += end - at;
    if (this.#filled === payload.length) {
      this.#payload = undefined;
      unmask(payload, 0, payload.length, this.#mask);
      this.#deliver(payload, 0, payload.length, handler);
    }
    return end;
  }

  #deliver(bytes: Uint8Array, start: number, end: number, handler: WebSocketHandler): void {
    switch (this.#opcode) {
      case Opcode.Ping:
        handler.pinged(bytes.subarray(start, end));
        return;
      case Opcode.Pong:
        handler.ponged();
        return;
      case Opcode.Close:
        this.stop();
        handler.closed(...closing(bytes.subarray(start, end)));
        return;
      case Opcode.Continuation:
        this.#join(bytes, start, end, handler);
        return;
      default:
        if (this.#isFinal) handler.message(bytes, start, end, this.#opcode === Opcode.Binary);
        else {
          this.#fragments = [copyOf(bytes, start, end)];
          this.#fragmentsLength = end - start;
          this.#isBinary = this.#opcode === Opcode.Binary;
        }
    }
  }

  #join(bytes: Uint8Array, start: number, end: number, handler: WebSocketHandler): void {
    const fragments = this.#fragments ?? [];
    if (fragments.length >= this.#maxFragments)
      throw new ProtocolError("TOO_LARGE", `a message of more than ${this.#maxFragments} fragments`);
    // A copy, because a slice of a few bytes would keep the whole chunk.
    fragments.push(copyOf(bytes, start, end));
    this.#fragmentsLength += end - start;
    if (!this.#isFinal) return;
    const whole = Buffer.concat(fragments, this.#fragmentsLength);
    this.#fragments = undefined;
    this.#fragmentsLength = 0;
    handler.message(whole, 0, whole.length, this.#isBinary);
  }
}

/** The status of a CLOSE frame, checked (RFC 6455, 5.5.1, 7.4). */
function closing(payload: Uint8Array): [status: number, payload: Uint8Array] {
  if (payload.length === 0) return [1005, payload];
  const status = ((payload[0] as number) << 8) | (payload[1] as number);
  const isValid =
    (status >= 1000 && status <= 1014 && status !== 1004 && status !== 1005 && status !== 1006) || (status >= 3000 && status <= 4999);
  if (!isValid) throw framing(`${status} is no status that a peer may give`);
  if (!isUtf8(payload.subarray(2))) throw new ProtocolError("MALFORMED_BYTES", "the reason of a CLOSE frame is no UTF-8");
  return [status, payload];
}

/**
 * Short payloads byte by byte, middling ones by words, long ones natively where `bufferutil` is installed. Measured by
 * bench/receive.mjs: 64 KiB take 3 µs natively, 12 µs by words, 50 µs byte by byte.
 */
function unmask(bytes: Uint8Array, start: number, end: number, mask: number): void {
  if (native !== undefined && end - start >= NATIVE_PAYS) {
    for (let i = 0; i < 4; i++) octets[i] = mask >>> (i << 3);
    native(bytes.subarray(start, end), octets);
    return;
  }
  let at = start;
  if (end - start >= WORDS_PAY) {
    for (; ((bytes.byteOffset + at) & 3) !== 0; at++) bytes[at] = (bytes[at] as number) ^ (mask >>> (((at - start) & 3) << 3));
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, (end - at) >> 2);
    const word = wordOf(mask, at - start);
    let i = 0;
    for (; i + 3 < words.length; i += 4) {
      words[i] = (words[i] as number) ^ word;
      words[i + 1] = (words[i + 1] as number) ^ word;
      words[i + 2] = (words[i + 2] as number) ^ word;
      words[i + 3] = (words[i + 3] as number) ^ word;
    }
    at += i << 2;
  }
  for (; at < end; at++) bytes[at] = (bytes[at] as number) ^ (mask >>> (((at - start) & 3) << 3));
}

/** The mask, for the native one: made anew for each frame it took a fiftieth of rpc4k. */
const octets = new Uint8Array(4);
const scratch = new Int32Array(1);
const scratchBytes = new Uint8Array(scratch.buffer);

/** The mask from its octet `from` on as a word of this machine. */
function wordOf(mask: number, from: number): number {
  for (let i = 0; i < 4; i++) scratchBytes[i] = mask >>> (((from + i) & 3) << 3);
  return scratch[0] as number;
}

const native = ((): ((bytes: Uint8Array, mask: Uint8Array) => void) | undefined => {
  try {
    return (createRequire(import.meta.url)("bufferutil") as { unmask: (bytes: Uint8Array, mask: Uint8Array) => void }).unmask;
  } catch {
    return undefined; // an optional dependency
  }
})();

function uint32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) * 0x1000000 + (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
  );
}

function framing(problem: string): ProtocolError {
  return new ProtocolError("FRAMING", `WebSocket: ${problem}`);
}

const NATIVE_PAYS = 512;
const WORDS_PAY = 64;
/** [RFC 6455, 5.2] */
const Opcode = { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const;
