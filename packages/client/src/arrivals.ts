/** What arrives before somebody asks for it: an async iterator that one loop reads. */
export class Arrivals<T extends object> implements AsyncIterableIterator<T> {
  readonly #items: T[] = [];
  readonly #waiting: { resolve(result: IteratorResult<T>): void; reject(error: unknown): void }[] = [];
  readonly #left: () => void;
  #end: { readonly error?: unknown } | undefined = undefined;

  /** @param left called when the loop is left before the end */
  constructor(left: () => void = () => {}) {
    this.#left = left;
  }

  push(item: T): void {
    if (this.#end !== undefined) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#items.push(item);
    else waiting.resolve({ done: false, value: item });
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
    const value = this.#items.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (this.#end !== undefined) this.#settle(this.#end);
    });
  }

  return(): Promise<IteratorResult<T>> {
    const isEarly = this.#end === undefined;
    this.#items.length = 0;
    this.#finish({});
    if (isEarly) this.#left();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
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
