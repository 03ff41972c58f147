/** What a promise of a session is rejected with. Protocol errors of the router end the session and are its `closed` cause. */
import { type Dict, type SendOutcome, SerializationError, TransportError } from "@junctor/protocol";

export { TransportError };

/**
 * An ERROR message: the other side, or the router, refused or failed. Thrown by a handler, it becomes the ERROR of the
 * invocation.
 */
export class ApplicationError extends Error {
  override readonly name = "ApplicationError";
  /** For example `wamp.error.no_such_procedure`, or one of the application's own. */
  readonly uri: string;
  readonly args: readonly unknown[];
  readonly kwargs: Dict;

  constructor(uri: string, args: readonly unknown[] = [], kwargs: Dict = {}, options?: { cause?: unknown }) {
    super(typeof args[0] === "string" ? `${uri}: ${args[0]}` : uri, options);
    this.uri = uri;
    this.args = args;
    this.kwargs = kwargs;
  }

  is(uri: string): boolean {
    return this.uri === uri;
  }
}

/** The router refused to let the session join: ABORT. */
export class JoinError extends Error {
  override readonly name = "JoinError";
  /** For example `wamp.error.no_such_realm`. */
  readonly reason: string;

  constructor(reason: string, message: string | undefined) {
    super(message === undefined ? reason : `${message} (${reason})`);
    this.reason = reason;
  }
}

/** The session ended before the request was answered, or had ended before it was made. */
export class SessionClosedError extends Error {
  override readonly name = "SessionClosedError";
  /** A close reason URI, or how the connection ended. */
  readonly reason: string;
  /** Whether the request had been handed to the connection: if so, it may have been carried out. */
  readonly sent: boolean;

  constructor(reason: string, sent: boolean, options?: { cause?: unknown }) {
    super(`the session has ended: ${reason}`, options);
    this.reason = reason;
    this.sent = sent;
  }
}

/** No answer within the time that the caller gave. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";

  constructor(what: string, ms: number, options?: { cause?: unknown }) {
    super(`${what} was not answered within ${ms} ms`, options);
  }
}

/**
 * The arguments of a message cannot be read. What came sealed (payload passthru mode): no codec for its scheme, not the key,
 * or somebody changed it. Otherwise: whoever sent it wrote bytes as JSON has none.
 */
export class PayloadError extends Error {
  override readonly name = "PayloadError";
}

/** What a handler that throws anything but an `ApplicationError` is answered with. Its message is the first argument. */
export const HANDLER_FAILED = "junctor.error.handler_failed";

/** A limit is reached: the arguments are its name and its value. */
export const LIMIT_EXCEEDED = "junctor.error.limit_exceeded";

/** Why a message was not sent. @param name what it was, for the text */
export function sendError(outcome: SendOutcome, name: string): Error {
  switch (outcome) {
    case "unserializable":
      return new SerializationError(`${name}: a value has no form in the serializer of this session`);
    case "too-large":
      return new TransportError(`${name}: the message is longer than the router accepts`);
    default:
      return new SessionClosedError("the connection is gone", false);
  }
}
