/** When a service that has ended is started again: later each time, and not for ever. */

export interface RestartPolicy {
  /** After which ends: any, those with another exit code than 0 or by a signal, or none. */
  readonly when: "always" | "on-failure" | "never";
  /** Before the first restart; twice as long before each further one. */
  readonly delayMs: number;
  readonly longestDelayMs: number;
  /** So many restarts within the window; `Infinity` for any number. */
  readonly attempts: number;
  readonly windowMs: number;
}

/** The restarts of one instance, as far as they still count. */
export class RestartHistory {
  #times: number[] = [];

  /**
   * @param random in [0, 1): instances that failed together do not come back together
   * @returns how long to wait; `undefined` where it has been tried often enough
   */
  next({ delayMs, longestDelayMs, attempts, windowMs }: RestartPolicy, now: number, random: number): number | undefined {
    this.#times = this.#times.filter((time) => now - time < windowMs);
    if (this.#times.length >= attempts) return undefined;
    const delay = Math.min(longestDelayMs, delayMs * 2 ** this.#times.length);
    this.#times.push(now);
    return delay * (0.5 + random / 2);
  }

  clear(): void {
    this.#times = [];
  }
}
