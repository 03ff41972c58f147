/** A procedure that this session answers. */
import type { InvocationDetails, RegistrationId } from "@junctor/protocol";
import type { Chunk } from "./chunk.ts";

export interface Invocation {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** The procedure that was called, also for prefix and wildcard registrations. */
  readonly procedure: string;
  /** As it came: `caller`, `caller_authid`, … */
  readonly details: InvocationDetails;
  /**
   * What the caller sends after `args` and `kwargs`; ends at once where that is nothing. What is not read waits in memory, up to the
   * session's `unreadLimit`. A call that is cancelled ends the loop with an error, as it aborts the signal.
   */
  readonly chunks: AsyncIterableIterator<Chunk>;
  /** Aborts when the caller cancels or leaves, when the time of a registration with `forwardTimeout` is over, or when the session ends. */
  readonly signal: AbortSignal;
  /**
   * Sends a progressive result; present when the caller wants them. Resolves when the connection has room for the next.
   *
   * @throws at once what cannot be sent: {@link SerializationError}, {@link TransportError}
   */
  readonly progress: ((args?: readonly unknown[], kwargs?: Readonly<Record<string, unknown>>) => Promise<void>) | undefined;
}

/**
 * What it returns is the result's one value; nothing, for `undefined`; arguments and keyword arguments, for a `Result`. What a
 * generator yields are progressive results, for callers that want them. An `ApplicationError` it throws is the call's error;
 * anything else becomes `junctor.error.handler_failed`.
 */
export type InvocationHandler = (invocation: Invocation) => unknown;

export class Registration {
  readonly id: RegistrationId;
  readonly procedure: string;
  readonly handler: InvocationHandler;
  /** Settles with the router's reason if the router ends the registration (RPC-REVOKE-03). */
  readonly revoked: Promise<string | undefined>;
  /** Called by the session. */
  readonly revoke: (reason: string | undefined) => void;
  readonly #end: (registration: Registration) => Promise<void>;
  #ended: Promise<void> | undefined = undefined;

  constructor(id: RegistrationId, procedure: string, handler: InvocationHandler, end: (registration: Registration) => Promise<void>) {
    this.id = id;
    this.procedure = procedure;
    this.handler = handler;
    this.#end = end;
    let revoke: (reason: string | undefined) => void = () => {};
    this.revoked = new Promise((resolve) => {
      revoke = resolve;
    });
    this.revoke = revoke;
  }

  /** Ends it. Invocations that are under way are finished. */
  unregister(): Promise<void> {
    this.#ended ??= this.#end(this);
    return this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unregister();
  }
}
