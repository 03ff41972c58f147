/**
 * What the router has to do at a later time. It owns no timer: it asks its clock to be woken, and whoever embeds it wakes
 * it. A binary heap by time; a cancelled entry stays until its time comes.
 */

export interface Clock {
  /** Milliseconds on a scale that never goes back. */
  now(): number;
  /** Milliseconds since 1970, for people and for records; may jump. */
  date(): number;
  /** Asks for `Router.wake` at this time or soon after. A later call with an earlier time replaces an earlier call. */
  wakeAt(time: number): void;
}

export class Deadline {
  readonly time: number;
  #task: (() => void) | undefined;

  constructor(time: number, task: () => void) {
    this.time = time;
    this.#task = task;
  }

  cancel(): void {
    this.#task = undefined;
  }

  run(): void {
    const task = this.#task;
    this.#task = undefined;
    task?.();
  }
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #heap: Deadline[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  after(ms: number, task: () => void): Deadline {
    const deadline = new Deadline(this.#clock.now() + ms, task);
    this.#push(deadline);
    if (this.#heap[0] === deadline) this.#clock.wakeAt(deadline.time);
    return deadline;
  }

  /** Runs what is due, and asks to be woken for what is not. */
  run(): void {
    const now = this.#clock.now();
    for (let first = this.#heap[0]; first !== undefined && first.time <= now; first = this.#heap[0]) {
      this.#pop();
      first.run();
    }
    const next = this.#heap[0];
    if (next !== undefined) this.#clock.wakeAt(next.time);
  }

  #push(deadline: Deadline): void {
    const heap = this.#heap;
    let at = heap.push(deadline) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (time(heap, parent) <= deadline.time) break;
      swap(heap, at, parent);
      at = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const smaller = time(heap, left + 1) < time(heap, left) ? left + 1 : left;
      if (time(heap, smaller) >= last.time) return;
      swap(heap, at, smaller);
      at = smaller;
    }
  }
}

function time(heap: readonly Deadline[], at: number): number {
  return heap[at]?.time ?? Number.POSITIVE_INFINITY;
}

function swap(heap: Deadline[], a: number, b: number): void {
  const x = heap[a] as Deadline;
  heap[a] = heap[b] as Deadline;
  heap[b] = x;
}
