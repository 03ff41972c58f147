/** What a long-poll connection has written, until the client asks for it. */
import type { Sink } from "./connection.ts";

interface Piece {
  readonly bytes: Uint8Array;
  readonly taken: ((error?: Error | null) => void) | undefined;
}

export class Mailbox implements Sink {
  writableLength = 0;
  /** Counted by whoever takes it up: nothing arrives here. */
  bytesRead = 0;
  bytesWritten = 0;
  /** Called when something lies in it that did not before. */
  onFilled: () => void = () => {};
  /** Called once, in a turn of its own as a socket's `close` is. */
  onDestroyed: () => void = () => {};
  readonly #pieces: Piece[] = [];
  /** How much of the first piece has been taken. */
  #offset = 0;
  #isCorked = false;
  #isDestroyed = false;

  write(bytes: Uint8Array, taken?: (error?: Error | null) => void): void {
    if (this.#isDestroyed) return;
    this.#pieces.push({ bytes, taken });
    this.writableLength += bytes.length;
    this.bytesWritten += bytes.length;
    if (!this.#isCorked) this.onFilled();
  }

  cork(): void {
    this.#isCorked = true;
  }

  uncork(): void {
    this.#isCorked = false;
    if (this.#pieces.length > 0) this.onFilled();
  }

  /** All that is there, and what moves up behind it. */
  takeAll(): Buffer {
    const parts: Uint8Array[] = [];
    while (this.writableLength > 0) parts.push(this.#takeSome(this.writableLength));
    return Buffer.concat(parts);
  }

  /** The first message, which has its length before it in 32 bits. */
  takeMessage(): Buffer {
    return this.#take(this.#take(4).readUInt32BE());
  }

  #take(length: number): Buffer {
    const parts: Uint8Array[] = [];
    for (let left = length; left > 0; ) {
      const part = this.#takeSome(left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** Up to `most` bytes, of the first piece. */
  #takeSome(most: number): Uint8Array {
    const piece = this.#pieces[0];
    if (piece === undefined) throw new RangeError("a long-poll queue ends within a message");
    const part = piece.bytes.subarray(this.#offset, this.#offset + most);
    this.writableLength -= part.length;
    this.#offset += part.length;
    if (this.#offset === piece.bytes.length) {
      this.#offset = 0;
      this.#pieces.shift();
      piece.taken?.(); // which may write
    }
    return part;
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#pieces.length = 0;
    this.writableLength = 0;
    setImmediate(() => this.onDestroyed());
  }
}
