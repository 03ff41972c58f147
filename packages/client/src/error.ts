/** What a promise of a session is rejected with. Protocol errors of the router end the session and are its `closed` cause. */
import type { Dict } from "@junctor/protocol";

export { TransportError } from "@junctor/protocol";

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

/** What a handler that throws anything but an `ApplicationError` is answered with. Its message is the first argument. */
export const HANDLER_FAILED = "junctor.error.handler_failed";
