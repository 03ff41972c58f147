/**
 * The JSON serializer: `wamp.2.json`, text frames, RawSocket number 1. Binary values are strings that start with U+0000
 * and go on in Base64 (SER-07).
 */
import { ProtocolError, SerializationError } from "../error.ts";
import { decodeMessage } from "../message/decode.ts";
import { encodeMessage, type HeaderWriter } from "../message/encode.ts";
import { type Message, NO_OPTIONS } from "../message/message.ts";
import type { Payload } from "../message/payload.ts";
import { toBase64 } from "./base64.ts";
import { ByteBuffer } from "./byte-buffer.ts";
import { emit } from "./emit.ts";
import { JsonReader } from "./json-reader.ts";
import type { Serializer, ValueSink, ValueWriter } from "./serializer.ts";
import { portableText, type TextCodec } from "./text.ts";
import { ValueBuilder } from "./value-builder.ts";

export interface SerializerOptions {
  /** How bytes become strings; Node.js has a faster way than the portable one. */
  readonly text?: TextCodec;
  /** Takes Autobahn's older end-to-end encrypted form, one binary item in place of Args (E2EE-02). Default false. */
  readonly transparentPayloads?: boolean;
}

export class JsonSerializer implements Serializer {
  readonly name = "json";
  readonly rawSocketId = 1;
  readonly frame = "text";
  readonly #reader: JsonReader;
  readonly #writer = new JsonWriter(this);
  readonly #codec: TextCodec;
  readonly #allowTransparent: boolean;

  constructor(options: SerializerOptions = {}) {
    this.#codec = options.text ?? portableText;
    this.#allowTransparent = options.transparentPayloads ?? false;
    this.#reader = new JsonReader(this, this.#codec);
  }

  decode(bytes: Uint8Array, start = 0, end = bytes.length): Message {
    try {
      return decodeMessage(this.#reader, bytes, start, end, this.#allowTransparent);
    } catch (error) {
      // [RFC 6455, 8.1] What is no UTF-8 is no text, whatever else is wrong with it and wherever reading stopped.
      if (!(error instanceof ProtocolError) || error.code === "MALFORMED_BYTES" || this.#codec.isUtf8(bytes, start, end)) throw error;
      throw new ProtocolError("MALFORMED_BYTES", "JSON: expected well-formed UTF-8");
    }
  }

  encodeInto(message: Message, out: ByteBuffer): void {
    this.#writer.out = out;
    encodeMessage(message, this.#writer);
  }

  encode(message: Message): Uint8Array {
    const out = new ByteBuffer();
    this.encodeInto(message, out);
    return out.copy();
  }

  decodeValues(bytes: Uint8Array, start: number, end: number, count: number): unknown[] {
    const text = this.#codec.decode(bytes, start, end);
    // The platform's parser, where it gives the same: no binary string, no integer that a double cannot hold.
    if (!text.includes("\\u0000") && !LONG_NUMBER.test(text)) return JSON.parse(`[${text}]`) as unknown[];
    const builder = new ValueBuilder();
    this.walk(bytes, start, end, count, builder);
    return builder.values;
  }

  walk(bytes: Uint8Array, start: number, end: number, count: number, sink: ValueSink): void {
    this.#reader.walk(bytes, start, end, count, sink);
  }

  bounds(bytes: Uint8Array, start: number, end: number, count: number, depth: number): readonly number[] {
    return this.#reader.bounds(bytes, start, end, count, depth);
  }

  valueWriter(): ValueWriter {
    return new JsonValueWriter(new ByteBuffer(), true);
  }
}

/** Writes the elements of a message list. */
class JsonWriter implements HeaderWriter {
  out = new ByteBuffer(0);
  readonly #serializer: Serializer;

  constructor(serializer: Serializer) {
    this.#serializer = serializer;
  }

  begin(type: number): void {
    this.out.ensure(1);
    this.out.bytes[this.out.position++] = OPEN_LIST;
    appendUint(this.out, type);
  }

  uint(value: number): void {
    this.#comma();
    appendUint(this.out, value);
  }

  text(value: string): void {
    this.#comma();
    appendString(this.out, value);
  }

  dict(value: object): void {
    this.#comma();
    if (value !== NO_OPTIONS) {
      emit(value, new JsonValueWriter(this.out, false), 1);
      return;
    }
    this.out.ensure(2);
    const { bytes } = this.out;
    bytes[this.out.position++] = OPEN_MAP;
    bytes[this.out.position++] = CLOSE_MAP;
  }

  payload(payload: Payload): void {
    if (payload.length === 0) return;
    this.#comma();
    if (payload.source?.name === "json") this.out.appendPayload(payload.buffer, payload.start, payload.end);
    else {
      const bytes = payload.bytes(this.#serializer);
      this.out.appendPayload(bytes, 0, bytes.length);
    }
  }

  end(): void {
    this.out.ensure(1);
    this.out.bytes[this.out.position++] = CLOSE_LIST;
  }

  #comma(): void {
    this.out.ensure(1);
    this.out.bytes[this.out.position++] = COMMA;
  }
}

/** Writes values. The comma before a value is owed from the second one of a container on. */
class JsonValueWriter implements ValueWriter {
  readonly #out: ByteBuffer;
  readonly #hasBinary: boolean;
  #owesComma = false;

  /** @param hasBinary whether the convention for binary applies, which is for payloads only (AMB-30) */
  constructor(out: ByteBuffer, hasBinary: boolean) {
    this.#out = out;
    this.#hasBinary = hasBinary;
  }

  null(): void {
    this.#literal("null");
  }
  bool(value: boolean): void {
    this.#literal(value ? "true" : "false");
  }
  int(value: number | bigint): void {
    this.#literal(value.toString());
  }
  float(value: number): void {
    if (!Number.isFinite(value))
      this.#literal("null"); // [AMB-31]
    else if (Object.is(value, -0)) this.#literal("-0.0");
    else {
      const text = value.toString();
      this.#literal(Number.isInteger(value) && !text.includes("e") ? `${text}.0` : text); // a float stays a float
    }
  }
  text(value: string): void {
    if (this.#hasBinary && value.charCodeAt(0) === 0) {
      // [AMB-28] It would arrive as bytes.
      throw new SerializationError("text that starts with U+0000 has no form in JSON");
    }
    this.#comma();
    appendString(this.#out, value);
    this.#owesComma = true;
  }
  binary(value: Uint8Array): void {
    this.#literal(`"\\u0000${toBase64(value)}"`); // [SER-07]
  }
  listStart(): void {
    this.#open("[");
  }
  listEnd(): void {
    this.#close("]");
  }
  mapStart(): void {
    this.#open("{");
  }
  key(value: string): void {
    this.#comma();
    appendString(this.#out, value);
    this.#out.appendText(":");
    this.#owesComma = false;
  }
  mapEnd(): void {
    this.#close("}");
  }
  encoded(bytes: Uint8Array, start: number, end: number): void {
    this.#comma();
    this.#out.append(bytes, start, end);
    this.#owesComma = true;
  }
  finish(): Uint8Array {
    return this.#out.copy();
  }

  #comma(): void {
    if (this.#owesComma) this.#out.appendText(",");
  }
  #literal(text: string): void {
    this.#comma();
    this.#out.appendText(text);
    this.#owesComma = true;
  }
  #open(bracket: string): void {
    this.#comma();
    this.#out.appendText(bracket);
    this.#owesComma = false;
  }
  #close(bracket: string): void {
    this.#out.appendText(bracket);
    this.#owesComma = true;
  }
}

/** Digits from the last to the first; ids that fit 31 bits stay in integer arithmetic. */
function appendUint(out: ByteBuffer, value: number): void {
  out.ensure(16);
  const { bytes } = out;
  if (value < 10) {
    bytes[out.position++] = DIGIT_0 + value;
    return;
  }
  let length = 2;
  for (let limit = 100; limit <= value; limit *= 10) length++;
  let at = out.position + length;
  out.position = at;
  let rest = value;
  while (rest > 0x7fffffff) {
    const quotient = Math.floor(rest / 10);
    bytes[--at] = DIGIT_0 + (rest - quotient * 10);
    rest = quotient;
  }
  let small = rest | 0;
  do {
    const quotient = (small / 10) | 0;
    bytes[--at] = DIGIT_0 + (small - quotient * 10);
    small = quotient;
  } while (small > 0);
}

function appendString(out: ByteBuffer, text: string): void {
  const { length } = text;
  out.ensure(length + 2);
  const { bytes } = out;
  let at = out.position;
  bytes[at++] = QUOTE;
  for (let i = 0; i < length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || c === QUOTE || c === BACKSLASH || c >= 0x80) {
      out.appendText(JSON.stringify(text));
      return;
    }
    bytes[at++] = c;
  }
  bytes[at++] = QUOTE;
  out.position = at;
}

const LONG_NUMBER = /[0-9]{16}/;
const QUOTE = 0x22;
const COMMA = 0x2c;
const DIGIT_0 = 0x30;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;
