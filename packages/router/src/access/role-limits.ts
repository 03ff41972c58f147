/** What the sessions of a role may hold and send, where that is another measure than the router's (reliability 2.1, T25, G6). */
import type { RouterLimits } from "../limits.ts";

export interface RoleLimits extends Partial<RouterLimits> {
  /** Sessions of the role in its realm. */
  readonly sessions?: number;
  /** Requests of one session: calls and chunks of them, publications, subscriptions, registrations. */
  readonly messageRate?: Rate;
  /** Bytes of their payloads. */
  readonly byteRate?: Rate;
}

export interface Rate {
  readonly perSecond: number;
  /** So much at once, after a rest. */
  readonly burst: number;
}

/**
 * Fills by so much a second, up to the burst, and gives as long as something is in it. Reading a clock costs more than all the
 * rest, so it is read once for each sixteenth of the burst: after a rest so much more than the burst may pass. Bench: routing.
 */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;
  /** Given since. */
  #given = 0;

  constructor({ perSecond, burst }: Rate, now: number) {
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAt = now;
  }

  /** @param count may be more than there is, which is owed then: one long message passes. @returns false if nothing was there */
  take(count: number, clock: { now(): number }): boolean {
    if (this.#tokens - count >= 0 && (this.#given + count) * UNWATCHED <= this.#burst) {
      this.#given += count;
      this.#tokens -= count;
      return true;
    }
    const now = clock.now();
    this.#given = 0;
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    if (this.#tokens < MOST_ROUNDED) return false;
    this.#tokens -= count;
    return true;
  }
}

/** The rates of one session. */
export class SessionRates {
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;
  /** The last request was refused: only the first one in a row is logged. */
  #isOver = false;

  constructor({ messageRate, byteRate }: RoleLimits, now: number) {
    this.#messages = messageRate && new TokenBucket(messageRate, now);
    this.#bytes = byteRate && new TokenBucket(byteRate, now);
  }

  /** @returns the limit that one more request exceeds */
  take(bytes: number, clock: { now(): number }): "messageRate" | "byteRate" | undefined {
    if (this.#messages?.take(1, clock) === false) return "messageRate";
    if (bytes > 0 && this.#bytes?.take(bytes, clock) === false) return "byteRate";
    this.#isOver = false;
    return undefined;
  }

  /** @returns whether it is news that the session is over a rate */
  exceeded(): boolean {
    const isNews = !this.#isOver;
    this.#isOver = true;
    return isNews;
  }
}

/** Of the burst, what may be given without a look at the clock: one part of so many. */
const UNWATCHED = 16;
/** Tokens are sums of fractions: a whole one may come out a little short. */
const MOST_ROUNDED = 1 - 1e-9;
