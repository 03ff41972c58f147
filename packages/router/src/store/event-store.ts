/**
 * Where a realm keeps events: the logs of its history topics, and retained values. The interface; `MemoryEventStore` is the
 * default, others write to a disk. The broker asks and goes on with other things: appends and reads are answered at once or
 * later. A store reads no clock: events and queries carry the time.
 *
 * Spec: requirements 5.7, 5.8; AMB-83, AMB-126; reliability G3.
 */
import type { EventDetails, Payload, PublicationId, SessionId } from "@junctor/protocol";
import { type Audience, eventFilter } from "../broker/event-filter.ts";
import type { Refusal } from "../error.ts";
import type { Pattern } from "../pattern/covers.ts";
import { matches } from "../pattern/matches.ts";
import type { RetainedEvents } from "./retained-events.ts";

/** A publication as it is kept. */
export interface StoredEvent {
  readonly publication: PublicationId;
  /** When the router accepted it, in milliseconds since 1970. */
  readonly time: number;
  readonly topic: string;
  /** As disclosed then, without what depends on the subscription. */
  readonly details: EventDetails;
  /** Re-applied to whoever reads it later (PS-HIST-10, AMB-80); `undefined`: everybody. */
  readonly audience: Audience | undefined;
  /** Its bytes stay as they are. */
  readonly payload: Payload;
}

export interface RetainedEvent extends StoredEvent {
  /** The publisher's session where it was not to receive the event itself (AMB-80); 0 otherwise. */
  readonly excluded: SessionId;
}

/** One topic, or all topics of a pattern, whose events are kept in one log, and how much of them. */
export interface HistoryTopic extends Pattern {
  readonly events: number;
  /** Topics, details and payloads, as the store encodes them. */
  readonly bytes: number;
  /** `Infinity` keeps them for ever. */
  readonly ageMs: number;
}

export interface EventStore {
  /** `disk`: what was stored survives the end of the process, however it ends, and is not held in memory once it is settled. */
  readonly kind: "memory" | "disk";
  readonly retained: RetainedEvents;
  /** The log of a history topic. What it held before the store was opened is there again. Once per topic. */
  openLog(topic: HistoryTopic): EventLog;
  /**
   * Takes an event in, and settles it when it is stored, perhaps before the call returns. Appends are settled in the order in
   * which they were made; only one that is refused outright, because the store cannot take more, may be settled before others.
   */
  append(append: Append): void;
}

export interface EventLog {
  readonly topic: HistoryTopic;
  read(query: HistoryQuery, answer: (outcome: HistoryPage | Refusal) => void): void;
}

/** An event on its way into a store. */
export interface Append {
  /** `undefined` stores nothing: it only keeps its place between other appends. */
  readonly event: StoredEvent | undefined;
  readonly logs: readonly EventLog[];
  /** Called once: the event is stored in all the logs, or in none and why. */
  settle(refused: Refusal | undefined): void;
}

/** Which events of a log are asked for. Plain data, so that it can travel to where the log is. All that is given must hold. */
export interface HistoryQuery {
  readonly now: number;
  /** Newest first. */
  readonly reverse: boolean;
  /** Events in the answer. */
  readonly limit: number;
  /** Bytes of payload in the answer, which has one event at least if there is one. */
  readonly bytes: number;
  /** Who asks. */
  readonly authid: string;
  readonly authrole: string;
  readonly topics: Pattern | undefined;
  /** Milliseconds since 1970: at or after, after, before, at or before. */
  readonly fromTime: number | undefined;
  readonly afterTime: number | undefined;
  readonly beforeTime: number | undefined;
  readonly untilTime: number | undefined;
  /** Places in the log. One that the log does not hold makes the answer empty (AMB-83). */
  readonly fromPublication: PublicationId | undefined;
  readonly afterPublication: PublicationId | undefined;
  readonly beforePublication: PublicationId | undefined;
  readonly untilPublication: PublicationId | undefined;
}

type Bound = `${"from" | "after" | "before" | "until"}${"Time" | "Publication"}`;

/** The bounds of a query that has none. All keys are there, so that all queries have one form. */
export const WITHOUT_BOUNDS: Readonly<Record<Bound, undefined>> = Object.freeze({
  fromTime: undefined,
  afterTime: undefined,
  beforeTime: undefined,
  untilTime: undefined,
  fromPublication: undefined,
  afterPublication: undefined,
  beforePublication: undefined,
  untilPublication: undefined,
});

export interface HistoryPage<E extends StoredEvent = StoredEvent> {
  readonly events: readonly E[];
  /** Further events would have matched. */
  readonly hasMore: boolean;
}

/** Whether the query asks for an event, its place in the log apart. */
function isAskedFor(event: StoredEvent, query: HistoryQuery, topic: HistoryTopic): boolean {
  const { time, audience } = event;
  return (
    time > query.now - topic.ageMs &&
    (query.fromTime === undefined || time >= query.fromTime) &&
    (query.afterTime === undefined || time > query.afterTime) &&
    (query.beforeTime === undefined || time < query.beforeTime) &&
    (query.untilTime === undefined || time <= query.untilTime) &&
    (query.topics === undefined || matches(query.topics, event.topic)) &&
    // No log holds an event with lists of session ids (PS-HIST-11), so the session's id is of no account.
    (audience === undefined || (eventFilter(audience)?.({ id: 0, authid: query.authid, authrole: query.authrole }) ?? true))
  );
}

/**
 * The places in a log that a query is about, from the first to before the last.
 *
 * @param placeOf the place of a publication, `undefined` where the log does not hold it
 * @returns `undefined` where the log does not hold a publication that the query names (AMB-83)
 */
export function rangeOf(query: HistoryQuery, placeOf: (publication: PublicationId) => number | undefined): [number, number] | undefined {
  let start = Number.NEGATIVE_INFINITY;
  let end = Number.POSITIVE_INFINITY;
  const { fromPublication, afterPublication, beforePublication, untilPublication } = query;
  for (const publication of [fromPublication, afterPublication, beforePublication, untilPublication]) {
    if (publication === undefined) continue;
    const place = placeOf(publication);
    if (place === undefined) return undefined;
    if (publication === fromPublication) start = Math.max(start, place);
    if (publication === afterPublication) start = Math.max(start, place + 1);
    if (publication === beforePublication) end = Math.min(end, place);
    if (publication === untilPublication) end = Math.min(end, place + 1);
  }
  return [start, end];
}

/** Fills a page with events in the order asked for, until it is full. */
export class PageBuilder<E extends StoredEvent = StoredEvent> {
  readonly #query: HistoryQuery;
  readonly #topic: HistoryTopic;
  readonly #events: E[] = [];
  #bytes = 0;
  #hasMore = false;

  constructor(query: HistoryQuery, topic: HistoryTopic) {
    this.#query = query;
    this.#topic = topic;
  }

  /** @returns whether there is no room for another */
  add(event: E): boolean {
    if (!isAskedFor(event, this.#query, this.#topic)) return false;
    const { length } = this.#events;
    this.#bytes += event.payload.end - event.payload.start;
    this.#hasMore = length >= this.#query.limit || (length > 0 && this.#bytes > this.#query.bytes);
    if (!this.#hasMore) this.#events.push(event);
    return this.#hasMore;
  }

  get page(): HistoryPage<E> {
    return { events: this.#events, hasMore: this.#hasMore };
  }
}
