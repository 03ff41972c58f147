/**
 * Reads CBOR (RFC 8949, SER-06): the elements of a message list, and payload values one by one. Tags are refused in a
 * message's own maps and pass through unread in payloads (AMB-32).
 */
import { ProtocolError, SerializationError } from "../error.ts";
import { MAX_ID } from "../id.ts";
import { BinaryReader, bigUint64, float32, float64, INDEFINITE, uint16, uint32, uint64, type ValueKind } from "./binary-reader.ts";
import { copyOf } from "./byte-buffer.ts";
import { narrow } from "./integer.ts";
import { timestampText } from "./msgpack-reader.ts";
import { MAX_DEPTH, type ValueSink } from "./serializer.ts";
import { ValueBuilder } from "./value-builder.ts";

export class CborReader extends BinaryReader {
  protected kind(): ValueKind {
    this.need(1);
    const c = this.bytes[this.at] as number;
    switch (c >> 5) {
      case UNSIGNED:
      case NEGATIVE:
        return "number";
      case BYTES:
        return "binary";
      case TEXT:
        return "text";
      case LIST:
        return "list";
      case MAP:
        return "map";
      case TAG:
        return "other";
      default:
        if (c === NULL || c === UNDEFINED) return "null"; // [AMB-32] undefined is null
        return c >= HALF && c <= DOUBLE ? "number" : "other";
    }
  }

  protected open(): number {
    const c = this.bytes[this.at++] as number;
    return (c & 0x1f) === OPEN_ENDED ? INDEFINITE : this.#argument(c);
  }

  protected isClosed(): boolean {
    this.need(1);
    return this.bytes[this.at] === BREAK;
  }

  protected close(): boolean {
    if (!this.isClosed()) return false;
    this.at++;
    return true;
  }

  protected number(): number {
    const c = this.bytes[this.at++] as number;
    if (c >> 5 === UNSIGNED) {
      const value = this.#argument(c);
      return value > MAX_ID ? Number.NaN : value;
    }
    if (c >> 5 === NEGATIVE) {
      this.#argument(c);
      return Number.NaN; // no id is negative
    }
    const value = this.#float(c);
    return Number.isInteger(value) ? value : Number.NaN; // [AMB-26]
  }

  protected textHead(): number {
    const c = this.bytes[this.at++] as number;
    return (c & 0x1f) === OPEN_ENDED ? INDEFINITE : this.#argument(c);
  }

  protected chunkedText(): string {
    const start = this.at - 1;
    this.at = start;
    this.skip(1);
    const end = this.at;
    this.at = start;
    const text = this.#takeText();
    this.at = end;
    return text;
  }

  protected skip(depth: number): void {
    this.need(1);
    const c = this.bytes[this.at++] as number;
    switch (c >> 5) {
      case UNSIGNED:
      case NEGATIVE:
        this.#argument(c);
        return;
      case BYTES:
      case TEXT:
        if ((c & 0x1f) === OPEN_ENDED) this.#skipChunks(c >> 5);
        else this.#skipChunk(c >> 5, this.#argument(c));
        return;
      case LIST:
        this.#skipItems(c, 1, depth);
        return;
      case MAP:
        this.#skipItems(c, 2, depth);
        return;
      case TAG:
        // A tag counts as a level: a tower of tags is nesting as well.
        if (depth >= MAX_DEPTH) throw new ProtocolError("TOO_DEEP", `nested deeper than ${MAX_DEPTH} levels`);
        this.#argument(c);
        this.skip(depth + 1);
        return;
      default:
        this.#skipSimple(c);
    }
  }

  protected walkValue(sink: ValueSink, isHeader: boolean): void {
    const start = this.at;
    const c = this.bytes[this.at++] as number;
    switch (c >> 5) {
      case UNSIGNED:
        return sink.int(this.#integer(c));
      case NEGATIVE: {
        const value = this.#integer(c);
        return sink.int(typeof value === "number" && value < MAX_ID ? -1 - value : narrow(-1n - BigInt(value)));
      }
      case BYTES: {
        this.at = start;
        return sink.binary(this.#takeBytes());
      }
      case TEXT: {
        this.at = start;
        return sink.text(this.#takeText());
      }
      case LIST: {
        this.at = start;
        const count = this.open();
        sink.listStart(count);
        for (let i = 0; count === INDEFINITE ? !this.close() : i < count; i++) this.walkValue(sink, isHeader);
        return sink.listEnd();
      }
      case MAP: {
        this.at = start;
        const count = this.open();
        sink.mapStart(count);
        for (let i = 0; count === INDEFINITE ? !this.close() : i < count; i++) {
          this.#walkKey(sink, isHeader);
          this.walkValue(sink, isHeader);
        }
        return sink.mapEnd();
      }
      case TAG:
        return this.#walkTag(this.#argument(c), sink, isHeader);
      default:
        return this.#walkSimple(c, sink, isHeader);
    }
  }

  #walkKey(sink: ValueSink, isHeader: boolean): void {
    const kind = this.kind();
    if (kind === "text") {
      sink.key(this.#takeText());
      return;
    }
    if (isHeader) throw new ProtocolError("MALFORMED_MESSAGE", "the keys of options must be strings"); // [MSG-03]
    if (kind !== "number") throw new SerializationError("a map key that is neither text nor number");
    const key = new ValueBuilder();
    this.walkValue(key, isHeader);
    sink.key(String(key.values[0])); // [AMB-32]
  }

  // [AMB-32] What has a counterpart in other formats: dates, big integers, byte arrays, and marks without a meaning of their own.
  #walkTag(tag: number, sink: ValueSink, isHeader: boolean): void {
    if (isHeader) throw new ProtocolError("MALFORMED_MESSAGE", "options must not hold tags");
    switch (tag) {
      case 0: // a date as text
      case 24: // encoded CBOR, which stays bytes
      case 32: // a URI
      case 64: // an array of bytes: what Autobahn|JS and wampy send for a Uint8Array
      case 55799: // "this is CBOR"
        return this.walkValue(sink, isHeader);
      case 1: {
        const value = new ValueBuilder();
        this.walkValue(value, isHeader);
        const [time] = value.values;
        if (typeof time !== "number") throw new SerializationError("a CBOR date that is no number");
        const seconds = Math.floor(time);
        return sink.text(timestampText(seconds, Math.round((time - seconds) * 1e6) * 1000));
      }
      case 2:
      case 3: {
        if (this.kind() !== "binary") throw new SerializationError("a CBOR big integer that is no byte string");
        let value = 0n;
        const bytes = this.#takeBytes();
        if (bytes.length > LONGEST_INTEGER) throw new SerializationError(`an integer of ${bytes.length} bytes`);
        for (const byte of bytes) value = (value << 8n) | BigInt(byte);
        return sink.int(narrow(tag === 2 ? value : -1n - value));
      }
      default:
        throw new SerializationError(`CBOR tag ${tag} has no counterpart in other formats`);
    }
  }

  #walkSimple(c: number, sink: ValueSink, isHeader: boolean): void {
    switch (c) {
      case FALSE:
        return sink.bool(false);
      case TRUE:
        return sink.bool(true);
      case NULL:
      case UNDEFINED:
        return sink.null();
      case HALF:
      case SINGLE:
      case DOUBLE:
        return sink.float(this.#float(c));
      default:
        if (isHeader) throw new ProtocolError("MALFORMED_MESSAGE", "options must not hold unassigned simple values");
        throw new SerializationError("a CBOR simple value has no counterpart in other formats");
    }
  }

  #skipSimple(c: number): void {
    const info = c & 0x1f;
    if (info === 24) {
      this.need(1);
      if ((this.bytes[this.at] as number) < 32) this.malformed("a simple value of 32 or more");
      this.at++;
    } else if (info >= 25 && info <= 27) {
      this.need(1 << (info - 24));
      this.at += 1 << (info - 24);
    } else if (info >= 28) {
      this.at--;
      this.malformed("a value");
    }
  }

  #skipItems(c: number, each: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw new ProtocolError("TOO_DEEP", `nested deeper than ${MAX_DEPTH} levels`);
    if ((c & 0x1f) === OPEN_ENDED) {
      while (!this.close()) for (let i = 0; i < each; i++) this.skip(depth + 1);
      return;
    }
    const count = this.#argument(c) * each;
    this.need(count); // each item is a byte at least
    for (let i = 0; i < count; i++) this.skip(depth + 1);
  }

  #skipChunks(major: number): void {
    while (!this.close()) {
      const c = this.bytes[this.at++] as number;
      if (c >> 5 !== major || (c & 0x1f) === OPEN_ENDED) {
        this.at--;
        this.malformed("a chunk of the same type");
      }
      this.#skipChunk(major, this.#argument(c));
    }
  }

  #skipChunk(major: number, length: number): void {
    if (major === TEXT) this.skipText(length);
    else {
      this.need(length);
      this.at += length;
    }
  }

  /** The checked text at the cursor, chunked or not. */
  #takeText(): string {
    const c = this.bytes[this.at++] as number;
    if ((c & 0x1f) !== OPEN_ENDED) return this.takeText(this.#argument(c));
    let text = "";
    while (!this.close()) text += this.takeText(this.#argument(this.bytes[this.at++] as number));
    return text;
  }

  /** The checked byte string at the cursor, chunked or not, as a copy. */
  #takeBytes(): Uint8Array {
    const c = this.bytes[this.at++] as number;
    if ((c & 0x1f) !== OPEN_ENDED) return this.#takeChunk(this.#argument(c));
    const chunks: Uint8Array[] = [];
    let length = 0;
    while (!this.close()) {
      const chunk = this.#takeChunk(this.#argument(this.bytes[this.at++] as number));
      chunks.push(chunk);
      length += chunk.length;
    }
    const whole = new Uint8Array(length);
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  #takeChunk(length: number): Uint8Array {
    this.at += length;
    return copyOf(this.bytes, this.at - length, this.at);
  }

  /** The argument of a head whose first byte was passed: a length, a count, a tag or an integer. */
  #argument(c: number): number {
    const info = c & 0x1f;
    if (info < 24) return info;
    if (info > 27) {
      this.at--;
      this.malformed("a head");
    }
    const size = 1 << (info - 24);
    this.need(size);
    const { bytes, at } = this;
    this.at += size;
    if (size === 1) return bytes[at] as number;
    if (size === 2) return uint16(bytes, at);
    if (size === 4) return uint32(bytes, at);
    const value = uint64(bytes, at);
    // [AMB-21] 2^53 + 1 reads as 2^53 in a double: the low bit tells.
    return value === MAX_ID && ((bytes[at + 7] as number) & 1) === 1 ? Number.POSITIVE_INFINITY : value;
  }

  /** The exact integer of a head whose first byte was passed. */
  #integer(c: number): number | bigint {
    if ((c & 0x1f) !== 27) return this.#argument(c);
    const value = bigUint64(this.bytes, this.at);
    this.at += 8;
    return narrow(value);
  }

  #float(c: number): number {
    const size = c === HALF ? 2 : c === SINGLE ? 4 : 8;
    this.need(size);
    const { bytes, at } = this;
    this.at += size;
    return size === 2 ? float16(uint16(bytes, at)) : size === 4 ? float32(bytes, at) : float64(bytes, at);
  }
}

function float16(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (fraction + 1024) * 2 ** (exponent - 25);
}

/** In bytes. Larger ones take more than linear time to convert. */
const LONGEST_INTEGER = 512;
const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const LIST = 4;
const MAP = 5;
const TAG = 6;
const OPEN_ENDED = 31;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;
const UNDEFINED = 0xf7;
const HALF = 0xf9;
const SINGLE = 0xfa;
const DOUBLE = 0xfb;
const BREAK = 0xff;
