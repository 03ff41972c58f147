/**
 * From messages to framed bytes: one encoding per serializer and framing. All write into one pool, so that what one
 * connection is sent in a row lies in a row and leaves in one piece, without a copy.
 */
import { ByteBuffer, type Message, type Payload, type Serializer } from "@junctor/protocol";
import type { Framing } from "./framing.ts";

/**
 * A chunk of bytes that is filled from front to back and then left to whoever still refers to it; nothing in it is ever
 * overwritten. What does not fit into the rest of it moves to a new chunk.
 */
class Pool extends ByteBuffer {
  #mayRefer = false;
  /** The payload of the message written last, where it is long and was not copied; and its place, from `start` on. */
  referred: Uint8Array | undefined = undefined;
  referredAt = 0;

  constructor() {
    super(0);
    this.bytes = Buffer.allocUnsafeSlow(CHUNK);
  }

  /** @param mayRefer whether a long payload need not be copied */
  begin(mayRefer: boolean): void {
    this.start = this.position;
    this.#mayRefer = mayRefer;
    this.referred = undefined;
  }

  override appendPayload(source: Uint8Array, start: number, end: number): void {
    if (!this.#mayRefer || end - start < LONG_PAYLOAD) this.append(source, start, end);
    else {
      this.referred = source.subarray(start, end);
      this.referredAt = this.position - this.start;
    }
  }

  protected override grow(count: number): void {
    const written = this.position - this.start;
    // Twice what is known to be needed, so that a large message does not move again and again.
    const next = Buffer.allocUnsafeSlow(Math.max(CHUNK, 2 * (written + count)));
    next.set(this.bytes.subarray(this.start, this.position));
    this.bytes = next;
    this.start = 0;
    this.position = written;
  }
}

const CHUNK = 1 << 20;
/** From here on a copy costs more than a piece of its own: with 64 KiB a tenth of a call (bench rpc64k). */
const LONG_PAYLOAD = 32 << 10;

/** The pool of the process, and where the frame written last lies in it: `bytes` from `start` to `position`. */
export const pool = new Pool();

export class Encoding {
  readonly serializer: Serializer;
  readonly framing: Framing;
  /** Place in the table of frames that an EVENT keeps. */
  readonly index: number;

  constructor(serializer: Serializer, framing: Framing, index: number) {
    this.serializer = serializer;
    this.framing = framing;
    this.index = index;
  }

  /**
   * Encodes and frames at the end of the pool. @returns the length of the message without its head
   * @param mayRefer a long payload may stay where it is: see `Pool.referred`. It is not written to again
   * @throws {SerializationError} the payload has no form in this serializer; the pool is as it was
   */
  write(message: Message, mayRefer = false): number {
    const { framing } = this;
    const { format } = framing;
    pool.begin(mayRefer && format === undefined && framing.compress === undefined);
    // The head stands before the message and its size depends on the message's: guessed by the payload's, which dominates.
    const guess = framing.headSize(payloadSize(message) + TYPICAL_HEADER);
    const room = format === undefined ? guess : guess + format.headSize;
    pool.ensure(room);
    pool.position += room;
    try {
      this.serializer.encodeInto(message, pool);
    } catch (error) {
      pool.position = pool.start;
      throw error;
    }
    if (format !== undefined) {
      pool.ensure(format.tailSize);
      pool.position += format.tailSize;
      format.enclose(pool.bytes, pool.start + guess, pool.position);
    }
    const length = pool.position - pool.start - guess + (pool.referred?.length ?? 0);
    const compressed = framing.compress?.(pool.bytes.subarray(pool.start + guess, pool.position));
    if (compressed !== undefined) {
      this.#writeCompressed(compressed);
      return length;
    }
    const size = framing.headSize(length);
    if (size !== guess) move(guess, size);
    framing.writeHead(pool.bytes, pool.start, length, false);
    return length;
  }

  #writeCompressed(compressed: Uint8Array): void {
    const size = this.framing.headSize(compressed.length);
    this.framing.writeHead(pool.bytes, pool.start, compressed.length, true);
    pool.bytes.set(compressed, pool.start + size);
    pool.position = pool.start + size + compressed.length;
  }
}

/** Moves the message of the frame being written, whose head turned out to be of another size. */
function move(from: number, to: number): void {
  if (to > from) pool.ensure(to - from);
  pool.bytes.copyWithin(pool.start + to, pool.start + from, pool.position);
  pool.position += to - from;
  pool.referredAt += to - from;
}

function payloadSize(message: Message): number {
  if (!("payload" in message)) return 0;
  const payload: Payload = message.payload;
  return payload.end - payload.start;
}

const TYPICAL_HEADER = 40;
