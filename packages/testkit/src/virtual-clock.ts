/** Time that a test moves: an hour of time-outs takes no time. */
import type { Timers } from "@junctor/client";
import type { Clock } from "@junctor/router";

/** What the calendar says when virtual time is 0. */
export const VIRTUAL_EPOCH = Date.UTC(2026, 0, 1);

export class VirtualClock implements Clock, Timers {
  /** What to call when the router's time has come. */
  wake: () => void = () => {};
  #now = 0;
  #wakeAt = Number.POSITIVE_INFINITY;
  readonly #timers = new Map<object, { time: number; task: () => void }>();

  now(): number {
    return this.#now;
  }

  date(): number {
    return VIRTUAL_EPOCH + this.#now;
  }

  wakeAt(time: number): void {
    this.#wakeAt = Math.min(this.#wakeAt, time);
  }

  set(task: () => void, ms: number): unknown {
    const timer = {};
    this.#timers.set(timer, { time: this.#now + ms, task });
    return timer;
  }

  clear(timer: unknown): void {
    this.#timers.delete(timer as object);
  }

  /** Moves time on, running what falls due on the way. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [timer, due] = [...this.#timers].sort(([, a], [, b]) => a.time - b.time)[0] ?? [];
      const next = Math.min(this.#wakeAt, due?.time ?? Number.POSITIVE_INFINITY);
      if (next > end) break;
      this.#now = Math.max(this.#now, next);
      if (next === this.#wakeAt) {
        this.#wakeAt = Number.POSITIVE_INFINITY;
        this.wake();
      } else if (timer !== undefined && due !== undefined) {
        this.#timers.delete(timer);
        due.task();
      }
    }
    this.#now = end;
  }
}
