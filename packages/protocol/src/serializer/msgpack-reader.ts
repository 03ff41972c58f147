/**
 * Reads MessagePack, specification 5 (SER-05): the elements of a message list, and payload values one by one. Extension
 * types are refused in a message's own maps and pass through unread in payloads (AMB-32).
 */
import { ProtocolError, SerializationError } from "../error.ts";
import { MAX_ID } from "../id.ts";
import { BinaryReader, bigUint64, float32, float64, uint16, uint32, uint64, type ValueKind } from "./binary-reader.ts";
import { copyOf } from "./byte-buffer.ts";
import { narrow } from "./integer.ts";
import { MAX_DEPTH, type ValueSink } from "./serializer.ts";
import { ValueBuilder } from "./value-builder.ts";

export class MsgpackReader extends BinaryReader {
  protected kind(): ValueKind {
    this.need(1);
    const c = this.bytes[this.at] as number;
    if (c <= 0x7f || c >= 0xe0) return "number";
    if (c <= 0x8f) return "map";
    if (c <= 0x9f) return "list";
    if (c <= 0xbf) return "text";
    if (c === 0xc0) return "null";
    if (c >= 0xc4 && c <= 0xc6) return "binary";
    if (c >= 0xca && c <= 0xd3) return "number";
    if (c >= 0xd9 && c <= 0xdb) return "text";
    if (c === 0xdc || c === 0xdd) return "list";
    if (c === 0xde || c === 0xdf) return "map";
    return "other";
  }

  protected open(): number {
    const c = this.bytes[this.at++] as number;
    if (c <= 0x9f) return c & 0x0f;
    // 16 bits in 0xdc and 0xde, 32 bits in 0xdd and 0xdf.
    return this.#length((c & 1) === 0 ? 2 : 4);
  }

  protected close(): boolean {
    return false;
  }
  protected isClosed(): boolean {
    return false;
  }
  protected chunkedText(): string {
    return this.malformed("a text");
  }

  protected number(): number {
    const { bytes } = this;
    const c = bytes[this.at++] as number;
    if (c <= 0x7f) return c;
    if (c >= 0xe0) return c - 0x100;
    const size = numberSize(c);
    this.need(size);
    const at = this.at;
    this.at += size;
    switch (c) {
      case 0xcc:
        return bytes[at] as number;
      case 0xcd:
        return uint16(bytes, at);
      case 0xce:
        return uint32(bytes, at);
      case 0xcf:
        return exact(uint64(bytes, at), bytes, at);
      case 0xca:
      case 0xcb: {
        const value = c === 0xca ? float32(bytes, at) : float64(bytes, at);
        return Number.isInteger(value) ? value : Number.NaN; // [AMB-26]
      }
      default:
        // Signed: negative ones are no ids, and the others fit their size without the sign bit.
        if ((bytes[at] as number) >= 0x80) return Number.NaN;
        return c === 0xd0
          ? (bytes[at] as number)
          : c === 0xd1
            ? uint16(bytes, at)
            : c === 0xd2
              ? uint32(bytes, at)
              : exact(uint64(bytes, at), bytes, at);
    }
  }

  protected textHead(): number {
    const c = this.bytes[this.at++] as number;
    return c <= 0xbf ? c & 0x1f : this.#length(1 << (c - 0xd9));
  }

  protected skip(depth: number): void {
    this.need(1);
    const c = this.bytes[this.at++] as number;
    if (c <= 0x7f || c >= 0xe0) return;
    if (c <= 0x8f) this.#skipItems((c & 0x0f) * 2, depth);
    else if (c <= 0x9f) this.#skipItems(c & 0x0f, depth);
    else if (c <= 0xbf) this.skipText(c & 0x1f);
    else
      switch (c) {
        case 0xc0:
        case 0xc2:
        case 0xc3:
          return;
        case 0xc4:
        case 0xc5:
        case 0xc6:
          this.#pass(this.#length(1 << (c - 0xc4)));
          return;
        case 0xc7:
        case 0xc8:
        case 0xc9:
          this.#pass(this.#length(1 << (c - 0xc7)) + 1);
          return;
        case 0xd4:
        case 0xd5:
        case 0xd6:
        case 0xd7:
        case 0xd8:
          this.#pass((1 << (c - 0xd4)) + 1);
          return;
        case 0xd9:
        case 0xda:
        case 0xdb:
          this.skipText(this.#length(1 << (c - 0xd9)));
          return;
        case 0xdc:
          this.#skipItems(this.#length(2), depth);
          return;
        case 0xdd:
          this.#skipItems(this.#length(4), depth);
          return;
        case 0xde:
          this.#skipItems(this.#length(2) * 2, depth);
          return;
        case 0xdf:
          this.#skipItems(this.#length(4) * 2, depth);
          return;
        case 0xc1:
          this.at--;
          this.malformed("a value, not the unused code 0xc1");
          return;
        default:
          this.#pass(numberSize(c));
      }
  }

  protected walkValue(sink: ValueSink, isHeader: boolean): void {
    const { bytes } = this;
    const c = bytes[this.at++] as number;
    if (c <= 0x7f) return sink.int(c);
    if (c >= 0xe0) return sink.int(c - 0x100);
    if (c <= 0x8f) return this.#walkMap(c & 0x0f, sink, isHeader);
    if (c <= 0x9f) return this.#walkList(c & 0x0f, sink, isHeader);
    if (c <= 0xbf) return sink.text(this.takeText(c & 0x1f));
    switch (c) {
      case 0xc0:
        return sink.null();
      case 0xc2:
        return sink.bool(false);
      case 0xc3:
        return sink.bool(true);
      case 0xc4:
      case 0xc5:
      case 0xc6: {
        const length = this.#length(1 << (c - 0xc4));
        this.at += length;
        return sink.binary(copyOf(bytes, this.at - length, this.at));
      }
      case 0xd9:
      case 0xda:
      case 0xdb:
        return sink.text(this.takeText(this.#length(1 << (c - 0xd9))));
      case 0xdc:
        return this.#walkList(this.#length(2), sink, isHeader);
      case 0xdd:
        return this.#walkList(this.#length(4), sink, isHeader);
      case 0xde:
        return this.#walkMap(this.#length(2), sink, isHeader);
      case 0xdf:
        return this.#walkMap(this.#length(4), sink, isHeader);
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#walkExtension(this.#length(1 << (c - 0xc7)), sink, isHeader);
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#walkExtension(1 << (c - 0xd4), sink, isHeader);
      default:
        return this.#walkNumber(c, sink);
    }
  }

  #walkNumber(c: number, sink: ValueSink): void {
    const { bytes, at } = this;
    this.at += numberSize(c);
    switch (c) {
      case 0xca:
        return sink.float(float32(bytes, at));
      case 0xcb:
        return sink.float(float64(bytes, at));
      case 0xcc:
        return sink.int(bytes[at] as number);
      case 0xcd:
        return sink.int(uint16(bytes, at));
      case 0xce:
        return sink.int(uint32(bytes, at));
      case 0xcf: {
        const value = uint64(bytes, at);
        return sink.int(value < MAX_ID ? value : narrow(bigUint64(bytes, at)));
      }
      case 0xd0:
        return sink.int(((bytes[at] as number) << 24) >> 24);
      case 0xd1:
        return sink.int((uint16(bytes, at) << 16) >> 16);
      case 0xd2:
        return sink.int(uint32(bytes, at) | 0);
      default:
        return sink.int(narrow(BigInt.asIntN(64, bigUint64(bytes, at))));
    }
  }

  #walkList(count: number, sink: ValueSink, isHeader: boolean): void {
    sink.listStart(count);
    for (let i = 0; i < count; i++) this.walkValue(sink, isHeader);
    sink.listEnd();
  }

  #walkMap(count: number, sink: ValueSink, isHeader: boolean): void {
    sink.mapStart(count);
    for (let i = 0; i < count; i++) {
      const kind = this.kind();
      if (kind === "text") sink.key(this.takeText(this.textHead()));
      else if (isHeader || kind !== "number") throw wrongKey(isHeader);
      else {
        // [AMB-32] String(key)
        const key = new ValueBuilder();
        this.walkValue(key, isHeader);
        sink.key(String(key.values[0]));
      }
      this.walkValue(sink, isHeader);
    }
    sink.mapEnd();
  }

  // [AMB-32] Of the extension types only the timestamp (-1) is defined. msgpackr, and so wampy, has one for `undefined`, with
  // which wampy fills options that its user does not set.
  #walkExtension(length: number, sink: ValueSink, isHeader: boolean): void {
    const { bytes, at } = this;
    if (length === 1 && bytes[at] === 0 && bytes[at + 1] === 0) {
      this.at += 2;
      return sink.null();
    }
    if (isHeader) throw new ProtocolError("MALFORMED_MESSAGE", "options must not hold extension types");
    const type = bytes[at] as number;
    const start = at + 1;
    this.at = start + length;
    if (type !== 0xff) throw new SerializationError(`MessagePack extension type ${(type << 24) >> 24} has no counterpart in other formats`);
    let seconds: number;
    let nanoseconds: number;
    if (length === 4) {
      seconds = uint32(bytes, start);
      nanoseconds = 0;
    } else if (length === 8) {
      nanoseconds = uint32(bytes, start) >>> 2;
      seconds = ((bytes[start + 3] as number) & 3) * 0x100000000 + uint32(bytes, start + 4);
    } else if (length === 12) {
      nanoseconds = uint32(bytes, start);
      seconds = Number(BigInt.asIntN(64, bigUint64(bytes, start + 4)));
    } else throw new SerializationError(`a MessagePack timestamp of ${length} bytes`);
    sink.text(timestampText(seconds, nanoseconds));
  }

  #skipItems(count: number, depth: number): void {
    if (depth >= MAX_DEPTH) throw new ProtocolError("TOO_DEEP", `nested deeper than ${MAX_DEPTH} levels`);
    this.need(count); // each item is a byte at least
    for (let i = 0; i < count; i++) this.skip(depth + 1);
  }

  #pass(count: number): void {
    this.need(count);
    this.at += count;
  }

  #length(size: number): number {
    this.need(size);
    const { bytes, at } = this;
    this.at += size;
    return size === 1 ? (bytes[at] as number) : size === 2 ? uint16(bytes, at) : uint32(bytes, at);
  }
}

/** Bytes behind the code of a number. */
function numberSize(c: number): number {
  return c === 0xca ? 4 : c === 0xcb ? 8 : 1 << (c & 3);
}

/** [AMB-21] 2^53 + 1 reads as 2^53 in a double: the low bit tells. */
function exact(value: number, bytes: Uint8Array, at: number): number {
  return value > MAX_ID || (value === MAX_ID && ((bytes[at + 7] as number) & 1) === 1) ? Number.NaN : value;
}

function wrongKey(isHeader: boolean): Error {
  return isHeader
    ? new ProtocolError("MALFORMED_MESSAGE", "the keys of options must be strings") // [MSG-03]
    : new SerializationError("a map key that is neither text nor number");
}

/** [AMB-32] RFC 3339, with as many digits of the second as it has. */
export function timestampText(seconds: number, nanoseconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime()) || nanoseconds > 999_999_999) throw new SerializationError("a timestamp out of range");
  const fraction = nanoseconds === 0 ? "" : `.${String(nanoseconds).padStart(9, "0").replace(/0+$/, "")}`;
  return date.toISOString().replace(".000Z", `${fraction}Z`);
}
