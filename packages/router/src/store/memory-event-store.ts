/**
 * Events in memory: the default store. They live as long as the realm, so that a PUBLISHED says no more for a topic with
 * history than for any other. Everything is answered at once.
 */
import type { PublicationId } from "@junctor/protocol";
import type { Refusal } from "../error.ts";
import {
  type Append,
  type EventLog,
  type EventStore,
  type HistoryPage,
  type HistoryQuery,
  type HistoryTopic,
  PageBuilder,
  rangeOf,
  type StoredEvent,
} from "./event-store.ts";
import { RetainedEvents } from "./retained-events.ts";

export class MemoryEventStore implements EventStore {
  readonly kind = "memory";
  readonly retained = new RetainedEvents();

  openLog(topic: HistoryTopic): EventLog {
    return new MemoryEventLog(topic);
  }

  append(append: Append): void {
    const { event } = append;
    if (event !== undefined) for (const log of append.logs) if (log instanceof MemoryEventLog) log.push(event);
    append.settle(undefined);
  }
}

class MemoryEventLog implements EventLog {
  readonly topic: HistoryTopic;
  /** In the order of arrival. Those before `#first` are gone; their places are freed in bulk. */
  #events: (StoredEvent | undefined)[] = [];
  #first = 0;
  #bytes = 0;

  constructor(topic: HistoryTopic) {
    this.topic = topic;
  }

  push(event: StoredEvent): void {
    this.#events.push(event);
    this.#bytes += sizeOf(event);
    const { events, bytes, ageMs } = this.topic;
    for (let first = this.#events[this.#first]; first !== undefined; first = this.#events[this.#first]) {
      const kept = this.#events.length - this.#first;
      if (kept === 1 || (kept <= events && this.#bytes <= bytes && first.time > event.time - ageMs)) break;
      this.#bytes -= sizeOf(first);
      this.#events[this.#first++] = undefined;
    }
    if (this.#first > 64 && this.#first * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#first);
      this.#first = 0;
    }
  }

  read(query: HistoryQuery, answer: (outcome: HistoryPage | Refusal) => void): void {
    const builder = new PageBuilder(query, this.topic);
    const [start, end] = rangeOf(query, (publication) => this.#placeOf(publication)) ?? [0, 0];
    const first = Math.max(start, this.#first);
    const last = Math.min(end, this.#events.length) - 1;
    for (let i = 0; i <= last - first; i++) {
      const event = this.#events[query.reverse ? last - i : first + i];
      if (event !== undefined && builder.add(event)) break;
    }
    answer(builder.page);
  }

  /** From the newest: who catches up has seen nearly all. */
  #placeOf(publication: PublicationId): number | undefined {
    for (let i = this.#events.length - 1; i >= this.#first; i--) if (this.#events[i]?.publication === publication) return i;
    return undefined;
  }
}

function sizeOf({ topic, payload }: StoredEvent): number {
  return topic.length + payload.end - payload.start;
}
