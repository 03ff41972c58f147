/**
 * The broker of one realm: who is subscribed to what, and who receives an event.
 *
 * Sans-IO. A message comes in by a method named after it; what must leaves by the session it is for. The session has
 * checked request id, URI and authorization before.
 *
 * Spec: requirements 3.1, 3.3, 5.1 to 5.3, 5.5, 5.9; AMB-70 to AMB-77, AMB-131.
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
import type { Clock } from "../deadline.ts";
import { type Refusal, refusal } from "../error.ts";
import type { Counters } from "../log.ts";
import type { PatternObserver } from "../meta/pattern-meta.ts";
import { PatternIndex } from "../pattern/pattern-index.ts";
import type { Session } from "../session.ts";
import { eventFilter } from "./event-filter.ts";

/** One subscription, shared by all its subscribers (PS-PAT-03). */
export interface Subscription {
  readonly id: SubscriptionId;
  readonly topic: string;
  readonly match: MatchPolicy;
  /** Milliseconds since 1970. */
  readonly created: number;
  /** In no particular order: one that leaves is replaced by the last. Its place is in `Session.subscriptions`. */
  readonly subscribers: Session[];
}

export class Broker {
  readonly #index = new PatternIndex<Subscription>();
  readonly #byId = new Map<SubscriptionId, Subscription>();
  readonly #publicationIds: IdSource;
  readonly #subscriptionIds: IdSource;
  readonly #counters: Counters;
  readonly #clock: Clock;
  readonly #observer: PatternObserver<Subscription>;

  constructor(
    publicationIds: IdSource,
    subscriptionIds: IdSource,
    counters: Counters,
    clock: Clock,
    observer: PatternObserver<Subscription>,
  ) {
    this.#publicationIds = publicationIds;
    this.#subscriptionIds = subscriptionIds;
    this.#counters = counters;
    this.#clock = clock;
    this.#observer = observer;
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
    if (subscription === undefined) {
      subscription = { id: this.#subscriptionIds.next(), topic: message.topic, match, created: this.#clock.date(), subscribers: [] };
      this.#index.set(message.topic, match, subscription);
      this.#byId.set(subscription.id, subscription);
    }
    // [PS-03, AMB-70] A second SUBSCRIBE of the same session gets the same id and changes nothing.
    const isAdded = !session.subscriptions.has(subscription.id);
    if (isAdded) {
      const place = subscription.subscribers.push(session) - 1;
      session.subscriptions.set(subscription.id, place);
      if (match !== "exact") session.patternSubscriptionCount++;
    }
    // [ORD-02] Before any EVENT of this subscription.
    session.send({ type: MessageType.Subscribed, request: message.request, subscription: subscription.id });
    if (isAdded) this.#observer.joined(session, subscription, isCreated);
  }

  unsubscribe(session: Session, message: Unsubscribe): Refusal | undefined {
    const subscription = this.#remove(session, message.subscription);
    if (subscription === undefined) return refusal(Uri.noSuchSubscription); // [PS-06]
    session.send({ type: MessageType.Unsubscribed, request: message.request, details: undefined });
    this.#observer.left(session, subscription, subscription.subscribers.length === 0);
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
    this.#observer.left(session, removed, removed.subscribers.length === 0);
    return true;
  }

  /** Sends PUBLISHED if it was asked for, then one EVENT per matching subscription and subscriber (AMB-73). */
  publish(publisher: Session, message: Publish, disclose: Disclosure): Refusal | undefined {
    const { options, topic, payload } = message;
    const isDisclosed = disclose === "force" || options.disclose_me === true;
    if (isDisclosed && disclose === "deny") return refusal(Uri.discloseMeDisallowed); // [PS-PID-02]
    this.#counters.publications++;
    const publication = this.#publicationIds.next();
    if (options.acknowledge === true) publisher.send({ type: MessageType.Published, request: message.request, publication });

    const excluded = options.exclude_me === false ? undefined : publisher; // [PS-EXCL-01, AMB-75]
    const accepts = options === NO_OPTIONS ? undefined : eventFilter(options);
    const details = options === NO_OPTIONS && !isDisclosed ? NO_OPTIONS : eventDetails(publisher, options, isDisclosed);
    this.#dispatch(publication, topic, details, payload, excluded, accepts);
    return undefined;
  }

  /** Whether an event on this topic would reach anybody. */
  isHeard(topic: string): boolean {
    return this.#index.matching(topic).length > 0;
  }

  /** An event of the router's own: it has no publisher, so that whoever caused it receives it too (AMB-99). */
  announce(topic: string, payload: Payload, accepts?: (receiver: Session) => boolean): void {
    this.#dispatch(this.#publicationIds.next(), topic, NO_OPTIONS, payload, undefined, accepts);
  }

  #dispatch(
    publication: PublicationId,
    topic: string,
    details: EventDetails,
    payload: Payload,
    excluded: Session | undefined,
    accepts: ((receiver: Session) => boolean) | undefined,
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
      this.#deliver(event, subscription.subscribers, excluded, accepts);
    }
  }

  /** Ends all subscriptions of a session (SES-24), and tells of them when it has none left, so that it hears nothing of it. */
  leave(session: Session): void {
    const ended: Subscription[] = [];
    for (const id of session.subscriptions.keys()) {
      const subscription = this.#remove(session, id);
      if (subscription !== undefined) ended.push(subscription);
    }
    for (const subscription of ended) this.#observer.left(session, subscription, subscription.subscribers.length === 0);
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
    if (subscribers.length === 0) {
      this.#index.delete(subscription.topic, subscription.match);
      this.#byId.delete(id);
    }
    return subscription;
  }
}

/** Details that all receivers share. Only defined keys cross the router (AMB-16), and the publisher's identity is never its own claim (T29). */
function eventDetails(publisher: Session, options: Publish["options"], isDisclosed: boolean): EventDetails {
  const { ppt_scheme, ppt_serializer, ppt_cipher, ppt_keyid, enc_algo, enc_key, enc_serializer } = options;
  const isPlain = ppt_scheme === undefined && enc_algo === undefined;
  if (isPlain && !isDisclosed) return NO_OPTIONS;
  const identity = isDisclosed
    ? { publisher: publisher.id, publisher_authid: publisher.authid, publisher_authrole: publisher.authrole } // [PS-PID-01]
    : NO_OPTIONS;
  if (isPlain) return identity;
  return defined({ ...identity, ppt_scheme, ppt_serializer, ppt_cipher, ppt_keyid, enc_algo, enc_key, enc_serializer });
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
