/** Limits of sessions and realms: on by default, each with a name and an error (reliability G8, AMB-135). */
export interface RouterLimits {
  /** From the connection to HELLO, in ms. */
  readonly helloTimeoutMs: number;
  /** From HELLO to WELCOME, in ms. */
  readonly joinTimeoutMs: number;
  /** Messages up to WELCOME: HELLO, and an answer to each challenge. */
  readonly messagesBeforeJoin: number;
  /** Wait for the peer's GOODBYE, in ms (AMB-06). */
  readonly goodbyeTimeoutMs: number;
  /** URI length in UTF-16 units, and components (SUBSCRIBE, REGISTER, CALL, PUBLISH, HELLO). */
  readonly uriLength: number;
  readonly uriComponents: number;
  /** Per session. */
  readonly subscriptions: number;
  readonly patternSubscriptions: number;
  readonly registrations: number;
  /** Calls in flight: of one caller, and of one realm. */
  readonly callsPerSession: number;
  readonly callsPerRealm: number;
  /** Bytes of payloads that a realm keeps of calls that wait for a callee, or may have to go to another one. */
  readonly heldCallBytes: number;
  /** Items of each `exclude*` and `eligible*` list. */
  readonly listLength: number;
  /** Testaments of one session, and the bytes of each: of the call that adds it. */
  readonly testaments: number;
  readonly testamentSize: number;
  /** Procedures, topics and errors that one session describes, and the bytes of each: of the call that describes it. */
  readonly descriptions: number;
  readonly descriptionSize: number;
  /** Events of one page of history, and bytes of their payloads. */
  readonly historyPage: number;
  readonly historyPageSize: number;
  /** Messages of one session that may wait for an authorizer. */
  readonly waitingMessages: number;
}

export const DEFAULT_LIMITS: RouterLimits = {
  helloTimeoutMs: 5_000,
  joinTimeoutMs: 10_000,
  messagesBeforeJoin: 4,
  goodbyeTimeoutMs: 5_000,
  uriLength: 255,
  uriComponents: 32,
  subscriptions: 10_000,
  patternSubscriptions: 1_000,
  registrations: 10_000,
  callsPerSession: 1_024,
  callsPerRealm: 100_000,
  heldCallBytes: 64 << 20,
  listLength: 1_024,
  testaments: 8,
  testamentSize: 65_536,
  descriptions: 256,
  descriptionSize: 16_384,
  historyPage: 1_000,
  historyPageSize: 1024 * 1024,
  waitingMessages: 1_024,
};
