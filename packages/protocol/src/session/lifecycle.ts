/**
 * The life of a session, as a table: what each side may receive in each state (SES-18 and the peer state chart of
 * basic/sessions, whose numbers stand at the rows). What is missing in a row breaks the protocol (PERR-01 to PERR-09).
 */
import { MessageType } from "../message/type.ts";

export type SessionState =
  /** No session: a router waits for HELLO, a client is about to send it. */
  | "closed"
  /** HELLO is under way: the router decides, the client waits. */
  | "establishing"
  /** CHALLENGE is out: the router waits for AUTHENTICATE; the client works on it or has sent it. */
  | "challenging"
  | "established"
  /** GOODBYE was sent; its answer is awaited. */
  | "shuttingDown";

export type Side = "router" | "client";

export type Verdict = "accept" | "ignore" | "violation";

const {
  Hello,
  Welcome,
  Abort,
  Challenge,
  Authenticate,
  Goodbye,
  Publish,
  Published,
  Subscribe,
  Subscribed,
  Unsubscribe,
  Unsubscribed,
  Event,
  EventReceived,
  Call,
  Cancel,
  Result,
  Register,
  Registered,
  Unregister,
  Unregistered,
  Invocation,
  Interrupt,
  Yield,
} = MessageType;
const ERROR = MessageType.Error;

const ACCEPTED: Readonly<Record<Side, Readonly<Record<SessionState, ReadonlySet<MessageType>>>>> = {
  router: {
    closed: new Set([Hello, Abort]), // 1
    establishing: new Set([Abort]), // 2, 8: nothing else until WELCOME or CHALLENGE is out
    challenging: new Set([Authenticate, Abort]), // 10, 11
    established: new Set([
      ...[Abort, Goodbye], // 5
      ...[Publish, Subscribe, Unsubscribe, EventReceived],
      ...[Call, Cancel, Register, Unregister, Yield, ERROR],
    ]), // 9, 13: HELLO, AUTHENTICATE and what only a router sends
    shuttingDown: new Set([Goodbye, Abort]), // 4
  },
  client: {
    closed: new Set([Abort]), // AMB-03
    establishing: new Set([Welcome, Challenge, Abort]), // 2, 7
    challenging: new Set([Welcome, Challenge, Abort]), // AMB-113: several rounds
    established: new Set([
      ...[Abort, Goodbye], // 5
      ...[Published, Subscribed, Unsubscribed, Event],
      ...[Result, Registered, Unregistered, Invocation, Interrupt, ERROR],
    ]), // PERR-02
    shuttingDown: new Set([Goodbye, Abort]), // 4
  },
};

/** What to do with a message of this type that `side` receives in this state. */
export function verdict(side: Side, state: SessionState, type: MessageType): Verdict {
  if (ACCEPTED[side][state].has(type)) return "accept";
  return state === "shuttingDown" ? "ignore" : "violation"; // 14 [SES-22]
}
