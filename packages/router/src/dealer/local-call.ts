/**
 * Procedures that the router answers itself, such as the meta API, and the life of a call to one of them: like a callee's
 * (SES-05), but without a session, a registration or an INVOCATION. They have reserved URIs, stand in no list of
 * registrations (AMB-95), and are subject to permissions as every URI.
 *
 * A procedure is entered in the order in which its caller's messages came. It answers at once or later; the first answer
 * counts, and there is exactly one for the caller, who may have cancelled or left in between (RPC-08).
 */
import {
  type Call,
  type CallOptions,
  type CancelMode,
  MessageType,
  NO_OPTIONS,
  Payload,
  ProtocolError,
  type RequestId,
  Uri,
} from "@junctor/protocol";
import type { Deadline } from "../deadline.ts";
import { type Refusal, refusal } from "../error.ts";
import type { Session } from "../session.ts";

/** Calls `call.result` or `call.fail`, now or later. The payload is to be read now: its bytes live as long as the turn. */
export type LocalProcedure = (call: LocalCall) => void;

/** A call without a final answer, in its caller's table. */
export interface PendingCall {
  cancel(mode: CancelMode): void;
  /**
   * A further CALL with its id.
   * @throws {ProtocolError} `REQUEST_ID`: the call has no further chunks
   */
  continue(message: Call): void;
  callerLeft(): void;
}

export class LocalCall implements PendingCall {
  readonly caller: Session;
  readonly request: RequestId;
  readonly procedure: string;
  readonly options: CallOptions;
  readonly payload: Payload;
  /** The dealer's: when the call fails, if it has not ended by then. */
  deadline: Deadline | undefined = undefined;
  #isEnded = false;

  constructor(caller: Session, request: RequestId, procedure: string, options: CallOptions, payload: Payload) {
    this.caller = caller;
    this.request = request;
    this.procedure = procedure;
    this.options = options;
    this.payload = payload;
    caller.calls.set(request, this);
    caller.realm.counters.callsInFlight++;
  }

  /** The caller has its answer, or is gone: there is nothing left to do. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  result(args?: readonly unknown[], kwargs?: Readonly<Record<string, unknown>>): void {
    this.respond(Payload.of(args, kwargs));
  }

  respond(payload: Payload): void {
    if (!this.#end()) return;
    const outcome = this.caller.send({ type: MessageType.Result, request: this.request, details: NO_OPTIONS, payload });
    if (outcome === "too-large")
      this.#error(refusal(Uri.payloadSizeExceeded, "the result is longer than its receiver accepts")); // [AMB-67]
    else if (outcome === "unserializable") this.#error(refusal(Uri.invalidArgument, "the result has no form in the receiver's serializer"));
  }

  fail(refused: Refusal): void {
    if (this.#end()) this.#error(refused);
  }

  /** There is nobody to interrupt: every mode is `skip` (RPC-CANCEL-06). */
  cancel(_mode: CancelMode): void {
    this.fail(refusal(Uri.canceled));
  }

  // [AMB-62 e]
  continue({ request }: Call): void {
    throw new ProtocolError("REQUEST_ID", `CALL: the request id ${request} is in use by a call without chunks`);
  }

  callerLeft(): void {
    this.#end();
  }

  /** @returns whether this is what ended it */
  #end(): boolean {
    if (this.#isEnded) return false;
    this.#isEnded = true;
    this.deadline?.cancel();
    this.caller.calls.delete(this.request);
    this.caller.realm.counters.callsInFlight--;
    return true;
  }

  #error({ error, args }: Refusal): void {
    this.caller.send({
      type: MessageType.Error,
      requestType: MessageType.Call,
      request: this.request,
      details: NO_OPTIONS,
      error,
      payload: Payload.of(args),
    });
  }
}
