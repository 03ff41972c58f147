/** Error URIs of Junctor's own: what the protocol has no name for (ERR-01: outside `wamp.`). */
export const RouterError = {
  /** A limit is reached. Args: the limit's name, its value. */
  limitExceeded: "junctor.error.limit_exceeded",
  /** `wamp.subscription.get_events` for a topic that keeps no history. */
  noHistory: "junctor.error.no_history",
  /** The event store could not take an event, or cannot read. Args: why. */
  storeFailed: "junctor.error.store_failed",
} as const;

/**
 * A request that is refused: thrown nowhere, turned into a WAMP ERROR by the session. The text is for people and goes into
 * the error's arguments.
 */
export interface Refusal {
  readonly error: string;
  readonly args: readonly unknown[];
}

export function refusal(error: string, ...args: readonly unknown[]): Refusal {
  return { error, args };
}
