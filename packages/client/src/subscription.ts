/** One handler's part in a subscription. Several handlers of a session share one (PS-04). */
import type { EventDetails, MatchPolicy, PublicationId, SubscriptionId } from "@junctor/protocol";
import type { HistoryFilter, HistoryPage } from "./history.ts";

export interface Event {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** The topic that was published to, also for prefix and wildcard subscriptions. */
  readonly topic: string;
  readonly publication: PublicationId;
  /** As it came: `publisher`, `publisher_authid`, `retained`, … */
  readonly details: EventDetails;
}

export type EventHandler = (event: Event) => unknown;

export class Subscription {
  readonly id: SubscriptionId;
  readonly topic: string;
  readonly match: MatchPolicy;
  readonly handler: EventHandler;
  /** Settles with the router's reason if the router ends the subscription (PS-REVOKE-03). */
  readonly revoked: Promise<string | undefined>;
  /**
   * What the subscription would have heard before, where the router keeps it.
   *
   * @throws {ApplicationError} `wamp.error.no_such_procedure` or `junctor.error.no_history`: nothing is kept
   */
  readonly history: (filter?: HistoryFilter) => Promise<HistoryPage>;
  /** Set by the session: retained events are for this handler. */
  getsRetained = false;
  /** Called by the session. */
  readonly revoke: (reason: string | undefined) => void;
  readonly #end: (subscription: Subscription) => Promise<void>;
  #ended: Promise<void> | undefined = undefined;

  constructor(
    id: SubscriptionId,
    topic: string,
    match: MatchPolicy,
    handler: EventHandler,
    end: (subscription: Subscription) => Promise<void>,
    history: (filter?: HistoryFilter) => Promise<HistoryPage>,
  ) {
    this.id = id;
    this.topic = topic;
    this.match = match;
    this.handler = handler;
    this.#end = end;
    this.history = history;
    let revoke: (reason: string | undefined) => void = () => {};
    this.revoked = new Promise((resolve) => {
      revoke = resolve;
    });
    this.revoke = revoke;
  }

  /** Ends it: the handler is called no more. UNSUBSCRIBE is sent when it was the last handler (AMB-70). */
  unsubscribe(): Promise<void> {
    this.#ended ??= this.#end(this);
    return this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }
}
