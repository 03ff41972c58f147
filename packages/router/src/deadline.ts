/**
 * What the router has to do at a later time. It owns no timer: it asks its clock to be woken, and whoever embeds it wakes
 * it. A binary heap by time, in which every entry knows its place: most time-outs are cancelled long before their time, and
 * must not stay until then.
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
  readonly #owner: Deadlines;
  readonly #task: () => void;
  /** In the heap; -1 once it is out of it. The heap's own. */
  place = -1;

  constructor(owner: Deadlines, time: number, task: () => void) {
    this.#owner = owner;
    this.time = time;
    this.#task = task;
  }

  cancel(): void {
    this.#owner.remove(this);
  }

  run(): void {
    this.#task();
  }
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #heap: Deadline[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Deadlines that are neither due nor cancelled. */
  get size(): number {
    return this.#heap.length;
  }

  now(): number {
    return this.#clock.now();
  }

  after(ms: number, task: () => void): Deadline {
    return this.at(this.#clock.now() + ms, task);
  }

  at(time: number, task: () => void): Deadline {
    const deadline = new Deadline(this, time, task);
    this.#rise(deadline, this.#heap.length);
    if (deadline.place === 0) this.#clock.wakeAt(time);
    return deadline;
  }

  /** Runs what is due, and asks to be woken for what is not. */
  run(): void {
    const now = this.#clock.now();
    for (let first = this.#heap[0]; first !== undefined && first.time <= now; first = this.#heap[0]) {
      this.remove(first);
      first.run();
    }
    const next = this.#heap[0];
    if (next !== undefined) this.#clock.wakeAt(next.time);
  }

  /** Does nothing to one that is out already. */
  remove(deadline: Deadline): void {
    const { place } = deadline;
    const last = this.#heap.at(-1);
    if (place < 0 || last === undefined) return;
    deadline.place = -1;
    this.#heap.pop();
    if (last === deadline) return;
    if (last.time < deadline.time) this.#rise(last, place);
    else this.#sink(last, place);
  }

  /** Puts one in where there is room, or nearer to the front. */
  #rise(deadline: Deadline, room: number): void {
    const heap = this.#heap;
    let place = room;
    while (place > 0) {
      const parent = heap[(place - 1) >> 1] as Deadline;
      if (parent.time <= deadline.time) break;
      heap[place] = parent;
      parent.place = place;
      place = (place - 1) >> 1;
    }
    heap[place] = deadline;
    deadline.place = place;
  }

  /** Puts one in where there is room, or further from the front. */
  #sink(deadline: Deadline, room: number): void {
    const heap = this.#heap;
    let place = room;
    for (;;) {
      const left = 2 * place + 1;
      const smaller = time(heap, left + 1) < time(heap, left) ? left + 1 : left;
      const child = heap[smaller];
      if (child === undefined || child.time >= deadline.time) break;
      heap[place] = child;
      child.place = place;
      place = smaller;
    }
    heap[place] = deadline;
    deadline.place = place;
  }
}

function time(heap: readonly Deadline[], place: number): number {
  return heap[place]?.time ?? Number.POSITIVE_INFINITY;
}
