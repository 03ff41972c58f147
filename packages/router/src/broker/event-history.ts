/**
 * `wamp.subscription.get_events`: what a subscription would have heard. The realm's configuration names the topics that
 * have a history; a subscription that lies inside one of them is answered from its log.
 *
 * Spec: requirements 5.7; AMB-82, AMB-83; reliability T41.
 */
import { isId, isUri, Uri } from "@junctor/protocol";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";
import type { LocalCall } from "../dealer/local-call.ts";
import { type Refusal, RouterError, refusal } from "../error.ts";
import { covers, type Pattern } from "../pattern/covers.ts";
import { matches } from "../pattern/matches.ts";
import { type EventLog, type HistoryPage, type HistoryQuery, WITHOUT_BOUNDS } from "../store/event-store.ts";
import type { Broker, Subscription } from "./broker.ts";
import { historyResult } from "./history-result.ts";
import { parseTimestamp } from "./timestamp.ts";

export const GET_EVENTS = "wamp.subscription.get_events";

/** One page of history. */
export interface PageLimits {
  readonly events: number;
  /** Of payloads. */
  readonly bytes: number;
}

/** Answers a call of `GET_EVENTS`, at once or when the store has answered. */
export function getEvents(call: LocalCall, broker: Broker, limits: PageLimits, now: number): void {
  const { args = [], kwargs = {} } = call.payload;
  const [id] = args;
  const format = call.payload.source ?? MSGPACK; // whoever asks in a format takes the answer in it
  if (!isId(id)) return call.fail(refusal(Uri.invalidArgument, "expected the id of a subscription, then filters as keywords"));
  const filters = filtersOf(kwargs);
  if ("error" in filters) return call.fail(filters);
  const subscription = broker.subscription(id);
  if (subscription === undefined) return call.fail(refusal(Uri.noSuchSubscription, `there is no subscription ${id}`));
  const { topic, match } = subscription;
  // [PS-HIST-09] Whoever may not subscribe now may not read what subscribers heard.
  call.caller.decide("subscribe", topic, match, ({ allow }) => {
    if (call.isEnded) return;
    if (!allow) return call.fail(refusal(Uri.notAuthorized, `the role ${call.caller.authrole} may not subscribe ${topic}`));
    const log = logFor(subscription, broker.logs);
    if (log === undefined) {
      return call.fail(
        refusal(RouterError.noHistory, `no history is kept for ${topic} (${match}): the realm's configuration names what is`),
      );
    }
    const { authid, authrole } = call.caller;
    const topics = topicsOf(subscription, log, filters.topic);
    if (topics === "none") return call.respond(historyResult(subscription, NO_EVENTS, format));
    const query = { ...filters, now, authid, authrole, topics, bytes: limits.bytes, limit: Math.min(filters.limit, limits.events) };
    log.read(query, (outcome) => {
      if ("error" in outcome) call.fail(outcome);
      else call.respond(historyResult(subscription, outcome, format));
    });
  });
}

/** The subscription's own log, else the narrowest that holds all that it would have heard. */
function logFor(subscription: Subscription, logs: readonly EventLog[]): EventLog | undefined {
  if (subscription.log !== undefined) return subscription.log;
  const inner = { uri: subscription.topic, match: subscription.match };
  let found: EventLog | undefined;
  for (const log of logs) {
    if (covers(log.topic, inner) && (found === undefined || covers(found.topic, log.topic))) found = log;
  }
  return found;
}

/** Which of a log's topics are meant. @param filter the caller's `topic` */
function topicsOf({ topic: uri, match }: Subscription, log: EventLog, filter: string | undefined): Pattern | "none" | undefined {
  const pattern = { uri, match };
  if (filter !== undefined) return matches(pattern, filter) ? { uri: filter, match: "exact" } : "none";
  return log.topic.uri === uri && log.topic.match === match ? undefined : pattern;
}

type Filters = Omit<HistoryQuery, "now" | "bytes" | "authid" | "authrole" | "topics"> & { readonly topic: string | undefined };

/** [PS-HIST-03, AMB-83] A filter that is not understood is refused: without it the answer would hold more than was asked for. */
function filtersOf(kwargs: Readonly<Record<string, unknown>>): Filters | Refusal {
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(kwargs)) {
    if (value === null || value === undefined) continue; // [AMB-12]
    const filter = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
    if (filter === undefined)
      return refusal(Uri.invalidArgument, `there is no filter ${name.slice(0, 64)}; there are ${Object.keys(FILTERS).join(", ")}`);
    const read = filter.read(value);
    if (read === undefined) return refusal(Uri.invalidArgument, `${name}: expected ${filter.expected}`);
    values[filter.key] = read;
  }
  return { ...NO_FILTERS, ...values };
}

interface Filter {
  readonly key: keyof Filters;
  readonly expected: string;
  /** @returns `undefined` where the value is not what is expected */
  read(value: unknown): unknown;
}

const time = (key: keyof Filters): Filter => ({
  key,
  expected: "a time as in RFC 3339, for example 2026-11-30T12:00:00.000Z",
  read: (value) => (typeof value === "string" ? parseTimestamp(value) : undefined),
});
const publication = (key: keyof Filters): Filter => ({
  key,
  expected: "the id of a publication",
  read: (value) => (isId(value) ? value : undefined),
});

const FILTERS: Readonly<Record<string, Filter>> = {
  reverse: { key: "reverse", expected: "true or false", read: (value) => (typeof value === "boolean" ? value : undefined) },
  limit: { key: "limit", expected: "an integer of 1 or more", read: (value) => (isId(value) ? value : undefined) },
  topic: { key: "topic", expected: "a URI", read: (value) => (typeof value === "string" && isUri(value) ? value : undefined) },
  from_time: time("fromTime"),
  after_time: time("afterTime"),
  before_time: time("beforeTime"),
  until_time: time("untilTime"),
  from_publication: publication("fromPublication"),
  after_publication: publication("afterPublication"),
  before_publication: publication("beforePublication"),
  until_publication: publication("untilPublication"),
};

/** For callers in this process: it holds whatever was published. */
const MSGPACK = new MsgpackSerializer();
const NO_EVENTS: HistoryPage = { events: [], hasMore: false };
const NO_FILTERS: Filters = {
  reverse: false,
  limit: Number.POSITIVE_INFINITY,
  topic: undefined,
  ...WITHOUT_BOUNDS,
};
