/** A procedure that this session answers. */
import type { InvocationDetails, RegistrationId } from "@junctor/protocol";

export interface Invocation {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** The procedure that was called, also for prefix and wildcard registrations. */
  readonly procedure: string;
  /** As it came: `caller`, `caller_authid`, … */
  readonly details: InvocationDetails;
  /** Aborts when the caller cancels or leaves, or when the session ends. */
  readonly signal: AbortSignal;
  /** Sends a progressive result; present when the caller wants them. */
  readonly progress: ((args?: readonly unknown[], kwargs?: Readonly<Record<string, unknown>>) => void) | undefined;
}

/**
 * What it returns is the result's one value; nothing, for `undefined`; arguments and keyword arguments, for a `Result`. An
 * `ApplicationError` it throws is the call's error; anything else becomes `junctor.error.handler_failed`.
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
