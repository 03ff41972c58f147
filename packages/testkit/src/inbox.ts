/** What arrives, in order, and a way to wait for it without sleeping. */
export class Inbox<T> {
  /** All that has arrived, taken or not. */
  readonly all: T[] = [];
  #taken = 0;
  #arrived: () => void = () => {};

  push(item: T): void {
    this.all.push(item);
    this.#arrived();
  }

  /** The next one that nobody has taken. */
  async next(): Promise<T> {
    await this.count(this.#taken + 1);
    return this.all[this.#taken++] as T;
  }

  /** Takes items up to the first that is `last`, which is among them. */
  async until(isLast: (item: T) => boolean): Promise<T[]> {
    const taken: T[] = [];
    for (;;) {
      const item = await this.next();
      taken.push(item);
      if (isLast(item)) return taken;
    }
  }

  /** Resolves when this many have arrived, taken or not. */
  async count(count: number): Promise<void> {
    while (this.all.length < count) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }
}
