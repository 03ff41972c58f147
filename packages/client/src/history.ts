/** Event history: `wamp.subscription.get_events` in the words of a program (requirements 5.7, AMB-82). */
import type { EventDetails } from "@junctor/protocol";
import type { Result } from "./chunk.ts";
import type { WaitOptions } from "./options.ts";
import type { Event } from "./subscription.ts";

/** All that is given must hold. Times: a `Date`, or text as in RFC 3339. Publications: their ids, as places in the history. */
export interface HistoryFilter extends WaitOptions {
  /** Newest first. */
  readonly reverse?: boolean;
  /** Events in the answer. Default and maximum: the router's. */
  readonly limit?: number;
  /** For subscriptions to a pattern. */
  readonly topic?: string;
  readonly fromTime?: Date | string;
  readonly afterTime?: Date | string;
  readonly beforeTime?: Date | string;
  readonly untilTime?: Date | string;
  readonly fromPublication?: number;
  readonly afterPublication?: number;
  readonly beforePublication?: number;
  readonly untilPublication?: number;
}

export interface HistoricEvent extends Event {
  /** When the router accepted it. */
  readonly time: Date;
}

export interface HistoryPage {
  readonly events: readonly HistoricEvent[];
  /** There are more: go on with `afterPublication`, or, where `reverse`, `beforePublication` of the last one. */
  readonly more: boolean;
}

/** As the router gives it. */
interface EventWire {
  readonly timestamp: string;
  readonly publication: number;
  readonly details?: EventDetails;
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

export function historyWire({ signal: _, timeout: __, ...filter }: HistoryFilter): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(filter).map(([name, value]) => [
      name.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`),
      value instanceof Date ? value.toISOString() : value,
    ]),
  );
}

export function historyPage({ args, kwargs }: Result, topic: string): HistoryPage {
  // [AMB-82] A list of events as the arguments, or as the first of them.
  const [first] = args;
  const events = (Array.isArray(first) ? first : args) as readonly EventWire[];
  return {
    events: events.map(({ timestamp, publication, details = {}, args = [], kwargs = {} }) => ({
      time: new Date(timestamp),
      publication,
      topic: details.topic ?? topic,
      details,
      args,
      kwargs,
    })),
    more: kwargs["more"] === true,
  };
}
