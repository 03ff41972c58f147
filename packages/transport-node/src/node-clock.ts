/**
 * A router's clock on Node.js: monotonic time, and one timer for whatever the router wants to be woken for next. It is the
 * `Clock` of `@junctor/router` without knowing that package.
 */
export class NodeClock {
  /** What to call when the time has come: `router.wake`. */
  wake: () => void = () => {};
  #timer: NodeJS.Timeout | undefined = undefined;
  #time = Number.POSITIVE_INFINITY;

  now(): number {
    return performance.now();
  }

  date(): number {
    return Date.now();
  }

  wakeAt(time: number): void {
    if (time >= this.#time) return;
    clearTimeout(this.#timer);
    this.#time = time;
    // Timers take 31 bits of milliseconds; woken early, the router asks again.
    const delay = Math.min(Math.max(0, Math.ceil(time - this.now())), 0x7fffffff);
    this.#timer = setTimeout(() => {
      this.#time = Number.POSITIVE_INFINITY;
      this.wake();
    }, delay);
    this.#timer.unref();
  }
}
