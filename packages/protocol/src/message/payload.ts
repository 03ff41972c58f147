/**
 * The application's data in a message: arguments and keyword arguments. A router reads envelopes, not letters: it hands
 * the payload on as the bytes it came in, validated when they entered, and decodes them only when somebody asks.
 *
 * Spec: requirements 1 (payload elements), 2.7; architecture 3.
 */
import { SerializationError } from "../error.ts";
import { copyOf } from "../serializer/byte-buffer.ts";
import { emitList } from "../serializer/emit.ts";
import type { Serializer, ValueSink } from "../serializer/serializer.ts";

/** Elements on the wire: none, Args, or Args and Kwargs. */
export type PayloadLength = 0 | 1 | 2;

export class Payload {
  readonly length: PayloadLength;
  /** The bytes as they came, if they did: `buffer` from `start` to `end`, in the format of `source`. Valid UTF-8, depth, syntax. */
  readonly source: Serializer | undefined;
  readonly buffer: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** One binary item stands in place of Args and Kwargs: Autobahn's older end-to-end encryption (E2EE-02). */
  readonly isTransparent: boolean;
  #values: readonly unknown[] | undefined;
  #encoded: Map<string, Uint8Array> | undefined;

  private constructor(
    length: PayloadLength,
    source: Serializer | undefined,
    buffer: Uint8Array,
    start: number,
    end: number,
    isTransparent: boolean,
    values: readonly unknown[] | undefined,
  ) {
    this.length = length;
    this.source = source;
    this.buffer = buffer;
    this.start = start;
    this.end = end;
    this.isTransparent = isTransparent;
    this.#values = values;
    this.#encoded = undefined;
  }

  static readonly EMPTY = new Payload(0, undefined, new Uint8Array(0), 0, 0, false, []);

  /** From an application's values. Empty ones are left out, as the wire wants it (MSG-10, MSG-11). */
  static of(args?: readonly unknown[], kwargs?: Readonly<Record<string, unknown>>): Payload {
    const hasKwargs = kwargs !== undefined && Object.keys(kwargs).length > 0;
    if (hasKwargs) return new Payload(2, undefined, NO_BYTES, 0, 0, false, [args ?? [], kwargs]);
    if (args === undefined || args.length === 0) return Payload.EMPTY;
    return new Payload(1, undefined, NO_BYTES, 0, 0, false, [args]);
  }

  /** From the wire. The caller has validated `buffer[start, end)`; it is referred to, not copied. */
  static encoded(source: Serializer, buffer: Uint8Array, start: number, end: number, length: PayloadLength): Payload {
    return new Payload(length, source, buffer, start, end, false, undefined);
  }

  /** From the wire: the one binary item of E2EE-02. */
  static transparent(source: Serializer, buffer: Uint8Array, start: number, end: number): Payload {
    return new Payload(1, source, buffer, start, end, true, undefined);
  }

  /** Positional arguments, decoded on first read and kept; `undefined` where the message has none. */
  get args(): readonly unknown[] | undefined {
    return this.length === 0 || this.isTransparent ? undefined : (this.#decoded()[0] as readonly unknown[]);
  }

  /** Keyword arguments, decoded on first read and kept; `undefined` where the message has none. */
  get kwargs(): Readonly<Record<string, unknown>> | undefined {
    return this.length === 2 ? (this.#decoded()[1] as Readonly<Record<string, unknown>>) : undefined;
  }

  /** The one item of a transparent payload. */
  get item(): unknown {
    return this.isTransparent ? this.#decoded()[0] : undefined;
  }

  /**
   * The encoded tail of the message list, without the list's own brackets. Made once per format; the format it came in
   * costs nothing.
   *
   * @throws {SerializationError} the values have no form in this format (AMB-28, AMB-32)
   */
  bytes(serializer: Serializer): Uint8Array {
    if (this.source?.name === serializer.name) return this.buffer.subarray(this.start, this.end);
    const known = this.#encoded?.get(serializer.name);
    if (known !== undefined) return known;
    const writer = serializer.valueWriter();
    if (this.source === undefined) emitAll(this.#decoded(), writer);
    else this.source.walk(this.buffer, this.start, this.end, this.isTransparent ? 1 : this.length, writer);
    const made = writer.finish();
    this.#encoded ??= new Map();
    this.#encoded.set(serializer.name, made);
    return made;
  }

  /** A payload that owns its bytes. For whoever keeps one longer than the turn: a slice would pin its whole read buffer. */
  detached(): Payload {
    if (this.source === undefined) return this;
    const copy = copyOf(this.buffer, this.start, this.end);
    return new Payload(this.length, this.source, copy, 0, copy.length, this.isTransparent, this.#values);
  }

  #decoded(): readonly unknown[] {
    this.#values ??= this.source?.decodeValues(this.buffer, this.start, this.end, this.isTransparent ? 1 : this.length) ?? [];
    return this.#values;
  }
}

/** An application's values may have code of their own, which may throw: getters, `toJSON`. */
function emitAll(values: readonly unknown[], sink: ValueSink): void {
  try {
    emitList(values, sink);
  } catch (error) {
    if (error instanceof SerializationError) throw error;
    throw new SerializationError("a value threw while it was written", { cause: error });
  }
}

const NO_BYTES = new Uint8Array(0);
