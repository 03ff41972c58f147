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
  constructor() {
    super(0);
    this.bytes = Buffer.allocUnsafeSlow(CHUNK);
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
   * @throws {SerializationError} the payload has no form in this serializer; the pool is as it was
   */
  write(message: Message): number {
    const { framing } = this;
    const { format } = framing;
    // The head stands before the message and its size depends on the message's: guessed by the payload's, which dominates.
    const guess = framing.headSize(payloadSize(message) + TYPICAL_HEADER);
    pool.start = pool.position;
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
    const length = pool.position - pool.start - guess;
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
}

function payloadSize(message: Message): number {
  if (!("payload" in message)) return 0;
  const payload: Payload = message.payload;
  return payload.end - payload.start;
}

const TYPICAL_HEADER = 40;
