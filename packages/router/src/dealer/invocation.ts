/**
 * The life of one call: from CALL to exactly one final RESULT or ERROR for the caller, whatever leaves or is cancelled
 * (RPC-08, G4). It is in the callee's table of invocations and in the caller's table of calls, and is taken out of
 * both by the step that answers the caller or finds that nobody waits any more:
 *
 *     ongoing ──YIELD, ERROR, callee leaves, cancel skip or killnowait──► ended (caller answered)
 *        │ ╲───caller leaves──► ended (nobody to answer)
 *        └─cancel kill──► killing ──YIELD, ERROR, callee leaves, cancel skip or killnowait──► ended
 *
 * What the callee sends for an ended invocation finds no entry and is dropped (RPC-11, AMB-42, AMB-51, AMB-61).
 *
 * Spec: requirements 3.2, 4.1, 4.4; AMB-41 to AMB-57.
 */
import {
  type CancelMode,
  type InvocationId,
  MessageType,
  NO_OPTIONS,
  Payload,
  type RequestId,
  type ResultDetails,
  type SendOutcome,
  Uri,
} from "@junctor/protocol";
import type { Session } from "../session.ts";
import type { PendingCall } from "./local-call.ts";

export class Invocation implements PendingCall {
  readonly id: InvocationId;
  readonly callee: Session;
  readonly caller: Session;
  readonly request: RequestId;
  /** The caller asked for progressive results and the callee was told so (RPC-PCR-03). */
  readonly receivesProgress: boolean;
  #isKilling = false;

  constructor(id: InvocationId, callee: Session, caller: Session, request: RequestId, receivesProgress: boolean) {
    this.id = id;
    this.callee = callee;
    this.caller = caller;
    this.request = request;
    this.receivesProgress = receivesProgress;
    callee.invocations.set(id, this);
    caller.calls.set(request, this);
    caller.realm.counters.callsInFlight++;
  }

  /** YIELD. Progressive ones that were not asked for are dropped, and the call goes on (AMB-60). */
  result(details: ResultDetails, payload: Payload): void {
    const isProgress = details.progress === true;
    if (isProgress && !this.receivesProgress) return;
    if (!isProgress) this.#end();
    const outcome = this.caller.send({ type: MessageType.Result, request: this.request, details, payload });
    if (outcome === "sent" || outcome === "closed") return;
    if (isProgress) {
      this.#end();
      this.#interrupt("killnowait", Uri.canceled);
    }
    this.#undeliverable(outcome); // [AMB-67] the call ends with an error that fits
  }

  /** ERROR of the callee, passed on as it is (RPC-06, AMB-53). */
  error(error: string, details: ResultDetails, payload: Payload): void {
    this.#end();
    const outcome = this.#fail(error, details, payload);
    if (outcome !== "sent" && outcome !== "closed") this.#undeliverable(outcome);
  }

  /** CANCEL of the caller (AMB-46 to AMB-50). A callee that cannot be interrupted is left alone: `skip` (RPC-CANCEL-06). */
  cancel(mode: CancelMode): void {
    const canInterrupt = this.callee.features.canceling;
    if (mode === "kill" && canInterrupt) {
      if (!this.#isKilling) this.#interrupt("kill", Uri.canceled);
      this.#isKilling = true;
      return;
    }
    this.#end();
    if (mode !== "skip") this.#interrupt("killnowait", Uri.canceled);
    this.#fail(Uri.canceled, NO_OPTIONS, Payload.EMPTY);
  }

  /** The INVOCATION could not be handed to the callee. */
  undeliverable(outcome: SendOutcome): void {
    this.#end();
    if (outcome === "closed") this.#fail(Uri.canceled, NO_OPTIONS, CALLEE_LEFT);
    else this.#undeliverable(outcome);
  }

  /** The callee is gone by any way of leaving: ERROR at once, never a second try (RPC-12, AMB-41). */
  calleeLeft(): void {
    this.#end();
    this.#fail(Uri.canceled, NO_OPTIONS, CALLEE_LEFT);
  }

  /** The caller is gone: the callee is told if it can be, and its answer is ignored (RPC-10, AMB-56). */
  callerLeft(): void {
    this.#end();
    this.#interrupt("killnowait", Uri.canceled);
  }

  #end(): void {
    this.callee.invocations.delete(this.id);
    this.caller.calls.delete(this.request);
    this.caller.realm.counters.callsInFlight--;
  }

  // [AMB-55] No second INTERRUPT after one of mode kill (AMB-49, AMB-56).
  #interrupt(mode: "kill" | "killnowait", reason: string): void {
    if (this.#isKilling || !this.callee.features.canceling) return;
    this.callee.send({ type: MessageType.Interrupt, request: this.id, options: { mode, reason } });
  }

  #fail(error: string, details: ResultDetails, payload: Payload): SendOutcome {
    return this.caller.send({ type: MessageType.Error, requestType: MessageType.Call, request: this.request, details, error, payload });
  }

  #undeliverable(outcome: SendOutcome): void {
    if (outcome === "too-large") this.#fail(Uri.payloadSizeExceeded, NO_OPTIONS, TOO_LARGE);
    else this.#fail(Uri.invalidArgument, NO_OPTIONS, UNSERIALIZABLE);
  }
}

const CALLEE_LEFT = Payload.of(["the callee left before it answered"]);
const TOO_LARGE = Payload.of(["the message is longer than its receiver accepts"]);
const UNSERIALIZABLE = Payload.of(["the payload has no form in the serializer of its receiver"]);
