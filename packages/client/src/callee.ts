/** The callee's half of a session: invocations that are under way, and how a handler's outcome becomes an answer. */
import {
  type Interrupt,
  type InvocationId,
  type Invocation as InvocationMessage,
  type Message,
  MessageType,
  NO_OPTIONS,
  Payload,
  type RegistrationId,
  type SendOutcome,
  Uri,
} from "@junctor/protocol";
import { ApplicationError, HANDLER_FAILED } from "./error.ts";
import { Result } from "./options.ts";
import type { Invocation, Registration } from "./registration.ts";

interface Running {
  readonly abort: AbortController;
  /** The router awaits no answer any more. */
  isForgotten: boolean;
}

export class Callee {
  readonly registrations = new Map<RegistrationId, Registration>();
  readonly #running = new Map<InvocationId, Running>();
  readonly #send: (message: Message) => SendOutcome;

  constructor(send: (message: Message) => SendOutcome) {
    this.#send = send;
  }

  invoke(message: InvocationMessage): void {
    const registration = this.registrations.get(message.registration);
    if (registration === undefined) {
      this.#fail(message.request, Uri.noSuchRegistration, Payload.EMPTY); // [AMB-45]
      return;
    }
    const running: Running = { abort: new AbortController(), isForgotten: false };
    this.#running.set(message.request, running);
    void this.#run(message, registration, running);
  }

  // [AMB-55] An unknown invocation has ended; no mode means kill.
  interrupt(message: Interrupt): void {
    const running = this.#running.get(message.request);
    if (running === undefined) return;
    running.isForgotten = message.options.mode === "killnowait"; // [RPC-CANCEL-09]
    running.abort.abort(new ApplicationError(message.options.reason ?? Uri.canceled));
  }

  /** The session is over. */
  close(reason: unknown): void {
    for (const running of this.#running.values()) {
      running.isForgotten = true;
      running.abort.abort(reason);
    }
    this.#running.clear();
    this.registrations.clear();
  }

  async #run(message: InvocationMessage, registration: Registration, running: Running): Promise<void> {
    const { request, details, payload } = message;
    try {
      const invocation: Invocation = {
        args: payload.args ?? [],
        kwargs: payload.kwargs ?? {},
        procedure: details.procedure ?? registration.procedure,
        details,
        signal: running.abort.signal,
        progress:
          details.receive_progress === true ? (args, kwargs) => this.#progress(request, running, Payload.of(args, kwargs)) : undefined,
      };
      const returned = await registration.handler(invocation);
      if (!running.isForgotten) this.#yield(request, returned);
    } catch (error) {
      if (!running.isForgotten) this.#failed(request, running, error);
    }
    this.#running.delete(request);
  }

  #yield(request: InvocationId, returned: unknown): void {
    const payload =
      returned instanceof Result
        ? Payload.of(returned.args, returned.kwargs)
        : returned === undefined
          ? Payload.EMPTY
          : Payload.of([returned]);
    const outcome = this.#send({ type: MessageType.Yield, request, options: NO_OPTIONS, payload });
    if (outcome === "unserializable")
      this.#fail(request, HANDLER_FAILED, Payload.of(["the result has no form in the serializer of this session"]));
    else if (outcome === "too-large") this.#fail(request, Uri.payloadSizeExceeded, Payload.EMPTY);
  }

  #progress(request: InvocationId, running: Running, payload: Payload): void {
    if (running.isForgotten || !this.#running.has(request)) return;
    this.#send({ type: MessageType.Yield, request, options: { progress: true }, payload });
  }

  #failed(request: InvocationId, running: Running, error: unknown): void {
    // [AMB-53] A handler that stopped because it was told to has been canceled, however it says so.
    if (running.abort.signal.aborted) this.#fail(request, Uri.canceled, Payload.EMPTY);
    else if (error instanceof ApplicationError) this.#fail(request, error.uri, Payload.of(error.args, error.kwargs));
    else this.#fail(request, HANDLER_FAILED, Payload.of([error instanceof Error ? error.message : String(error)]));
  }

  #fail(request: InvocationId, error: string, payload: Payload): void {
    const message = { type: MessageType.Error, requestType: MessageType.Invocation, request, details: NO_OPTIONS, error } as const;
    const outcome = this.#send({ ...message, payload });
    if (outcome === "unserializable" || outcome === "too-large") this.#send({ ...message, payload: Payload.EMPTY });
  }
}
