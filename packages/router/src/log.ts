/** What the router tells its embedder, one record per happening. The names are stable; nothing secret and no payload is in them. */
export type RouterEvent =
  | {
      readonly event: "session.open";
      readonly realm: string;
      readonly session: number;
      readonly authid: string;
      readonly authrole: string;
      readonly authmethod: string;
      readonly agent: string | undefined;
      readonly transport: string;
      readonly serializer: string | undefined;
      readonly address: string | undefined;
      /** Where browsers are given a tracking cookie: which one it is. */
      readonly browser?: string;
    }
  | {
      readonly event: "session.close";
      readonly realm: string;
      readonly session: number;
      /** Stable name: a close reason URI, or how the transport ended. */
      readonly reason: string;
      readonly durationMs: number;
      readonly received: number;
    }
  | {
      readonly event: "join.refused";
      readonly realm: string | null;
      readonly reason: string;
      readonly message: string;
      readonly address: string | undefined;
    }
  | {
      readonly event: "proto.violation";
      readonly session: number | undefined;
      readonly code: string;
      readonly message: string;
      readonly address: string | undefined;
    }
  | { readonly event: "authz.deny"; readonly realm: string; readonly session: number; readonly action: string; readonly uri: string }
  | { readonly event: "authorizer.error"; readonly realm: string; readonly message: string }
  /** A function that decides has kept the whole process from anything else for so long (T44). */
  | { readonly event: "authorizer.slow"; readonly realm: string; readonly what: "authenticator" | "authorizer"; readonly blockedMs: number }
  | { readonly event: "limit.hit"; readonly realm: string; readonly session: number; readonly limit: string };

/** Counters of a realm: plain integers, read by whoever wants them. */
export interface Counters {
  sessionsOpened: number;
  sessionsClosed: number;
  publications: number;
  eventsSent: number;
  /** By the receiver's policy for slow consumers. */
  eventsDropped: number;
  /** Longer than the receiver takes, or without a form in its serializer. */
  eventsUndeliverable: number;
  calls: number;
  /** A gauge: calls that have no final answer yet. */
  callsInFlight: number;
  /** A gauge: calls that wait until a callee is free. */
  callsWaiting: number;
  /** A gauge: bytes of payloads that are kept for calls. */
  heldCallBytes: number;
  callsTimedOut: number;
  /** Refused by a callee, and given to another one. */
  callsRerouted: number;
  /** Answers to invocations that had ended, or to somebody else's (AMB-42, AMB-43). */
  lateAnswers: number;
  /** Publications refused without an answer, because none was asked for (AMB-17). */
  publicationsRefused: number;
}

export function createCounters(): Counters {
  return {
    sessionsOpened: 0,
    sessionsClosed: 0,
    publications: 0,
    eventsSent: 0,
    eventsDropped: 0,
    eventsUndeliverable: 0,
    calls: 0,
    callsInFlight: 0,
    callsWaiting: 0,
    heldCallBytes: 0,
    callsTimedOut: 0,
    callsRerouted: 0,
    lateAnswers: 0,
    publicationsRefused: 0,
  };
}
