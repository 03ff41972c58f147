/** The CBOR serializer: `wamp.2.cbor`, binary frames, RawSocket number 3 (SER-06). */
import { NO_OPTIONS } from "../message/message.ts";
import { BinarySerializer, BinaryWriter } from "./binary-serializer.ts";
import { ByteBuffer } from "./byte-buffer.ts";
import { CborReader } from "./cbor-reader.ts";
import { emit } from "./emit.ts";
import { GrowingHeads } from "./growing-head.ts";
import type { SerializerOptions } from "./json.ts";
import { appendFloat, bytesOf32 } from "./msgpack.ts";
import type { ValueWriter } from "./serializer.ts";
import { portableText } from "./text.ts";

export class CborSerializer extends BinarySerializer {
  readonly name = "cbor";
  readonly rawSocketId = 3;
  protected readonly reader: CborReader;
  protected readonly writer = new CborWriter(this);

  constructor(options: SerializerOptions = {}) {
    super(options);
    this.reader = new CborReader("CBOR", this, options.text ?? portableText);
  }

  valueWriter(): ValueWriter {
    return new CborValueWriter(new ByteBuffer());
  }
}

class CborWriter extends BinaryWriter {
  begin(type: number, count: number): void {
    appendHead(this.out, LIST, count);
    appendHead(this.out, UNSIGNED, type);
  }

  uint(value: number): void {
    appendHead(this.out, UNSIGNED, value);
  }

  text(value: string): void {
    appendText(this.out, value);
  }

  dict(value: object): void {
    if (value === NO_OPTIONS) appendHead(this.out, MAP, 0);
    else emit(value, new CborValueWriter(this.out), 1);
  }
}

class CborValueWriter implements ValueWriter {
  readonly #out: ByteBuffer;
  readonly #heads: GrowingHeads;

  constructor(out: ByteBuffer) {
    this.#out = out;
    this.#heads = new GrowingHeads(out);
  }

  null(): void {
    this.#byte(0xf6);
  }
  bool(value: boolean): void {
    this.#byte(value ? 0xf5 : 0xf4);
  }
  int(value: number | bigint): void {
    this.#heads.item(false);
    if (typeof value === "bigint") appendBigInt(this.#out, value);
    else if (value >= 0) appendHead(this.#out, UNSIGNED, value);
    else appendHead(this.#out, NEGATIVE, -1 - value);
  }
  float(value: number): void {
    this.#heads.item(false);
    appendFloat(this.#out, 0xfb, value);
  }
  text(value: string): void {
    this.#heads.item(false);
    appendText(this.#out, value);
  }
  binary(value: Uint8Array): void {
    this.#heads.item(false);
    appendBytes(this.#out, value);
  }
  listStart(): void {
    this.#heads.open(false);
  }
  listEnd(): void {
    this.#heads.close((count) => head(LIST, count));
  }
  mapStart(): void {
    this.#heads.open(true);
  }
  key(value: string): void {
    this.#heads.item(true);
    appendText(this.#out, value);
  }
  mapEnd(): void {
    this.#heads.close((count) => head(MAP, count));
  }
  encoded(bytes: Uint8Array, start: number, end: number): void {
    this.#heads.item(false);
    this.#out.append(bytes, start, end);
  }
  finish(): Uint8Array {
    return this.#out.copy();
  }

  #byte(value: number): void {
    this.#heads.item(false);
    this.#out.ensure(1);
    this.#out.bytes[this.#out.position++] = value;
  }
}

/** A head in its shortest form (SER-13). */
function head(major: number, value: number): number[] {
  const m = major << 5;
  if (value < 24) return [m | value];
  if (value < 0x100) return [m | 24, value];
  if (value < 0x10000) return [m | 25, value >> 8, value & 0xff];
  if (value < 0x100000000) return [m | 26, ...bytesOf32(value)];
  return [m | 27, ...bytesOf32(Math.floor(value / 0x100000000)), ...bytesOf32(value % 0x100000000)];
}

/** As `head`, without an array for the sizes that hot paths write. */
function appendHead(out: ByteBuffer, major: number, value: number): void {
  out.ensure(9);
  const { bytes } = out;
  const m = major << 5;
  let at = out.position;
  if (value < 24) bytes[at++] = m | value;
  else if (value < 0x100) {
    bytes[at++] = m | 24;
    bytes[at++] = value;
  } else if (value < 0x10000) {
    bytes[at++] = m | 25;
    bytes[at++] = value >> 8;
    bytes[at++] = value & 0xff;
  } else {
    const long = head(major, value);
    for (let i = 0; i < long.length; i++) bytes[at++] = long[i] as number;
  }
  out.position = at;
}

function appendBytes(out: ByteBuffer, value: Uint8Array): void {
  appendHead(out, BYTES, value.length);
  out.append(value, 0, value.length);
}

/** 64 bits as an integer, more as a tagged byte string (RFC 8949, 3.4.3). */
function appendBigInt(out: ByteBuffer, value: bigint): void {
  const magnitude = value < 0n ? -1n - value : value;
  if (magnitude <= 0xffffffffffffffffn) {
    out.ensure(9);
    const { bytes } = out;
    bytes[out.position++] = ((value < 0n ? NEGATIVE : UNSIGNED) << 5) | 27;
    for (let shift = 56n; shift >= 0n; shift -= 8n) bytes[out.position++] = Number((magnitude >> shift) & 0xffn);
    return;
  }
  const digits = magnitude.toString(16);
  const hex = digits.length % 2 === 0 ? digits : `0${digits}`;
  appendHead(out, TAG, value < 0n ? 3 : 2);
  appendBytes(
    out,
    Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)),
  );
}

function appendText(out: ByteBuffer, text: string): void {
  const { length } = text;
  out.ensure(5 + 3 * length); // once, for head and bytes: what is written must not move in between
  if (length < 24) {
    // The common case: short and ASCII, whose length in bytes is known.
    const { bytes } = out;
    let at = out.position;
    bytes[at++] = (TEXT << 5) | length;
    let i = 0;
    for (; i < length; i++) {
      const c = text.charCodeAt(i);
      if (c >= 0x80) break;
      bytes[at++] = c;
    }
    if (i === length) {
      out.position = at;
      return;
    }
  }
  const start = out.position;
  out.position += 5;
  out.appendText(text);
  const lead = head(TEXT, out.position - start - 5);
  out.bytes.set(lead, start);
  if (lead.length < 5) {
    out.bytes.copyWithin(start + lead.length, start + 5, out.position);
    out.position -= 5 - lead.length;
  }
}

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const LIST = 4;
const MAP = 5;
const TAG = 6;
