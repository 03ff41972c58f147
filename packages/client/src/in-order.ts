/** Tasks that may take time, begun one after another in the order in which they came. One that finds none before it begins at once. */
export class InOrder {
  #last: Promise<void> | undefined = undefined;

  /** @param task does not fail */
  run(task: () => Promise<void> | void): void {
    const running = this.#last === undefined ? task() : this.#last.then(task);
    if (running === undefined) return;
    const last: Promise<void> = running.then(() => {
      if (this.#last === last) this.#last = undefined;
    });
    this.#last = last;
  }
}
