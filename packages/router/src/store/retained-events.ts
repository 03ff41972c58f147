/**
 * Retained values: by concrete topic, the latest event that was published with `retain`. Beside the latest that everybody
 * may have, a topic keeps newer ones for restricted audiences, the latest for each, so that nobody's value hides
 * another's (PS-RETAIN-05, AMB-80).
 *
 * They are kept in memory whatever the store: a SUBSCRIBE is answered with them before the next live event, which leaves
 * no time to wait for a disk (AMB-71). A store that keeps them longer is told of each change.
 *
 * Spec: requirements 5.8; AMB-78 to AMB-80.
 */
import { eventFilter, type Recipient } from "../broker/event-filter.ts";
import { type Refusal, RouterError, refusal } from "../error.ts";
import type { Pattern } from "../pattern/covers.ts";
import { matches } from "../pattern/matches.ts";
import type { RetainedEvent } from "./event-store.ts";

export interface RetentionLimits {
  /** Topics of a realm that have a value. */
  readonly topics: number;
  /** Bytes of one value, and of all values of a realm. */
  readonly valueBytes: number;
  readonly totalBytes: number;
  /** Values of one topic for restricted audiences; the oldest gives way. */
  readonly audiences: number;
  /** How long a value is kept; `Infinity` for ever. */
  readonly ageMs: number;
}

export const DEFAULT_RETENTION: RetentionLimits = {
  topics: 100_000,
  valueBytes: 64 * 1024,
  totalBytes: 256 * 1024 * 1024,
  audiences: 8,
  ageMs: Number.POSITIVE_INFINITY,
};

export class RetainedEvents {
  /** By topic, oldest first; topics in the order of their last change. */
  readonly #values = new Map<string, readonly RetainedEvent[]>();
  readonly #changed: (topic: string, events: readonly RetainedEvent[]) => void;
  #bytes = 0;

  /** @param changed told what a topic holds now; nothing where it has lost its value */
  constructor(changed: (topic: string, events: readonly RetainedEvent[]) => void = () => {}) {
    this.#changed = changed;
  }

  /** Topics that have a value. */
  get size(): number {
    return this.#values.size;
  }

  /** Bytes of all payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What an earlier process had retained. */
  restore(topic: string, events: readonly RetainedEvent[]): void {
    this.#set(topic, events);
  }

  /** Why a value cannot be retained, if so. */
  refuses(topic: string, bytes: number, now: number, limits: RetentionLimits): Refusal | undefined {
    if (bytes > limits.valueBytes) return refusal(RouterError.limitExceeded, "retention.valueSize", limits.valueBytes);
    this.#expire(now - limits.ageMs);
    const replaced = sizeOf(this.#values.get(topic));
    if (this.#bytes - replaced + bytes > limits.totalBytes)
      return refusal(RouterError.limitExceeded, "retention.totalSize", limits.totalBytes);
    if (this.#values.size >= limits.topics && !this.#values.has(topic))
      return refusal(RouterError.limitExceeded, "retention.topics", limits.topics);
    return undefined;
  }

  /** Replaces what the new event supersedes: all that is older if it is for everybody, else the one for the same audience. */
  keep(event: RetainedEvent, limits: RetentionLimits): void {
    const { topic } = event;
    const audience = audienceKey(event);
    const kept = audience === "" ? [] : (this.#values.get(topic) ?? []).filter((other) => audienceKey(other) !== audience);
    const isFull = kept.filter((other) => audienceKey(other) !== "").length >= limits.audiences;
    if (isFull) kept.splice(audienceKey(kept[0]) === "" ? 1 : 0, 1);
    kept.push(event);
    this.#set(topic, kept);
    this.#changed(topic, kept);
  }

  /**
   * What a new subscriber would have received last, had it been there: of each topic that matches the newest event it was
   * eligible for, oldest first (PS-RETAIN-03, AMB-78, AMB-80).
   */
  matching(pattern: Pattern, recipient: Recipient, now: number, limits: RetentionLimits): RetainedEvent[] {
    if (pattern.match === "exact") {
      const event = this.#newest(this.#values.get(pattern.uri), recipient, now - limits.ageMs);
      return event === undefined ? [] : [event];
    }
    const found: RetainedEvent[] = [];
    for (const [topic, events] of this.#values) {
      if (!matches(pattern, topic)) continue;
      const event = this.#newest(events, recipient, now - limits.ageMs);
      if (event !== undefined) found.push(event);
    }
    // Topics are in the order of their newest event, which need not be the one that this recipient gets.
    return found.sort((a, b) => a.time - b.time);
  }

  #newest(events: readonly RetainedEvent[] | undefined, recipient: Recipient, after: number): RetainedEvent | undefined {
    return events?.findLast(
      ({ time, excluded, audience }) =>
        time > after && excluded !== recipient.id && (audience === undefined || (eventFilter(audience)?.(recipient) ?? true)),
    );
  }

  /** Forgets topics whose last change is too long ago. They are the first. */
  #expire(after: number): void {
    for (const [topic, events] of this.#values) {
      if ((events.at(-1)?.time ?? 0) > after) return;
      this.#set(topic, []);
      this.#changed(topic, []);
    }
  }

  #set(topic: string, events: readonly RetainedEvent[]): void {
    this.#bytes += sizeOf(events) - sizeOf(this.#values.get(topic));
    this.#values.delete(topic);
    if (events.length > 0) this.#values.set(topic, events);
  }
}

function sizeOf(events: readonly RetainedEvent[] | undefined): number {
  let bytes = 0;
  for (const { payload } of events ?? []) bytes += payload.end - payload.start;
  return bytes;
}

/** The same for events with the same audience; empty for those that are for everybody. */
function audienceKey(event: RetainedEvent | undefined): string {
  const audience = event?.audience;
  if (audience === undefined) return "";
  const { exclude, exclude_authid, exclude_authrole, eligible, eligible_authid, eligible_authrole } = audience;
  const sorted = (list: readonly (string | number)[] | undefined) => list && [...new Set(list)].sort();
  return JSON.stringify([exclude, exclude_authid, exclude_authrole, eligible, eligible_authid, eligible_authrole].map(sorted));
}
