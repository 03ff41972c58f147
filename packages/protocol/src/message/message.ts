/**
 * The message: one plain object per message of requirements 1.1, told apart by `type`. Keys are always present and always
 * in the same order, so that the engine sees one shape per type. Optional elements of the wire form are `undefined`, an
 * absent payload is a `Payload` of length 0, absent options are one shared empty record.
 */
import type { Event, EventReceived, Publish, Published, Subscribe, Subscribed, Unsubscribe, Unsubscribed } from "./pubsub.ts";
import type {
  Call,
  Cancel,
  ErrorMessage,
  Interrupt,
  Invocation,
  Register,
  Registered,
  Result,
  Unregister,
  Unregistered,
  Yield,
} from "./rpc.ts";
import type { Abort, Authenticate, Challenge, Goodbye, Hello, Welcome } from "./session.ts";

export type Message =
  | Hello
  | Welcome
  | Abort
  | Challenge
  | Authenticate
  | Goodbye
  | ErrorMessage
  | Publish
  | Published
  | Subscribe
  | Subscribed
  | Unsubscribe
  | Unsubscribed
  | Event
  | EventReceived
  | Call
  | Cancel
  | Result
  | Register
  | Registered
  | Unregister
  | Unregistered
  | Invocation
  | Interrupt
  | Yield;

/** The one empty options record: a message without options shares it, and a check for it is a comparison. */
export const NO_OPTIONS: Readonly<Record<string, never>> = Object.freeze({});
