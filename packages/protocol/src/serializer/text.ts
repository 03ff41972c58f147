/** UTF-8: validation, decoding, and a table that saves decoding the same short text again. */
import { copyOf } from "./byte-buffer.ts";

/**
 * How bytes become strings. The portable one below works everywhere; Node.js has faster ones, which its transport
 * passes in.
 */
export interface TextCodec {
  /** Whether `bytes[start, end)` is well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
  isUtf8(bytes: Uint8Array, start: number, end: number): boolean;
  /** `bytes[start, end)`, which is well-formed UTF-8, as a string. A byte order mark is a character like any other. */
  decode(bytes: Uint8Array, start: number, end: number): string;
  /**
   * Passes what a JSON string may hold as it is and is ASCII: for long ones, from where words of four octets are aligned.
   * @returns an offset with nothing else before it; not always the last such
   */
  skipPlain(bytes: Uint8Array, start: number, end: number): number;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const portableText: TextCodec = {
  isUtf8(bytes, start, end) {
    let at = start;
    while (at < end) {
      const next = utf8Next(bytes, at, end);
      if (next < 0) return false;
      at = next;
    }
    return true;
  },
  decode(bytes, start, end) {
    return decoder.decode(bytes.subarray(start, end));
  },
  skipPlain: skipPlainWords,
};

/**
 * Passes four bytes at a time while none of them is a quote, a backslash, a control character or outside ASCII: a third
 * of the time of a byte loop on long strings (bench/decode.mjs). Each term sets the top bit of a byte that is, or of
 * one that only looks so because a neighbour borrowed; the caller's byte loop has the last word. No term depends on the
 * order of the bytes in a word.
 */
function skipPlainWords(bytes: Uint8Array, at: number, end: number): number {
  const words = new Uint32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2);
  const offset = bytes.byteOffset;
  let i = (offset + at) >> 2;
  const last = (offset + end) >> 2;
  for (; i < last; i++) {
    const word = words[i] as number;
    const quotes = word ^ 0x22222222;
    const backslashes = word ^ 0x5c5c5c5c;
    if (((word | (word - 0x20202020) | (quotes - 0x01010101) | (backslashes - 0x01010101)) & 0x80808080) !== 0) break;
  }
  return (i << 2) - offset;
}

/** The offset behind the character at `at`, or -1 where none is well-formed there (Unicode 15, table 3-7). */
export function utf8Next(bytes: Uint8Array, at: number, end: number): number {
  const c = bytes[at] as number;
  if (c < 0x80) return at + 1;
  if (c < 0xc2) return -1;
  if (c < 0xe0) return at + 2 <= end && isTail(bytes[at + 1]) ? at + 2 : -1;
  const second = bytes[at + 1] as number;
  if (c < 0xf0) {
    if (at + 3 > end || !isTail(bytes[at + 2])) return -1;
    const low = c === 0xe0 ? 0xa0 : 0x80;
    const high = c === 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high ? at + 3 : -1;
  }
  if (c > 0xf4 || at + 4 > end || !isTail(bytes[at + 2]) || !isTail(bytes[at + 3])) return -1;
  const low = c === 0xf0 ? 0x90 : 0x80;
  const high = c === 0xf4 ? 0x8f : 0xbf;
  return second >= low && second <= high ? at + 4 : -1;
}

function isTail(byte: number | undefined): boolean {
  return ((byte as number) & 0xc0) === 0x80;
}

/**
 * Short ASCII texts that came before: URIs, mostly. A hit costs a hash and a comparison in plain loops instead of a call
 * that allocates, and hands out the same string object each time, whose own hash the engine has computed already. One
 * slot per hash: a newcomer replaces whatever sat there, so the table is bounded and a peer can only make it useless to
 * itself. Measured by bench/decode.mjs: about 100 ns less per URI.
 */
export class TextTable {
  readonly #bytes: (Uint8Array | undefined)[] = new Array(SLOTS).fill(undefined);
  readonly #texts: string[] = new Array(SLOTS).fill("");
  readonly #codec: TextCodec;

  constructor(codec: TextCodec) {
    this.#codec = codec;
  }

  /** `bytes[start, end)`, which is ASCII, as a string. */
  text(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start;
    if (length > LONGEST) return this.#codec.decode(bytes, start, end);
    let hash = length;
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0;
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const known = this.#bytes[slot];
    if (known !== undefined && known.length === length) {
      let i = 0;
      while (i < length && known[i] === bytes[start + i]) i++;
      if (i === length) return this.#texts[slot] as string;
    }
    const text = this.#codec.decode(bytes, start, end);
    this.#bytes[slot] = copyOf(bytes, start, end);
    this.#texts[slot] = text;
    return text;
  }
}

const SLOTS = 1024;
const LONGEST = 128;
