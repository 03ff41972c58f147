/**
 * Reads JSON (RFC 8259) from bytes: the elements of a message list, and payload values one by one. Every byte is checked
 * in the pass that finds where the payload starts and ends, so that nothing has to be parsed a second time.
 *
 * Spec: SER-04, SER-07, SER-08, AMB-21, AMB-26, AMB-29 to AMB-31.
 */
import { ProtocolError, SerializationError } from "../error.ts";
import { MAX_ID } from "../id.ts";
import { HeaderReader } from "../message/header-reader.ts";
import { NO_OPTIONS } from "../message/message.ts";
import { Payload } from "../message/payload.ts";
import { fromBase64 } from "./base64.ts";
import { narrow } from "./integer.ts";
import { NOWHERE } from "./nowhere.ts";
import { MAX_DEPTH, type Serializer, type ValueSink } from "./serializer.ts";
import { type TextCodec, TextTable, utf8Next } from "./text.ts";
import { ValueBuilder } from "./value-builder.ts";

export class JsonReader extends HeaderReader {
  readonly #serializer: Serializer;
  readonly #codec: TextCodec;
  readonly #table: TextTable;
  #bytes: Uint8Array = new Uint8Array(0);
  /** Where the message starts, for errors. */
  #start = 0;
  #at = 0;
  #end = 0;
  /** Nobody reads the texts and numbers of the values that are walked. */
  #isDry = false;

  constructor(serializer: Serializer, codec: TextCodec) {
    super();
    this.#serializer = serializer;
    this.#codec = codec;
    this.#table = new TextTable(codec);
  }

  // --- The elements of a message list ---------------------------------------------------------------------------------

  begin(bytes: Uint8Array, start: number, end: number): number {
    this.#bytes = bytes;
    this.#start = start;
    this.#at = start;
    this.#end = end;
    this.type = 0;
    this.element = -1;
    if (this.#peek() !== OPEN_LIST) throw new ProtocolError("MALFORMED_MESSAGE", "a message must be a list"); // [MSG-01]
    this.#at++;
    if (this.#peek() === CLOSE_LIST) throw new ProtocolError("MALFORMED_MESSAGE", "a message must not be an empty list");
    this.element = 0;
    this.type = this.#unsigned();
    return this.type;
  }

  hasMore(): boolean {
    return this.#peek() === COMMA;
  }

  uint(): number {
    this.#next();
    return this.#unsigned();
  }

  text(): string {
    this.#next();
    if (this.#peek() !== QUOTE) this.fail("MALFORMED_MESSAGE", "must be a string");
    return this.#string(true);
  }

  textOrNull(): string | null {
    this.#next();
    if (this.#peek() === QUOTE) return this.#string(true);
    if (this.#byte() !== LETTER_N) this.fail("MALFORMED_MESSAGE", "must be a string or null");
    this.#literal(NULL);
    return null;
  }

  dict(): Record<string, unknown> {
    this.#next();
    if (this.#peek() !== OPEN_MAP) this.fail("MALFORMED_MESSAGE", "must be a dict");
    if (this.#at + 1 < this.#end && this.#bytes[this.#at + 1] === CLOSE_MAP) {
      this.#at += 2;
      return NO_OPTIONS;
    }
    const start = this.#at;
    this.#skip(1);
    const builder = new ValueBuilder(true);
    const end = this.#at;
    this.#at = start;
    this.#walkValue(builder, false); // [AMB-30] the binary convention is for payloads
    this.#at = end;
    return builder.values[0] as Record<string, unknown>;
  }

  payload(): Payload {
    if (!this.hasMore()) {
      this.end();
      return Payload.EMPTY;
    }
    this.#next();
    let c = this.#peek();
    const start = this.#at;
    if (c !== OPEN_LIST) return this.#payloadWithNull(c);
    this.#skip(1);
    const argsEnd = this.#at;
    if (!this.hasMore()) {
      this.end();
      return Payload.encoded(this.#serializer, this.#bytes, start, argsEnd, 1);
    }
    this.#next();
    c = this.#peek();
    if (c === LETTER_N) {
      this.#literal(NULL); // [AMB-14]
      this.end();
      return Payload.encoded(this.#serializer, this.#bytes, start, argsEnd, 1);
    }
    if (c !== OPEN_MAP) this.fail("MALFORMED_MESSAGE", "(Kwargs) must be a dict");
    this.#skip(1);
    const end = this.#at;
    this.end();
    return Payload.encoded(this.#serializer, this.#bytes, start, end, 2);
  }

  transparentPayload(): Payload {
    if (!this.hasMore()) return this.payload();
    const at = this.#at;
    this.#next();
    if (this.#peek() !== QUOTE) {
      this.#at = at;
      this.element--;
      return this.payload();
    }
    const start = this.#at;
    this.#skip(1);
    const end = this.#at;
    this.end();
    return Payload.transparent(this.#serializer, this.#bytes, start, end);
  }

  end(): void {
    if (this.#peek() !== CLOSE_LIST) {
      if (this.#byte() === COMMA)
        throw new ProtocolError("MALFORMED_MESSAGE", `message type ${this.type}: more than ${this.element + 1} elements`);
      this.#malformed("a comma or the end of the message list");
    }
    this.#at++;
    if (this.#peek() !== NOTHING) this.#malformed("nothing behind the message");
  }

  // [AMB-14] `null` for Args: absent, or an empty list where Kwargs follow.
  #payloadWithNull(first: number): Payload {
    if (first !== LETTER_N) this.fail("MALFORMED_MESSAGE", "(Args) must be a list");
    this.#literal(NULL);
    if (!this.hasMore()) {
      this.end();
      return Payload.EMPTY;
    }
    this.#next();
    const c = this.#peek();
    const start = this.#at;
    if (c === LETTER_N) this.#literal(NULL);
    else if (c === OPEN_MAP) this.#skip(1);
    else this.fail("MALFORMED_MESSAGE", "(Kwargs) must be a dict");
    const end = this.#at;
    this.end();
    if (c === LETTER_N) return Payload.EMPTY;
    const tail = new Uint8Array(3 + end - start);
    tail.set([OPEN_LIST, CLOSE_LIST, COMMA]);
    tail.set(this.#bytes.subarray(start, end), 3);
    return Payload.encoded(this.#serializer, tail, 0, tail.length, 2);
  }

  /** To the next element, over its comma. */
  #next(): void {
    this.element++;
    // The common form has no white space.
    if (this.#byte() !== COMMA && this.#peek() !== COMMA) {
      if (this.#byte() === CLOSE_LIST) this.fail("MALFORMED_MESSAGE", "is missing");
      this.#malformed("a comma");
    }
    this.#at++;
  }

  /** The first byte behind white space, -1 at the end. */
  #peek(): number {
    const bytes = this.#bytes;
    for (let at = this.#at; at < this.#end; at++) {
      const c = bytes[at] as number;
      if (c > 0x20 || (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09)) {
        this.#at = at;
        return c;
      }
    }
    this.#at = this.#end;
    return NOTHING;
  }

  #unsigned(): number {
    let c = this.#peek();
    const start = this.#at;
    let at = start;
    let value = 0;
    const bytes = this.#bytes;
    while (c >= DIGIT_0 && c <= DIGIT_9) {
      value = value * 10 + c - DIGIT_0;
      at++;
      c = at < this.#end ? (bytes[at] as number) : NOTHING;
    }
    // Fewer than 16 digits are exact, and no leading zero, fraction or exponent is the common form.
    const isPlain = at > start && at - start < 16 && (bytes[start] !== DIGIT_0 || at - start === 1) && c !== DOT && (c | 0x20) !== LETTER_E;
    if (isPlain) {
      this.#at = at;
      return value;
    }
    return this.#unusualUnsigned(start);
  }

  #unusualUnsigned(start: number): number {
    const c = this.#byte();
    if (c !== MINUS && !(c >= DIGIT_0 && c <= DIGIT_9)) this.fail("MALFORMED_MESSAGE", "must be an integer");
    this.#number();
    const text = this.#codec.decode(this.#bytes, start, this.#at);
    // [AMB-21] Compared as written: 9007199254740993 would round to a valid id.
    const isBeyond = /^\d+$/.test(text) && (text.length > 16 || BigInt(text) > BigInt(MAX_ID));
    const value = isBeyond ? Number.NaN : Number(text);
    if (!Number.isInteger(value) || value < 0 || value > MAX_ID)
      this.fail("INVALID_ID", `must be an integer from 0 to 2^53, not ${text.slice(0, 40)}`);
    return value + 0; // -0 becomes 0
  }

  #string(isHeader: boolean): string {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    let at = start;
    for (;;) {
      const c = at < this.#end ? (bytes[at] as number) : NOTHING;
      if (c === QUOTE) {
        this.#at = at + 1;
        return this.#table.text(bytes, start, at);
      }
      if (c < 0x20 || c === BACKSLASH || c >= 0x80) break;
      at++;
    }
    this.#at = start;
    this.#skipString();
    return this.#stringValue(start, this.#at - 1, isHeader);
  }

  /** A checked string between its quotes. */
  #stringValue(start: number, end: number, isHeader: boolean): string {
    const text = this.#codec.decode(this.#bytes, start, end);
    if (!text.includes("\\")) return text;
    const value = JSON.parse(`"${text}"`) as string;
    // [AMB-19] Two names that differ in this only would be one in the other formats, which have no form for it.
    if (isHeader && LONE_SURROGATE.test(value)) this.#malformed("no half of a surrogate pair in a string before");
    return value;
  }

  // --- Checking ---------------------------------------------------------------------------------------------------------

  /** Passes one value, checking it. `depth` counts the containers around it; one bit per level says whether it is a map. */
  #skip(depth: number): void {
    const outside = depth;
    let maps = 0;
    for (;;) {
      // A value starts here.
      const c = this.#peek();
      if (c === QUOTE) {
        this.#at++;
        this.#skipString();
      } else if (c === OPEN_LIST || c === OPEN_MAP) {
        if (++depth > MAX_DEPTH) throw new ProtocolError("TOO_DEEP", `nested deeper than ${MAX_DEPTH} levels`);
        this.#at++;
        if (c === OPEN_LIST) {
          maps &= ~(1 << (depth - 1));
          if (this.#peek() !== CLOSE_LIST) continue;
        } else {
          maps |= 1 << (depth - 1);
          if (this.#peek() !== CLOSE_MAP) {
            this.#skipKey();
            continue;
          }
        }
        this.#at++;
        depth--;
      } else if (c === MINUS || (c >= DIGIT_0 && c <= DIGIT_9)) this.#number();
      else if (c === LETTER_T) this.#literal(TRUE);
      else if (c === LETTER_F) this.#literal(FALSE);
      else if (c === LETTER_N) this.#literal(NULL);
      else this.#malformed("a value");
      // A value ended here: close what it closes, or go on to the next one.
      for (;;) {
        if (depth === outside) return;
        const isMap = (maps & (1 << (depth - 1))) !== 0;
        const d = this.#peek();
        if (d === COMMA) {
          this.#at++;
          if (isMap) this.#skipKey();
          break;
        }
        if (d !== (isMap ? CLOSE_MAP : CLOSE_LIST)) this.#malformed(isMap ? "a comma or }" : "a comma or ]");
        this.#at++;
        depth--;
      }
    }
  }

  #skipKey(): void {
    if (this.#peek() !== QUOTE) this.#malformed("a string as key");
    this.#at++;
    this.#skipString();
    if (this.#peek() !== COLON) this.#malformed("a colon");
    this.#at++;
  }

  /** From behind the opening quote to behind the closing one. */
  #skipString(): void {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    let plain = 0; // characters since the last jump that were plain ASCII
    while (at < end) {
      const c = bytes[at] as number;
      if (c === QUOTE) {
        this.#at = at + 1;
        return;
      }
      if (c < 0x20) {
        this.#at = at;
        this.#malformed("no control character in a string");
      } else if (c === BACKSLASH) {
        at = this.#skipEscape(at);
        plain = 0;
      } else if (c < 0x80) {
        at++;
        // From here the words are aligned, and the string is long enough to pay for the call.
        if (++plain >= LONG_STRING && ((bytes.byteOffset + at) & 3) === 0) {
          at = this.#codec.skipPlain(bytes, at, end);
          plain = 0;
        }
      } else {
        const next = utf8Next(bytes, at, end);
        if (next < 0) {
          this.#at = at;
          this.#malformed("well-formed UTF-8");
        }
        at = next;
      }
    }
    this.#at = end;
    this.#malformed("the end of a string");
  }

  #skipEscape(at: number): number {
    const bytes = this.#bytes;
    const c = bytes[at + 1];
    if (c === LETTER_U) {
      for (let i = at + 2; i < at + 6; i++) {
        if (!isHex(i < this.#end ? (bytes[i] as number) : NOTHING)) {
          this.#at = at;
          this.#malformed("four hexadecimal digits");
        }
      }
      return at + 6;
    }
    // " \ / b f n r t
    if (
      at + 1 < this.#end &&
      (c === QUOTE || c === BACKSLASH || c === 0x2f || c === 0x62 || c === 0x66 || c === 0x6e || c === 0x72 || c === 0x74)
    )
      return at + 2;
    this.#at = at;
    return this.#malformed("an escape sequence");
  }

  /** -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?  @returns whether it has a fraction or an exponent */
  #number(): boolean {
    let isFloat = false;
    if (this.#byte() === MINUS) this.#at++;
    if (this.#byte() === DIGIT_0) this.#at++;
    else this.#digits();
    if (this.#byte() === DOT) {
      isFloat = true;
      this.#at++;
      this.#digits();
    }
    if ((this.#byte() | 0x20) === LETTER_E) {
      isFloat = true;
      this.#at++;
      const sign = this.#byte();
      if (sign === PLUS || sign === MINUS) this.#at++;
      this.#digits();
    }
    return isFloat;
  }

  #digits(): void {
    const start = this.#at;
    for (let c = this.#byte(); c >= DIGIT_0 && c <= DIGIT_9; c = this.#byte()) this.#at++;
    if (this.#at === start) this.#malformed("a digit");
  }

  #byte(): number {
    return this.#at < this.#end ? (this.#bytes[this.#at] as number) : NOTHING;
  }

  #literal(word: readonly number[]): void {
    for (let i = 0; i < word.length; i++)
      if (this.#at + i >= this.#end || this.#bytes[this.#at + i] !== word[i]) this.#malformed("a value");
    this.#at += word.length;
  }

  #malformed(expected: string): never {
    const where = this.type === 0 ? "" : ` (message type ${this.type})`;
    throw new ProtocolError("MALFORMED_BYTES", `JSON${where}: expected ${expected} at byte ${this.#at - this.#start}`);
  }

  // --- Values -----------------------------------------------------------------------------------------------------------

  /** The values of a checked tail of a message list, one by one. */
  walk(bytes: Uint8Array, start: number, end: number, count: number, sink: ValueSink): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    for (let i = 0; i < count; i++) {
      if (i > 0) {
        this.#peek();
        this.#at++; // the comma
      }
      this.#walkValue(sink, true);
    }
  }

  /** Where the values of a checked tail of a message list lie. */
  bounds(bytes: Uint8Array, start: number, end: number, count: number, depth: number): readonly number[] {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    const found: number[] = [];
    for (let i = 0; i < count; i++) {
      if (i > 0) {
        this.#peek();
        this.#at++; // the comma
        this.#peek();
      }
      const valueStart = this.#at;
      this.#skip(depth);
      found.push(valueStart, this.#at);
      this.#at = valueStart;
      this.#isDry = true;
      try {
        this.#walkValue(NOWHERE, true);
      } finally {
        this.#isDry = false;
      }
    }
    return found;
  }

  /** One value that `#skip` has checked. */
  #walkValue(sink: ValueSink, hasBinary: boolean): void {
    switch (this.#peek()) {
      case QUOTE: {
        if (this.#isDry && this.#bytes[this.#at + 1] !== BACKSLASH) return this.#passString();
        const text = this.#string(!hasBinary);
        if (hasBinary && text.charCodeAt(0) === 0)
          sink.binary(decodeBinary(text)); // [SER-08]
        else sink.text(text);
        return;
      }
      case OPEN_LIST:
        this.#at++;
        sink.listStart(-1);
        for (let c = this.#peek(); c !== CLOSE_LIST; c = this.#peek()) {
          if (c === COMMA) this.#at++;
          this.#walkValue(sink, hasBinary);
        }
        this.#at++;
        sink.listEnd();
        return;
      case OPEN_MAP:
        this.#at++;
        sink.mapStart(-1);
        for (let c = this.#peek(); c !== CLOSE_MAP; c = this.#peek()) {
          if (c === COMMA) {
            this.#at++;
            this.#peek();
          }
          if (this.#isDry) this.#passString();
          else sink.key(this.#string(!hasBinary));
          this.#peek();
          this.#at++; // the colon
          this.#walkValue(sink, hasBinary);
        }
        this.#at++;
        sink.mapEnd();
        return;
      case LETTER_T:
        this.#at += 4;
        sink.bool(true);
        return;
      case LETTER_F:
        this.#at += 5;
        sink.bool(false);
        return;
      case LETTER_N:
        this.#at += 4;
        sink.null();
        return;
      default: {
        const start = this.#at;
        const isFloat = this.#number();
        if (this.#isDry && (isFloat || this.#at - start <= LONGEST_INTEGER)) return;
        const text = this.#codec.decode(this.#bytes, start, this.#at);
        if (isFloat) sink.float(Number(text));
        else emitInteger(text, sink);
      }
    }
  }

  #passString(): void {
    this.#at++;
    this.#skipString();
  }
}

// [AMB-31] Integers beyond 2^53 stay exact. "-0" is a float in every other format.
function emitInteger(text: string, sink: ValueSink): void {
  const value = Number(text);
  if (Object.is(value, -0)) sink.float(value);
  else if (text.length < 16 || Math.abs(value) < MAX_ID) sink.int(value);
  else if (text.length > LONGEST_INTEGER) throw new SerializationError(`an integer of ${text.length} digits`);
  else sink.int(narrow(BigInt(text)));
}

// Larger ones take more than linear time to convert, and have no form in the other formats.
const LONGEST_INTEGER = 1024;

/** [SER-08, AMB-29] A string that starts with U+0000 is Base64 of bytes; missing padding is tolerated. */
function decodeBinary(text: string): Uint8Array {
  const bytes = fromBase64(text.slice(1));
  if (bytes === undefined) throw new SerializationError("a string that starts with U+0000 must go on in Base64");
  return bytes;
}

function isHex(c: number): boolean {
  return (c >= DIGIT_0 && c <= DIGIT_9) || ((c | 0x20) >= 0x61 && (c | 0x20) <= 0x66);
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const LONG_STRING = 32;
const NOTHING = -1;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const LETTER_E = 0x65;
const LETTER_F = 0x66;
const LETTER_N = 0x6e;
const LETTER_T = 0x74;
const LETTER_U = 0x75;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;
const TRUE = [0x74, 0x72, 0x75, 0x65];
const FALSE = [0x66, 0x61, 0x6c, 0x73, 0x65];
const NULL = [0x6e, 0x75, 0x6c, 0x6c];
