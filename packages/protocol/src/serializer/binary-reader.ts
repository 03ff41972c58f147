/** What reading MessagePack and CBOR has in common: a message list whose elements announce their type and length. */
import { ProtocolError } from "../error.ts";
import { MAX_ID } from "../id.ts";
import { HeaderReader } from "../message/header-reader.ts";
import { NO_OPTIONS } from "../message/message.ts";
import { Payload } from "../message/payload.ts";
import { NOWHERE } from "./nowhere.ts";
import type { Serializer, ValueSink } from "./serializer.ts";
import { type TextCodec, TextTable } from "./text.ts";
import { ValueBuilder } from "./value-builder.ts";

/** What kind of value starts at the cursor. */
export type ValueKind = "null" | "text" | "binary" | "list" | "map" | "number" | "other";

/** A list or map whose end is marked instead of counted (CBOR). */
export const INDEFINITE = -1;

export abstract class BinaryReader extends HeaderReader {
  protected bytes: Uint8Array = new Uint8Array(0);
  protected at = 0;
  protected limit = 0;
  /** Where the message starts, for errors. */
  #start = 0;
  protected readonly codec: TextCodec;
  readonly #serializer: Serializer;
  readonly #table: TextTable;
  readonly #format: string;
  /** Elements of the message list that are still to come, or INDEFINITE. */
  #left = 0;
  /** Nobody reads the texts of the values that are walked. */
  #isDry = false;

  constructor(format: string, serializer: Serializer, codec: TextCodec) {
    super();
    this.#format = format;
    this.#serializer = serializer;
    this.codec = codec;
    this.#table = new TextTable(codec);
  }

  /** The kind of the value at the cursor, which stays. */
  protected abstract kind(): ValueKind;
  /** Over the head of the list or map at the cursor. @returns its count, or INDEFINITE */
  protected abstract open(): number;
  /** Whether the cursor stands at the end of an indefinite list, which it then passes. */
  protected abstract close(): boolean;
  /** Whether an indefinite list ends here; the cursor stays. */
  protected abstract isClosed(): boolean;
  /** The number at the cursor; NaN where it is no integer that a double holds. */
  protected abstract number(): number;
  /** Over the head of the text at the cursor. @returns its length in bytes, -1 for a text in chunks */
  protected abstract textHead(): number;
  /** Passes a text in chunks. @returns it as one string */
  protected abstract chunkedText(): string;
  /** Passes one value, checking it. `depth` counts the containers around it. */
  protected abstract skip(depth: number): void;
  /** Tells one checked value. In a header (`isHeader`) tags and extension types are refused. */
  protected abstract walkValue(sink: ValueSink, isHeader: boolean): void;

  begin(bytes: Uint8Array, start: number, end: number): number {
    this.bytes = bytes;
    this.#start = start;
    this.at = start;
    this.limit = end;
    this.type = 0;
    this.element = 0;
    if (start === end) this.malformed("a message");
    if (this.kind() !== "list") throw new ProtocolError("MALFORMED_MESSAGE", "a message must be a list"); // [MSG-01]
    this.#left = this.open();
    if (!this.hasMore()) throw new ProtocolError("MALFORMED_MESSAGE", "a message must not be an empty list");
    if (this.#left > 0) this.#left--;
    this.type = this.#unsigned();
    return this.type;
  }

  hasMore(): boolean {
    return this.#left === INDEFINITE ? !this.isClosed() : this.#left > 0;
  }

  uint(): number {
    this.#next();
    return this.#unsigned();
  }

  text(): string {
    this.#next();
    return this.#text("must be a string");
  }

  textOrNull(): string | null {
    this.#next();
    if (this.kind() !== "null") return this.#text("must be a string or null");
    this.at++;
    return null;
  }

  dict(): Record<string, unknown> {
    this.#next();
    if (this.kind() !== "map") this.fail("MALFORMED_MESSAGE", "must be a dict");
    const start = this.at;
    const count = this.open();
    if (count === 0 || (count === INDEFINITE && this.close())) return NO_OPTIONS;
    this.at = start;
    this.skip(1);
    const end = this.at;
    this.at = start;
    const builder = new ValueBuilder(true);
    this.walkValue(builder, true);
    this.at = end;
    return builder.values[0] as Record<string, unknown>;
  }

  payload(): Payload {
    if (!this.hasMore()) {
      this.end();
      return Payload.EMPTY;
    }
    this.#next();
    const start = this.at;
    const kind = this.kind();
    if (kind === "null") return this.#payloadWithNull();
    if (kind !== "list") this.fail("MALFORMED_MESSAGE", "(Args) must be a list");
    this.skip(1);
    const argsEnd = this.at;
    const hasKwargs = this.#kwargs();
    const end = this.at;
    this.end();
    return hasKwargs
      ? Payload.encoded(this.#serializer, this.bytes, start, end, 2)
      : Payload.encoded(this.#serializer, this.bytes, start, argsEnd, 1);
  }

  transparentPayload(): Payload {
    if (!this.hasMore() || this.kind() !== "binary") return this.payload();
    this.#next();
    const start = this.at;
    this.skip(1);
    const end = this.at;
    this.end();
    return Payload.transparent(this.#serializer, this.bytes, start, end);
  }

  end(): void {
    if (this.#left === INDEFINITE ? !this.close() : this.#left > 0) {
      throw new ProtocolError("MALFORMED_MESSAGE", `message type ${this.type}: more than ${this.element + 1} elements`);
    }
    if (this.at !== this.limit) this.malformed("nothing behind the message");
  }

  /** The values of a checked tail of a message list, one by one. */
  walk(bytes: Uint8Array, start: number, end: number, count: number, sink: ValueSink): void {
    this.bytes = bytes;
    this.at = start;
    this.limit = end;
    for (let i = 0; i < count; i++) this.walkValue(sink, false);
  }

  /** Where the values of a checked tail of a message list lie. */
  bounds(bytes: Uint8Array, start: number, end: number, count: number, depth: number): readonly number[] {
    this.bytes = bytes;
    this.at = start;
    this.limit = end;
    const found: number[] = [];
    for (let i = 0; i < count; i++) {
      const valueStart = this.at;
      this.skip(depth);
      found.push(valueStart, this.at);
      this.at = valueStart;
      this.#isDry = true;
      try {
        this.walkValue(NOWHERE, false);
      } finally {
        this.#isDry = false;
      }
    }
    return found;
  }

  protected malformed(expected: string): never {
    const where = this.type === 0 ? "" : ` (message type ${this.type})`;
    throw new ProtocolError("MALFORMED_BYTES", `${this.#format}${where}: expected ${expected} at byte ${this.at - this.#start}`);
  }

  /** Refuses a length that the bytes left cannot hold, before anything is allocated or walked (T18). */
  protected need(count: number): void {
    if (count > this.limit - this.at) this.malformed(`${count} more bytes`);
  }

  /** Passes `length` bytes of text, checking that they are UTF-8. */
  protected skipText(length: number): void {
    this.need(length);
    const { bytes, at } = this;
    const end = at + length;
    this.at = end;
    if (length <= SHORT_TEXT) {
      let i = at;
      while (i < end && (bytes[i] as number) < 0x80) i++;
      if (i === end) return;
    }
    if (!this.codec.isUtf8(bytes, at, end)) this.malformed("well-formed UTF-8");
  }

  /** `length` bytes of checked text at the cursor as a string. */
  protected takeText(length: number): string {
    const start = this.at;
    this.at += length;
    return this.#isDry ? "" : this.codec.decode(this.bytes, start, this.at);
  }

  /** To the next element of the message list. */
  #next(): void {
    this.element++;
    if (!this.hasMore()) this.fail("MALFORMED_MESSAGE", "is missing");
    if (this.#left > 0) this.#left--;
  }

  #unsigned(): number {
    if (this.kind() !== "number") this.fail("MALFORMED_MESSAGE", "must be an integer");
    const value = this.number();
    if (!(value >= 0 && value <= MAX_ID)) this.fail("INVALID_ID", "must be an integer from 0 to 2^53"); // NaN too
    return value + 0; // -0 becomes 0
  }

  #text(expected: string): string {
    if (this.kind() !== "text") this.fail("MALFORMED_MESSAGE", expected);
    const length = this.textHead();
    if (length < 0) return this.chunkedText();
    this.need(length);
    const { bytes, at } = this;
    const end = at + length;
    let i = at;
    while (i < end && (bytes[i] as number) < 0x80) i++;
    this.at = end;
    if (i === end) return this.#table.text(bytes, at, end);
    if (!this.codec.isUtf8(bytes, at, end)) this.malformed("well-formed UTF-8");
    return this.codec.decode(bytes, at, end);
  }

  // [AMB-14] `null` is absent.
  #kwargs(): boolean {
    if (!this.hasMore()) return false;
    this.#next();
    const kind = this.kind();
    if (kind === "null") {
      this.at++;
      return false;
    }
    if (kind !== "map") this.fail("MALFORMED_MESSAGE", "(Kwargs) must be a dict");
    this.skip(1);
    return true;
  }

  // [AMB-14] `null` for Args: absent, or an empty list where Kwargs follow.
  #payloadWithNull(): Payload {
    this.at++;
    const start = this.at;
    const hasKwargs = this.#kwargs();
    const end = this.at;
    this.end();
    if (!hasKwargs) return Payload.EMPTY;
    const writer = this.#serializer.valueWriter();
    writer.listStart(0);
    writer.listEnd();
    const empty = writer.finish();
    const tail = new Uint8Array(empty.length + end - start);
    tail.set(empty);
    tail.set(this.bytes.subarray(start, end), empty.length);
    return Payload.encoded(this.#serializer, tail, 0, tail.length, 2);
  }
}

/** Up to this length a loop beats the call into the engine. */
const SHORT_TEXT = 32;

/** Big-endian numbers. The caller has checked that the bytes are there. */
export function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
export function uint32(bytes: Uint8Array, at: number): number {
  return uint16(bytes, at) * 0x10000 + uint16(bytes, at + 2);
}
/** A double: inexact beyond 2^53, and then beyond it too. */
export function uint64(bytes: Uint8Array, at: number): number {
  return uint32(bytes, at) * 0x100000000 + uint32(bytes, at + 4);
}
export function bigUint64(bytes: Uint8Array, at: number): bigint {
  return (BigInt(uint32(bytes, at)) << 32n) | BigInt(uint32(bytes, at + 4));
}

const scratch = new DataView(new ArrayBuffer(8));
export function float32(bytes: Uint8Array, at: number): number {
  for (let i = 0; i < 4; i++) scratch.setUint8(i, bytes[at + i] as number);
  return scratch.getFloat32(0);
}
export function float64(bytes: Uint8Array, at: number): number {
  for (let i = 0; i < 8; i++) scratch.setUint8(i, bytes[at + i] as number);
  return scratch.getFloat64(0);
}
