/** The MessagePack serializer: `wamp.2.msgpack`, binary frames, RawSocket number 2 (SER-05). */
import { SerializationError } from "../error.ts";
import { NO_OPTIONS } from "../message/message.ts";
import { BinarySerializer, BinaryWriter } from "./binary-serializer.ts";
import { ByteBuffer } from "./byte-buffer.ts";
import { emit } from "./emit.ts";
import { GrowingHeads } from "./growing-head.ts";
import type { SerializerOptions } from "./json.ts";
import { MsgpackReader } from "./msgpack-reader.ts";
import type { ValueWriter } from "./serializer.ts";
import { portableText } from "./text.ts";

export class MsgpackSerializer extends BinarySerializer {
  readonly name = "msgpack";
  readonly rawSocketId = 2;
  protected readonly reader: MsgpackReader;
  protected readonly writer = new MsgpackWriter(this);

  constructor(options: SerializerOptions = {}) {
    super(options);
    this.reader = new MsgpackReader("MessagePack", this, options.text ?? portableText);
  }

  valueWriter(): ValueWriter {
    return new MsgpackValueWriter(new ByteBuffer());
  }
}

class MsgpackWriter extends BinaryWriter {
  begin(type: number, count: number): void {
    this.out.ensure(1);
    this.out.bytes[this.out.position++] = 0x90 | count; // no message has more than 7 elements
    appendInt(this.out, type);
  }

  uint(value: number): void {
    appendInt(this.out, value);
  }

  text(value: string): void {
    appendText(this.out, value);
  }

  dict(value: object): void {
    if (value !== NO_OPTIONS) {
      emit(value, new MsgpackValueWriter(this.out), 1);
      return;
    }
    this.out.ensure(1);
    this.out.bytes[this.out.position++] = 0x80;
  }
}

class MsgpackValueWriter implements ValueWriter {
  readonly #out: ByteBuffer;
  readonly #heads: GrowingHeads;

  constructor(out: ByteBuffer) {
    this.#out = out;
    this.#heads = new GrowingHeads(out);
  }

  null(): void {
    this.#byte(0xc0);
  }
  bool(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2);
  }
  int(value: number | bigint): void {
    this.#heads.item(false);
    if (typeof value === "number") appendInt(this.#out, value);
    else appendBigInt(this.#out, value);
  }
  float(value: number): void {
    this.#heads.item(false);
    appendFloat(this.#out, 0xcb, value);
  }
  text(value: string): void {
    this.#heads.item(false);
    appendText(this.#out, value);
  }
  binary(value: Uint8Array): void {
    this.#heads.item(false);
    const { length } = value;
    const head = length < 0x100 ? [0xc4, length] : length < 0x10000 ? [0xc5, length >> 8, length & 0xff] : [0xc6, ...bytesOf32(length)];
    this.#out.append(Uint8Array.from(head), 0, head.length);
    this.#out.append(value, 0, length);
  }
  listStart(): void {
    this.#heads.open(false);
  }
  listEnd(): void {
    this.#heads.close((count) =>
      count < 16 ? [0x90 | count] : count < 0x10000 ? [0xdc, count >> 8, count & 0xff] : [0xdd, ...bytesOf32(count)],
    );
  }
  mapStart(): void {
    this.#heads.open(true);
  }
  key(value: string): void {
    this.#heads.item(true);
    appendText(this.#out, value);
  }
  mapEnd(): void {
    this.#heads.close((count) =>
      count < 16 ? [0x80 | count] : count < 0x10000 ? [0xde, count >> 8, count & 0xff] : [0xdf, ...bytesOf32(count)],
    );
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

/** The shortest form (SER-13). */
function appendInt(out: ByteBuffer, value: number): void {
  out.ensure(9);
  const { bytes } = out;
  let at = out.position;
  if (value < 0) {
    appendNegative(out, value);
    return;
  }
  if (value < 0x80) bytes[at++] = value;
  else if (value < 0x100) {
    bytes[at++] = 0xcc;
    bytes[at++] = value;
  } else if (value < 0x10000) {
    bytes[at++] = 0xcd;
    bytes[at++] = value >> 8;
    bytes[at++] = value & 0xff;
  } else if (value < 0x100000000) {
    bytes[at] = 0xce;
    at = append32(bytes, at + 1, value);
  } else {
    bytes[at] = 0xcf;
    at = append32(bytes, at + 1, Math.floor(value / 0x100000000));
    at = append32(bytes, at, value % 0x100000000);
  }
  out.position = at;
}

function appendNegative(out: ByteBuffer, value: number): void {
  const { bytes } = out;
  let at = out.position;
  if (value >= -0x20) bytes[at++] = value & 0xff;
  else if (value >= -0x80) {
    bytes[at++] = 0xd0;
    bytes[at++] = value & 0xff;
  } else if (value >= -0x8000) {
    bytes[at++] = 0xd1;
    bytes[at++] = (value >> 8) & 0xff;
    bytes[at++] = value & 0xff;
  } else if (value >= -0x80000000) {
    bytes[at] = 0xd2;
    at = append32(bytes, at + 1, value);
  } else {
    appendBigInt(out, BigInt(value));
    return;
  }
  out.position = at;
}

function appendBigInt(out: ByteBuffer, value: bigint): void {
  if (value > 0xffffffffffffffffn || value < -0x8000000000000000n)
    throw new SerializationError("an integer beyond 64 bits has no form in MessagePack"); // [AMB-32]
  out.ensure(9);
  const { bytes } = out;
  bytes[out.position] = value < 0n ? 0xd3 : 0xcf;
  const unsigned = BigInt.asUintN(64, value);
  append32(bytes, out.position + 1, Number(unsigned >> 32n));
  out.position = append32(bytes, out.position + 5, Number(unsigned & 0xffffffffn));
}

function appendText(out: ByteBuffer, text: string): void {
  const { length } = text;
  out.ensure(5 + 3 * length); // once, for head and bytes: what is written must not move in between
  const { bytes } = out;
  if (length < 32) {
    // The common case: short and ASCII, whose length in bytes is known.
    let at = out.position;
    bytes[at++] = 0xa0 | length;
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
  const size = out.position - start - 5;
  const head =
    size < 32 ? [0xa0 | size] : size < 0x100 ? [0xd9, size] : size < 0x10000 ? [0xda, size >> 8, size & 0xff] : [0xdb, ...bytesOf32(size)];
  out.bytes.set(head, start);
  if (head.length < 5) {
    out.bytes.copyWithin(start + head.length, start + 5, out.position);
    out.position -= 5 - head.length;
  }
}

/** A head and an IEEE 754 double behind it. */
export function appendFloat(out: ByteBuffer, head: number, value: number): void {
  out.ensure(9);
  const { bytes } = out;
  bytes[out.position++] = head;
  scratch.setFloat64(0, value);
  for (let i = 0; i < 8; i++) bytes[out.position++] = scratch.getUint8(i);
}
const scratch = new DataView(new ArrayBuffer(8));

function append32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 24;
  bytes[at + 1] = (value >>> 16) & 0xff;
  bytes[at + 2] = (value >>> 8) & 0xff;
  bytes[at + 3] = value & 0xff;
  return at + 4;
}

export function bytesOf32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}
