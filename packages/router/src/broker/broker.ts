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
  type Publish,
  type Subscribe,
  type SubscriptionId,
  type Unsubscribe,
  Uri,
} from "@junctor/protocol";
import type { Disclosure } from "../access/role.ts";
import { type Refusal, refusal } from "../error.ts";
import type { Counters } from "../log.ts";
import { PatternIndex } from "../pattern/pattern-index.ts";
import type { Session } from "../session.ts";
import { eventFilter } from "./event-filter.ts";

/** One subscription, shared by all its subscribers (PS-PAT-03). */
export interface Subscription {
  readonly id: SubscriptionId;
  readonly topic: string;
  readonly match: MatchPolicy;
  /** In no particular order: one that leaves is replaced by the last. Its place is in `Session.subscriptions`. */
  readonly subscribers: Session[];
}

export class Broker {
  readonly #index = new PatternIndex<Subscription>();
  readonly #byId = new Map<SubscriptionId, Subscription>();
  readonly #publicationIds: IdSource;
  readonly #subscriptionIds: IdSource;
  readonly #counters: Counters;

  constructor(publicationIds: IdSource, subscriptionIds: IdSource, counters: Counters) {
    this.#publicationIds = publicationIds;
    this.#subscriptionIds = subscriptionIds;
    this.#counters = counters;
  }

  get subscriptionCount(): number {
    return this.#byId.size;
  }

  subscribe(session: Session, message: Subscribe): void {
    const match = message.options.match ?? "exact";
    let subscription = this.#index.get(message.topic, match);
    if (subscription === undefined) {
      subscription = { id: this.#subscriptionIds.next(), topic: message.topic, match, subscribers: [] };
      this.#index.set(message.topic, match, subscription);
      this.#byId.set(subscription.id, subscription);
    }
    // [PS-03, AMB-70] A second SUBSCRIBE of the same session gets the same id and changes nothing.
    if (!session.subscriptions.has(subscription.id)) {
      const place = subscription.subscribers.push(session) - 1;
      session.subscriptions.set(subscription.id, place);
      if (match !== "exact") session.patternSubscriptionCount++;
    }
    // [ORD-02] Before any EVENT of this subscription.
    session.send({ type: MessageType.Subscribed, request: message.request, subscription: subscription.id });
  }

  unsubscribe(session: Session, message: Unsubscribe): Refusal | undefined {
    if (!session.subscriptions.has(message.subscription)) return refusal(Uri.noSuchSubscription); // [PS-06]
    this.#remove(session, message.subscription);
    session.send({ type: MessageType.Unsubscribed, request: message.request, details: undefined });
    return undefined;
  }

  /**
   * Ends a session's subscription against its will, as UNSUBSCRIBE would with it. A subscriber that did not announce
   * `subscription_revocation` is not told (PS-REVOKE-01, PS-REVOKE-02).
   *
   * @returns whether the session held it
   */
  revoke(subscription: SubscriptionId, session: Session, reason?: string): boolean {
    if (!session.subscriptions.has(subscription)) return false;
    this.#remove(session, subscription);
    if (session.features.subscriptionRevocation) {
      const details = reason === undefined ? { subscription } : { subscription, reason };
      session.send({ type: MessageType.Unsubscribed, request: 0, details });
    }
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
    return undefined;
  }

  /** Ends all subscriptions of a session (SES-24). */
  leave(session: Session): void {
    for (const id of session.subscriptions.keys()) this.#remove(session, id);
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

  #remove(session: Session, id: SubscriptionId): void {
    const subscription = this.#byId.get(id);
    const place = session.subscriptions.get(id);
    if (subscription === undefined || place === undefined) return;
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
