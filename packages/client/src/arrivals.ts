/** What arrives before somebody asks for it: an async iterator that one loop reads. */
import { ApplicationError, LIMIT_EXCEEDED } from "./error.ts";

export class Arrivals<T extends object> implements AsyncIterableIterator<T> {
  /** Those before `#first` have been read. */
  #items: T[] = [];
  #first = 0;
  readonly #waiting: { resolve(result: IteratorResult<T>): void; reject(error: unknown): void }[] = [];
  readonly #limit: number;
  readonly #left: () => void;
  #end: { readonly error?: unknown } | undefined = undefined;
  /** Of what is on its way or waits, one size for each; the same places as the items. */
  #sizes: number[] = [];
  #bytes = 0;
  #overflow: ApplicationError | undefined = undefined;

  /**
   * @param limit bytes that may wait
   * @param left called when the loop is left before the end
   */
  constructor(limit: number, left: () => void = () => {}) {
    this.#limit = limit;
    this.#left = left;
  }

  /**
   * Something of this size has come, and is about to be pushed.
   *
   * @returns why it must not be, where the loop has left too much unread: nothing more is taken then
   */
  expect(bytes: number): ApplicationError | undefined {
    if (this.#end !== undefined || this.#overflow !== undefined) return this.#overflow;
    const size = bytes + ITEM_COST;
    this.#bytes += size;
    this.#sizes.push(size);
    if (this.#bytes > this.#limit) this.#overflow = new ApplicationError(LIMIT_EXCEEDED, ["unreadLimit", this.#limit]);
    return this.#overflow;
  }

  push(item: T): void {
    if (this.#end !== undefined) return;
    const waiting = this.#waiting.shift();
    this.#items.push(item);
    if (waiting !== undefined) waiting.resolve({ done: false, value: this.#take() as T });
  }

  /** Nothing more comes. What has arrived can still be read. */
  end(): void {
    this.#finish({});
  }

  /** Nothing more comes, because of an error, which the reader meets when it has read what arrived before. */
  fail(error: unknown): void {
    this.#finish({ error });
  }

  next(): Promise<IteratorResult<T>> {
    const value = this.#take();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#end !== undefined) this.#settle(this.#end);
    });
  }

  return(): Promise<IteratorResult<T>> {
    const isEarly = this.#end === undefined;
    this.#items = [];
    this.#sizes = [];
    this.#first = 0;
    this.#finish({});
    if (isEarly) this.#left();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The oldest. Places are freed in bulk, so that reading many takes no more than linear time. */
  #take(): T | undefined {
    const item = this.#items[this.#first];
    if (item === undefined) return undefined;
    this.#bytes -= this.#sizes[this.#first] ?? 0;
    this.#first++;
    if (this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#sizes = this.#sizes.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  #finish(end: { readonly error?: unknown }): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#settle(end);
  }

  #settle(end: { readonly error?: unknown }): void {
    for (const waiting of this.#waiting.splice(0)) {
      if ("error" in end) waiting.reject(end.error);
      else waiting.resolve({ done: true, value: undefined });
    }
  }
}

/** What keeping one takes beside its bytes. */
const ITEM_COST = 200;
