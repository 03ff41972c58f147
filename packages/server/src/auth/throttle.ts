/**
 * Slows down whoever guesses: failed attempts are counted by name and address together, and by address alone, so that
 * guessing one name's secret from one place locks nobody else out (T5). Each failure past the allowance doubles the wait.
 */

export interface ThrottleOptions {
  /** Failures that cost nothing. */
  readonly allowance: number;
  /** The first wait, in ms; it doubles with each further failure. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** Keys that are remembered; beyond that the oldest are forgotten. */
  readonly keys: number;
}

interface Attempts {
  failures: number;
  /** Not before this time. */
  until: number;
}

export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #now: () => number;
  /** In the order of their last charge. */
  readonly #records = new Map<string, Attempts>();

  constructor(options: ThrottleOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  /** Milliseconds until the next attempt is looked at; 0 where it is at once. */
  wait(key: string): number {
    return Math.max(0, (this.#records.get(key)?.until ?? 0) - this.#now());
  }

  /** Counts an attempt as a failure, until it turns out to be none. */
  charge(key: string): void {
    const { allowance, firstWaitMs, longestWaitMs, keys } = this.#options;
    const now = this.#now();
    const known = this.#records.get(key);
    // Whoever has been quiet for as long as the longest wait starts afresh.
    const failures = known === undefined || now - known.until > longestWaitMs ? 1 : known.failures + 1;
    const over = failures - allowance;
    const wait = over <= 0 ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** Math.min(over - 1, 30));
    this.#records.delete(key);
    this.#records.set(key, { failures, until: now + wait });
    if (this.#records.size > keys)
      for (const oldest of this.#records.keys()) {
        this.#records.delete(oldest);
        break;
      }
  }

  /** The attempts that were charged last were no failures. */
  refund(key: string, attempts: number): void {
    const known = this.#records.get(key);
    if (known === undefined) return;
    known.failures -= attempts;
    known.until = this.#now();
    if (known.failures <= 0) this.#records.delete(key);
  }

  forget(key: string): void {
    this.#records.delete(key);
  }
}
