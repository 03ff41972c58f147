/**
 * The broker of one realm: who is subscribed to what, who receives an event, and which events are kept.
 *
 * Sans-IO. A message comes in by a method named after it; what must leaves by the session it is for. The session has
 * checked request id, URI and authorization before.
 *
 * An event on a topic with history is delivered once it is stored, not before, so that whoever heard it will find it in the
 * history, even if the router dies in between: that is what makes catching up by `after_publication` sound, and an ERROR
 * mean that nobody heard it. Later publications of the same session wait behind it, whatever their topic (ORD-01,
 * AMB-126), and reach the store meanwhile, so that a commit takes many. A store in memory makes nobody wait.
 *
 * Spec: requirements 3.1, 3.3, 5.1 to 5.9; AMB-70 to AMB-81, AMB-126, AMB-131.
 */
import {
  type Event,
  type EventDetails,
  type IdSource,
  type MatchPolicy,
  MessageType,
  NO_OPTIONS,
  type Payload,
  type PublicationId,
  type Publish,
  type Subscribe,
  type SubscriptionId,
  type Unsubscribe,
  Uri,
} from "@junctor/protocol";
import type { Disclosure } from "../access/role.ts";
import { TrustLevels } from "../access/trust-levels.ts";
import type { Clock } from "../deadline.ts";
import { type Refusal, refusal } from "../error.ts";
import type { Counters } from "../log.ts";
import type { PatternObserver } from "../meta/pattern-meta.ts";
import { PatternIndex } from "../pattern/pattern-index.ts";
import type { Session } from "../session.ts";
import type { EventLog, EventStore, StoredEvent } from "../store/event-store.ts";
import { MemoryEventStore } from "../store/memory-event-store.ts";
import { ownPayload, PassingPayloads } from "../store/own-payload.ts";
import { DEFAULT_RETENTION, type RetentionLimits } from "../store/retained-events.ts";
import { ConsumerGroup } from "./consumer-group.ts";
import { audienceOf, eventFilter } from "./event-filter.ts";
import { DEFAULT_HISTORY, type EventsConfig } from "./events-config.ts";

/** One subscription, shared by all its subscribers (PS-PAT-03). */
export interface Subscription {
  readonly id: SubscriptionId;
  readonly topic: string;
  readonly match: MatchPolicy;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** In no particular order: one that leaves is replaced by the last. Its place is in `Session.subscriptions`. */
  readonly subscribers: Session[];
  /** Those of them that share events by their keys; `undefined` where nobody does. */
  group: ConsumerGroup | undefined;
  /** Of a history topic, whose subscription is there from the start and stays (PS-HIST-08). */
  readonly log: EventLog | undefined;
  /** Publications that it has matched. */
  events: number;
}

export class Broker {
  readonly #index = new PatternIndex<Subscription>();
  readonly #byId = new Map<SubscriptionId, Subscription>();
  readonly #publicationIds: IdSource;
  readonly #subscriptionIds: IdSource;
  readonly #counters: Counters;
  readonly #clock: Clock;
  readonly #observer: PatternObserver<Subscription>;
  readonly #store: EventStore;
  /** Where the store lets go of what it has stored. */
  readonly #passing: PassingPayloads | undefined;
  readonly #logs: EventLog[] = [];
  #retention: RetentionLimits | undefined = undefined;
  #isSharding = false;
  #trust: TrustLevels | undefined = undefined;

  constructor(
    publicationIds: IdSource,
    subscriptionIds: IdSource,
    counters: Counters,
    clock: Clock,
    observer: PatternObserver<Subscription>,
    config: EventsConfig = {},
  ) {
    const { history = [], store = new MemoryEventStore() } = config;
    this.#publicationIds = publicationIds;
    this.#subscriptionIds = subscriptionIds;
    this.#counters = counters;
    this.#clock = clock;
    this.#observer = observer;
    this.#store = store;
    this.#passing = store.kind === "disk" ? new PassingPayloads() : undefined;
    this.prepare(config)();
    for (const topic of history) {
      const { uri, match } = topic;
      if (this.#index.get(uri, match) !== undefined) throw new TypeError(`the history topic ${uri} (${match}) is given twice`);
      const log = store.openLog({ ...DEFAULT_HISTORY, ...topic });
      this.#logs.push(log);
      this.#create(uri, match, log);
    }
  }

  /** Makes ready for other terms; which history is kept, and where, stays. @returns puts them into force */
  prepare({ retention = {}, sharding = false, trust }: EventsConfig = {}): () => void {
    const limits = retention === false ? undefined : { ...DEFAULT_RETENTION, ...retention };
    const levels = trust === undefined ? undefined : new TrustLevels(trust);
    return () => {
      this.#retention = limits;
      this.#isSharding = sharding;
      this.#trust = levels;
    };
  }

  /** Of the history topics. */
  get logs(): readonly EventLog[] {
    return this.#logs;
  }

  get subscriptionCount(): number {
    return this.#byId.size;
  }

  subscription(id: SubscriptionId): Subscription | undefined {
    return this.#byId.get(id);
  }

  subscriptions(match?: MatchPolicy): IterableIterator<Subscription> {
    return this.#index.values(match);
  }

  find(topic: string, match: MatchPolicy): Subscription | undefined {
    return this.#index.get(topic, match);
  }

  /** Ids of the subscriptions that an event on this topic reaches. */
  matching(topic: string): SubscriptionId[] {
    return this.#index.matching(topic).map(({ id }) => id);
  }

  subscribe(session: Session, message: Subscribe): void {
    const match = message.options.match ?? "exact";
    let subscription = this.#index.get(message.topic, match);
    const isCreated = subscription === undefined;
    subscription ??= this.#create(message.topic, match);
    // [PS-03, AMB-70] A second SUBSCRIBE of the same session gets the same id and changes nothing.
    const isAdded = !session.subscriptions.has(subscription.id);
    if (isAdded) {
      const place = subscription.subscribers.push(session) - 1;
      session.subscriptions.set(subscription.id, place);
      if (match !== "exact") session.patternSubscriptionCount++;
      if (this.#isSharding && message.options.nkey !== undefined) {
        subscription.group ??= new ConsumerGroup();
        subscription.group.add(session, message.options.nkey);
      }
    }
    // [ORD-02] Before any EVENT of this subscription.
    session.send({ type: MessageType.Subscribed, request: message.request, subscription: subscription.id });
    if (message.options.get_retained === true) this.#sendRetained(session, subscription); // [AMB-81] each time
    if (isAdded) this.#observer.joined(session, subscription, isCreated);
  }

  unsubscribe(session: Session, message: Unsubscribe): Refusal | undefined {
    const subscription = this.#remove(session, message.subscription);
    if (subscription === undefined) return refusal(Uri.noSuchSubscription); // [PS-06]
    session.send({ type: MessageType.Unsubscribed, request: message.request, details: undefined });
    this.#observer.left(session, subscription, isOver(subscription));
    return undefined;
  }

  /**
   * Ends a session's subscription against its will, as UNSUBSCRIBE would with it. A subscriber that did not announce
   * `subscription_revocation` is not told (PS-REVOKE-01, PS-REVOKE-02).
   *
   * @returns whether the session held it
   */
  revoke(subscription: SubscriptionId, session: Session, reason?: string): boolean {
    const removed = this.#remove(session, subscription);
    if (removed === undefined) return false;
    if (session.features.subscriptionRevocation) {
      const details = reason === undefined ? { subscription } : { subscription, reason };
      session.send({ type: MessageType.Unsubscribed, request: 0, details });
    }
    this.#observer.left(session, removed, isOver(removed));
    return true;
  }

  /** PUBLISHED if it was asked for, then one EVENT per matching subscription and subscriber (AMB-73). */
  publish(publisher: Session, message: Publish, disclose: Disclosure): Refusal | undefined {
    const { options, topic } = message;
    const isDisclosed = disclose === "force" || options.disclose_me === true;
    if (isDisclosed && disclose === "deny") return refusal(Uri.discloseMeDisallowed); // [PS-PID-02]
    const publication = this.#publicationIds.next();
    const trustLevel = this.#trust?.of(topic, publisher.authrole);
    const isPlain = options === NO_OPTIONS && !isDisclosed && trustLevel === undefined;
    const details = isPlain ? NO_OPTIONS : eventDetails(publisher, options, isDisclosed, trustLevel);
    // Hot path: an event that nobody keeps costs this comparison. Bench: fan100.
    if (this.#logs.length > 0 || options.retain === true) return this.#keep(publisher, message, publication, details);
    this.#accept(publisher, message, publication, details, undefined);
    return undefined;
  }

  /** Whether an event on this topic would reach anybody. */
  isHeard(topic: string): boolean {
    return this.#index.matching(topic).length > 0;
  }

  /** An event of the router's own: it has no publisher, so that whoever caused it receives it too (AMB-99). */
  announce(topic: string, payload: Payload, accepts?: (receiver: Session) => boolean): void {
    this.#dispatch(this.#publicationIds.next(), topic, NO_OPTIONS, payload, undefined, accepts, undefined);
  }

  /** A publication that may have to be kept, or to wait for one that has. */
  #keep(publisher: Session, message: Publish, publication: PublicationId, details: EventDetails): Refusal | undefined {
    const { options, topic } = message;
    const retention = options.retain === true ? this.#retention : undefined; // [PS-RETAIN-02]
    const isRetained = retention !== undefined;
    const logs = this.#logs.length > 0 && isStorable(options) ? logsOf(this.#index.matching(topic)) : NO_LOGS;
    const isStored = logs.length > 0;
    if (!isStored && !isRetained && publisher.unsettled === 0) {
      this.#accept(publisher, message, publication, details, undefined);
      return undefined;
    }
    const now = this.#clock.date();
    const { payload: received } = message;
    const payload = isRetained || this.#passing === undefined ? ownPayload(received) : this.#passing.own(received);
    if (payload === undefined) return refusal(Uri.invalidArgument, "the event cannot be kept: a value in it has no form in MessagePack");
    const event = { publication, time: now, topic, details, audience: audienceOf(options), payload };
    const refused = isRetained ? this.#store.retained.refuses(topic, payload.end - payload.start, now, retention) : undefined;
    if (refused !== undefined) return refused;
    const retained = isRetained ? event : undefined;
    // What is delivered at once is what came: what becomes of it on the way to its receivers is not kept with the event, uncounted.
    if (!isStored && publisher.unsettled === 0) {
      this.#accept(publisher, message, publication, details, retained);
      return undefined;
    }
    const owned = this.#passing === undefined ? message : { ...message, payload };
    publisher.unsettled++;
    this.#store.append({
      event: isStored ? event : undefined,
      logs,
      settle: (problem) => {
        publisher.unsettled--;
        if (problem === undefined) this.#accept(publisher, owned, publication, details, retained);
        else publisher.refuse(owned, problem);
      },
    });
    return undefined;
  }

  /** A publication takes effect. @param retained what the topic retains from now on, if it does */
  #accept(
    publisher: Session,
    message: Publish,
    publication: PublicationId,
    details: EventDetails,
    retained: StoredEvent | undefined,
  ): void {
    const { options, topic, payload } = message;
    this.#counters.publications++;
    if (options.acknowledge === true) publisher.send({ type: MessageType.Published, request: message.request, publication });
    const excluded = options.exclude_me === false ? undefined : publisher; // [PS-EXCL-01, AMB-75]
    if (retained !== undefined && this.#retention !== undefined) {
      this.#store.retained.keep({ ...retained, excluded: excluded === undefined ? 0 : publisher.id }, this.#retention);
    }
    const accepts = options === NO_OPTIONS ? undefined : eventFilter(options);
    this.#dispatch(publication, topic, details, payload, excluded, accepts, this.#isSharding ? options.rkey : undefined);
  }

  #dispatch(
    publication: PublicationId,
    topic: string,
    details: EventDetails,
    payload: Payload,
    excluded: Session | undefined,
    accepts: ((receiver: Session) => boolean) | undefined,
    resourceKey: string | undefined,
  ): void {
    for (const subscription of this.#index.matching(topic)) {
      // Hot path: one EVENT per subscription, the same object for all its receivers, so that a transport encodes it once
      // per serializer. Whatever differs from receiver to receiver must stay out of it (AMB-77). Bench: fan100, fan1000.
      const event: Event = {
        type: MessageType.Event,
        subscription: subscription.id,
        publication,
        details: subscription.match === "exact" ? details : { ...details, topic }, // [PS-PAT-04]
        payload,
        encoded: undefined,
      };
      subscription.events++;
      const { group } = subscription;
      const shares = resourceKey === undefined || group === undefined ? accepts : sharing(group, resourceKey, excluded, accepts);
      this.#deliver(event, subscription.subscribers, excluded, shares);
    }
  }

  /** [PS-RETAIN-03, PS-RETAIN-04, AMB-71, AMB-78 to AMB-80] Before any live event: nothing else happens in between. */
  #sendRetained(session: Session, { id, topic, match }: Subscription): void {
    if (this.#retention === undefined) return;
    const pattern = { uri: topic, match };
    for (const event of this.#store.retained.matching(pattern, session, this.#clock.date(), this.#retention)) {
      const details = { ...event.details, retained: true };
      this.#deliver(
        {
          type: MessageType.Event,
          subscription: id,
          publication: event.publication,
          details: match === "exact" ? details : { ...details, topic: event.topic },
          payload: event.payload,
          encoded: undefined,
        },
        [session],
        undefined,
        undefined,
      );
    }
  }

  #create(topic: string, match: MatchPolicy, log?: EventLog): Subscription {
    const id = this.#subscriptionIds.next();
    const subscription: Subscription = { id, topic, match, created: this.#clock.date(), subscribers: [], group: undefined, log, events: 0 };
    this.#index.set(topic, match, subscription);
    this.#byId.set(id, subscription);
    return subscription;
  }

  /** Ends all subscriptions of a session (SES-24), and tells of them when it has none left, so that it hears nothing of it. */
  leave(session: Session): void {
    const ended: Subscription[] = [];
    for (const id of session.subscriptions.keys()) {
      const subscription = this.#remove(session, id);
      if (subscription !== undefined) ended.push(subscription);
    }
    for (const subscription of ended) this.#observer.left(session, subscription, isOver(subscription));
  }

  #deliver(
    event: Event,
    receivers: readonly Session[],
    excluded: Session | undefined,
    accepts: ((receiver: Session) => boolean) | undefined,
  ): void {
    const counters = this.#counters;
    for (let i = 0; i < receivers.length; i++) {
      const receiver = receivers[i] as Session;
      if (receiver === excluded || (accepts !== undefined && !accepts(receiver))) continue;
      const outcome = receiver.send(event);
      if (outcome === "sent") counters.eventsSent++;
      else if (outcome === "dropped") counters.eventsDropped++;
      else if (outcome !== "closed") counters.eventsUndeliverable++; // [AMB-67, AMB-28]
    }
  }

  /** @returns what the session was subscribed to */
  #remove(session: Session, id: SubscriptionId): Subscription | undefined {
    const subscription = this.#byId.get(id);
    const place = session.subscriptions.get(id);
    if (subscription === undefined || place === undefined) return undefined;
    session.subscriptions.delete(id);
    if (subscription.match !== "exact") session.patternSubscriptionCount--;
    const { subscribers } = subscription;
    const last = subscribers.pop();
    if (last !== undefined && last !== session) {
      subscribers[place] = last;
      last.subscriptions.set(id, place);
    }
    if (subscription.group !== undefined) {
      subscription.group.delete(session);
      if (subscription.group.size === 0) subscription.group = undefined;
    }
    if (isOver(subscription)) {
      this.#index.delete(subscription.topic, subscription.match);
      this.#byId.delete(id);
    }
    return subscription;
  }
}

/** Nobody is subscribed, and nothing else keeps it. */
function isOver({ subscribers, log }: Subscription): boolean {
  return subscribers.length === 0 && log === undefined;
}

function logsOf(subscriptions: readonly Subscription[]): readonly EventLog[] {
  let logs: EventLog[] | undefined;
  for (const { log } of subscriptions) {
    if (log === undefined) continue;
    logs ??= [];
    logs.push(log);
  }
  return logs ?? NO_LOGS;
}

const NO_LOGS: readonly EventLog[] = [];

/** [PS-HIST-11] What is addressed to sessions means nothing when they are gone. An empty blacklist addresses nobody (AMB-74). */
function isStorable({ exclude, eligible }: Publish["options"]): boolean {
  return eligible === undefined && (exclude === undefined || exclude.length === 0);
}

/** All that are accepted and in no group, and of the group the one that the key picks. */
function sharing(
  group: ConsumerGroup,
  resourceKey: string,
  excluded: Session | undefined,
  accepts: ((receiver: Session) => boolean) | undefined,
): (receiver: Session) => boolean {
  const isEligible = (receiver: Session) => receiver !== excluded && (accepts === undefined || accepts(receiver));
  const picked = group.pick(resourceKey, isEligible);
  return (receiver) => (group.has(receiver) ? receiver === picked : isEligible(receiver));
}

/** Details that all receivers share. Only defined keys cross the router (AMB-16), and the publisher's identity is never its own claim (T29). */
function eventDetails(publisher: Session, options: Publish["options"], isDisclosed: boolean, trustlevel: number | undefined): EventDetails {
  const { ppt_scheme, ppt_serializer, ppt_cipher, ppt_keyid, enc_algo, enc_key, enc_serializer } = options;
  const isPlain = !ppt_scheme && enc_algo === undefined; // [PPT-01]
  if (isPlain && !isDisclosed && trustlevel === undefined) return NO_OPTIONS;
  const identity = isDisclosed
    ? { publisher: publisher.id, publisher_authid: publisher.authid, publisher_authrole: publisher.authrole } // [PS-PID-01]
    : NO_OPTIONS;
  if (isPlain && trustlevel === undefined) return identity;
  return defined({ ...identity, trustlevel, ppt_scheme, ppt_serializer, ppt_cipher, ppt_keyid, enc_algo, enc_key, enc_serializer });
}

/** Without the keys whose value is `undefined`. */
export function defined<T extends object>(details: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept: { [K in keyof T]?: Exclude<T[K], undefined> } = {};
  for (const key of Object.keys(details) as (keyof T)[]) {
    const value = details[key];
    if (value !== undefined) kept[key] = value as Exclude<T[keyof T], undefined>;
  }
  return kept;
}
