/**
 * The one trick of the binary writers: the head of a container stands before its items, and its size depends on their
 * count, which some sources (JSON, indefinite CBOR) do not tell. One byte is reserved; a head that turns out larger moves
 * the items.
 */
import type { ByteBuffer } from "./byte-buffer.ts";

interface Open {
  /** From the start of what is being written. */
  readonly at: number;
  readonly isMap: boolean;
  count: number;
}

export class GrowingHeads {
  readonly #out: ByteBuffer;
  readonly #stack: Open[] = [];

  constructor(out: ByteBuffer) {
    this.#out = out;
  }

  /** A value, or a key of a map, is about to be written. */
  item(isKey: boolean): void {
    const top = this.#stack.at(-1);
    if (top !== undefined && isKey === top.isMap) top.count++;
  }

  open(isMap: boolean): void {
    this.item(false);
    this.#out.ensure(1);
    this.#stack.push({ at: this.#out.position++ - this.#out.start, isMap, count: 0 });
  }

  /** @param head makes the head for a count */
  close(head: (count: number) => readonly number[]): void {
    const open = this.#stack.pop() as Open;
    const bytes = head(open.count);
    const extra = bytes.length - 1;
    this.#out.ensure(extra);
    const at = this.#out.start + open.at;
    if (extra > 0) {
      this.#out.bytes.copyWithin(at + 1 + extra, at + 1, this.#out.position);
      this.#out.position += extra;
    }
    this.#out.bytes.set(bytes, at);
  }
}
