/** What the binary serializers have in common: all but the bytes. */
import { decodeMessage } from "../message/decode.ts";
import { encodeMessage, type HeaderWriter } from "../message/encode.ts";
import type { Message } from "../message/message.ts";
import type { Payload } from "../message/payload.ts";
import type { BinaryReader } from "./binary-reader.ts";
import { ByteBuffer } from "./byte-buffer.ts";
import type { SerializerOptions } from "./json.ts";
import type { Serializer, ValueSink, ValueWriter } from "./serializer.ts";
import { ValueBuilder } from "./value-builder.ts";

export abstract class BinarySerializer implements Serializer {
  abstract readonly name: string;
  abstract readonly rawSocketId: number;
  readonly frame = "binary";
  protected abstract readonly reader: BinaryReader;
  protected abstract readonly writer: BinaryWriter;
  readonly #allowTransparent: boolean;

  constructor({ transparentPayloads = false }: SerializerOptions) {
    this.#allowTransparent = transparentPayloads;
  }

  decode(bytes: Uint8Array, start = 0, end = bytes.length): Message {
    return decodeMessage(this.reader, bytes, start, end, this.#allowTransparent);
  }

  encodeInto(message: Message, out: ByteBuffer): void {
    this.writer.out = out;
    encodeMessage(message, this.writer);
  }

  encode(message: Message): Uint8Array {
    const out = new ByteBuffer();
    this.encodeInto(message, out);
    return out.copy();
  }

  decodeValues(bytes: Uint8Array, start: number, end: number, count: number): unknown[] {
    const builder = new ValueBuilder();
    this.walk(bytes, start, end, count, builder);
    return builder.values;
  }

  walk(bytes: Uint8Array, start: number, end: number, count: number, sink: ValueSink): void {
    this.reader.walk(bytes, start, end, count, sink);
  }

  bounds(bytes: Uint8Array, start: number, end: number, count: number, depth: number): readonly number[] {
    return this.reader.bounds(bytes, start, end, count, depth);
  }

  abstract valueWriter(): ValueWriter;
}

/** Writes the elements of a message list. */
export abstract class BinaryWriter implements HeaderWriter {
  out = new ByteBuffer(0);
  readonly #serializer: Serializer;

  constructor(serializer: Serializer) {
    this.#serializer = serializer;
  }

  abstract begin(type: number, count: number): void;
  abstract uint(value: number): void;
  abstract text(value: string): void;
  abstract dict(value: object): void;

  payload(payload: Payload): void {
    if (payload.source?.name === this.#serializer.name) this.out.appendPayload(payload.buffer, payload.start, payload.end);
    else if (payload.length > 0) {
      const bytes = payload.bytes(this.#serializer);
      this.out.appendPayload(bytes, 0, bytes.length);
    }
  }

  end(): void {}
}
