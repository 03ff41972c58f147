/** What a serializer is, and the two small interfaces by which values move between formats without becoming JavaScript objects. */
import type { Message } from "../message/message.ts";
import type { ByteBuffer } from "./byte-buffer.ts";

/** Containers may be nested this deep, the message's own list included. */
export const MAX_DEPTH = 32;

/** Turns a WAMP message into bytes and back. Application payloads stay bytes: see `Payload`. */
export interface Serializer {
  /** Last part of the WebSocket subprotocol: `wamp.2.<name>`. Serializers of one name are interchangeable. */
  readonly name: string;
  /** Serializer number in the RawSocket handshake, 1 to 15 (9.3). */
  readonly rawSocketId: number;
  /** WebSocket frame that carries a message (TRN-WS-03). */
  readonly frame: "text" | "binary";
  /**
   * Decodes and checks the header; the application payload is checked and kept as a slice of `bytes`, which must not
   * change while the message lives. Without `start` and `end` all of `bytes` is the message.
   * @throws {ProtocolError} and nothing else, whatever the bytes
   */
  decode(bytes: Uint8Array, start?: number, end?: number): Message;
  /**
   * Appends the message to `out`; a payload of this format is copied, not encoded again.
   * @throws {SerializationError} the payload has no form in this format; `out` then ends in an unfinished message
   */
  encodeInto(message: Message, out: ByteBuffer): void;
  /** @returns bytes that the caller owns */
  encode(message: Message): Uint8Array;
  /** The tail of a message list to values. The bytes are those of a checked payload. */
  decodeValues(bytes: Uint8Array, start: number, end: number, count: number): unknown[];
  /** The tail of a message list to a sink, value by value. The bytes are those of a checked payload. */
  walk(bytes: Uint8Array, start: number, end: number, count: number, sink: ValueSink): void;
  /**
   * Where the values of a checked payload lie in its bytes, start and end of one after another, for whoever puts them as they
   * are among values of other peers.
   * @param depth containers that are to be around them
   * @throws {ProtocolError} `TOO_DEEP` for that place
   * @throws {SerializationError} a value is none to all peers, who would then have nothing of the others either (AMB-32)
   */
  bounds(bytes: Uint8Array, start: number, end: number, count: number, depth: number): readonly number[];
  /** A sink that writes this format: the tail of a message list. */
  valueWriter(): ValueWriter;
}

/**
 * Receives values one by one, containers as brackets. What a reader tells and a writer hears is what all three formats
 * have in common, which is finer than JavaScript's types: integers and floats are told apart, so that 1.0 stays a float.
 */
export interface ValueSink {
  null(): void;
  bool(value: boolean): void;
  /** A bigint only beyond ±2^53. */
  int(value: number | bigint): void;
  float(value: number): void;
  text(value: string): void;
  binary(value: Uint8Array): void;
  /** @param count elements that follow, -1 where the format does not say */
  listStart(count: number): void;
  listEnd(): void;
  /** @param count pairs that follow, -1 where the format does not say */
  mapStart(count: number): void;
  key(value: string): void;
  mapEnd(): void;
}

export interface ValueWriter extends ValueSink {
  /** A value that has the writer's format already, and is checked. */
  encoded(bytes: Uint8Array, start: number, end: number): void;
  /** @returns what was written; the caller owns it */
  finish(): Uint8Array;
}
