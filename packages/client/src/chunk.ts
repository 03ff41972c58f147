/**
 * Arguments and keyword arguments in one piece: a chunk of what a call sends, or of what it is answered with.
 *
 * Where a program gives one — a handler's result, what a generator yields, an item of `chunks` — any value will do: a `Chunk`
 * for several arguments or keyword arguments, nothing for `undefined`, and everything else is the one argument.
 */
import { isDict, NO_OPTIONS, Payload, type ResultDetails } from "@junctor/protocol";
import { PayloadError } from "./error.ts";

export class Chunk {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;

  /** @throws {TypeError} where a program without types gives something else: a router would end the session (MSG-07) */
  constructor(args: readonly unknown[] = [], kwargs: Readonly<Record<string, unknown>> = {}) {
    if (!Array.isArray(args)) throw new TypeError("args must be a list: write [value] for one value");
    if (!isDict(kwargs)) throw new TypeError("kwargs must be an object: { name: value }");
    this.args = args;
    this.kwargs = kwargs;
  }

  /** The first positional value, which is all that most have. */
  get value(): unknown {
    return this.args[0];
  }

  get isEmpty(): boolean {
    return this.args.length === 0 && Object.keys(this.kwargs).length === 0;
  }
}

/** The answer to a call, or a part of it. Always this shape, whatever the callee sent. */
export class Result extends Chunk {
  readonly #details: ResultDetails;

  constructor(args?: readonly unknown[], kwargs?: Readonly<Record<string, unknown>>, details: ResultDetails = NO_OPTIONS) {
    super(args, kwargs);
    this.#details = details;
  }

  /** As they came: `progress`, and `callee`, … from routers that tell. */
  get details(): ResultDetails {
    return this.#details;
  }
}

/** Sends a chunk. Resolves when the connection has room for the next, and rejects where this one cannot be sent any more. */
export type SendChunk = (chunk: unknown) => Promise<void>;

/**
 * What a call sends after its first arguments: anything that can be iterated, or a function that sends. What a generator or
 * a function returns is the last chunk. Whoever is slow to take chunks slows down whoever makes them.
 */
export type ChunkSource = Iterable<unknown> | AsyncIterable<unknown> | ((send: SendChunk) => unknown);

export function chunkOf(value: unknown): Chunk {
  if (value instanceof Chunk) return value;
  return new Chunk(value === undefined ? [] : [value]);
}

export function payloadOf({ args, kwargs }: Chunk): Payload {
  return Payload.of(args, kwargs);
}

/**
 * What a message brought that everybody may read.
 *
 * @throws {PayloadError} its sender wrote bytes as JSON has none (AMB-28): values are decoded here, not where messages are checked
 */
export function received(payload: Payload): Chunk {
  try {
    return new Chunk(payload.args, payload.kwargs);
  } catch (cause) {
    throw new PayloadError(`what came cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Calls `each` with every item, one after another. @returns what the iterator returns */
export async function forEachChunk(iterator: AnyIterator, each: (item: unknown) => unknown): Promise<unknown> {
  for (;;) {
    const { done, value } = await iterator.next();
    if (done === true) return value;
    await each(value);
  }
}

export type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

/** Of what can be iterated asynchronously, and of generators of both kinds. A list, a string or a dict is a value as a whole. */
export function generatorOf(value: unknown): AnyIterator | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Symbol.asyncIterator in value) return (value as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  return Symbol.iterator in value && "next" in value ? (value as IterableIterator<unknown>) : undefined;
}
