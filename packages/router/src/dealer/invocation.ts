/**
 * The life of one call: from CALL to exactly one final RESULT or ERROR for the caller, whatever leaves, times out or is
 * cancelled (RPC-08, G4). It is in the caller's table of calls all that time, and in the callee's table of invocations
 * while it has one; the step that answers the caller, or finds that nobody waits any more, takes it out of both:
 *
 *     routing ──a callee is free──► ongoing ──cancel kill──► killing
 *      │ ▲  ╲                      ╱   │                        │
 *      │ │   ◄──callee refuses────╱    ├─ YIELD, ERROR ─────────┤
 *      │ │ (AMB-64)                    ├─ callee leaves ────────┤
 *      ▼ │                             ├─ cancel skip, ─────────┤
 *     waiting                          │  killnowait            │
 *      │                               ├─ time-out (AMB-54) ────┤
 *      ├─ cancel, time-out,            ├─ caller leaves ────────┤
 *      │  caller leaves,               ▼                        ▼
 *      └─ nobody left who could ───► ended ◄────────────────────┘
 *
 * What the callee sends for an ended invocation finds no entry and is dropped (RPC-11, AMB-42, AMB-51, AMB-61), and so are
 * chunks that the caller sends for an ended call (RPC-PCI-09).
 *
 * Spec: requirements 3.2, 4.1 to 4.5; AMB-41 to AMB-64, AMB-127.
 */
import {
  type Call,
  type CancelMode,
  type InvocationDetails,
  type InvocationId,
  MessageType,
  NO_OPTIONS,
  nextId,
  Payload,
  ProtocolError,
  type RequestId,
  type ResultDetails,
  type SendOutcome,
  Uri,
} from "@junctor/protocol";
import { isPassthru } from "../announced.ts";
import type { Deadline } from "../deadline.ts";
import type { Session } from "../session.ts";
import type { CallTerms } from "./call-terms.ts";
import { invocationDetails } from "./invocation-details.ts";
import type { PendingCall } from "./local-call.ts";
import type { Callee } from "./registration.ts";

/** An ended call is in no table any more; its state is the one it ended from. */
type State = "routing" | "waiting" | "ongoing" | "killing";

export class Invocation implements PendingCall {
  readonly caller: Session;
  readonly request: RequestId;
  readonly terms: CallTerms | undefined;
  /** Of the INVOCATION that is out; stale while the call has no callee. */
  id: InvocationId = 0;
  callee: Callee | undefined = undefined;
  /** The caller asked for progressive results and the callee was told so (RPC-PCR-03). */
  #receivesProgress = false;
  #state: State = "routing";
  #killDeadline: Deadline | undefined = undefined;

  constructor(caller: Session, request: RequestId, terms: CallTerms | undefined) {
    this.caller = caller;
    this.request = request;
    this.terms = terms;
    caller.calls.set(request, this);
    caller.realm.counters.callsInFlight++;
  }

  /** INVOCATION to the callee that was chosen. @returns whether it could be sent; if not, the call has ended */
  assign(callee: Callee, details: InvocationDetails, payload: Payload, receivesProgress: boolean): boolean {
    const { session } = callee;
    const id = nextId(session.lastInvocation); // [ID-06]
    session.lastInvocation = id;
    this.id = id;
    this.callee = callee;
    this.#receivesProgress = receivesProgress;
    this.#state = "ongoing";
    callee.take();
    session.invocations.set(id, this);
    const outcome = this.#invoke(callee, details, payload);
    if (outcome === "sent") return true;
    this.#end();
    this.#undeliverable(outcome);
    return false;
  }

  /**
   * Finds a callee for a call with terms; failing that lets it wait, or ends it.
   * @param payload of a CALL that has just arrived; what it brought before is held
   */
  route(payload?: Payload): void {
    const { terms } = this;
    if (terms === undefined) return;
    const { registration } = terms;
    const callee = registration.pick(terms);
    if (callee !== undefined) this.#give(callee, terms, payload === undefined ? terms.held.slice() : [payload]);
    else if (!registration.canServe(terms)) {
      this.#end();
      if (terms.tried.length > 0 || registration.callees.length === 0)
        this.#fail(Uri.noAvailableCallee, NO_OPTIONS, NONE_LEFT); // [RPC-REROUTE-03]
      else this.#fail(Uri.featureNotSupported, NO_OPTIONS, NONE_CAPABLE); // [RPC-PCI-05, PPT-08, AMB-63]
    } else if (this.#state === "routing") this.#wait(terms, payload);
  }

  /**
   * A further CALL with the id of this one.
   * @throws {ProtocolError} `REQUEST_ID`: the call has no further chunks
   */
  continue({ options, procedure, payload }: Call): void {
    const { terms, callee } = this;
    if (terms === undefined || !terms.isStream) throw used(this.request, "is in use by a call without chunks"); // [AMB-62 e]
    if (procedure !== terms.procedure || this.#state === "killing") return; // [AMB-62 c, g]
    if (!terms.isOpen) throw used(this.request, "had its final chunk"); // [AMB-62 d]
    if (options.progress !== true) terms.isOpen = false;
    if (callee === undefined) {
      if (terms.registration.makeRoom() && terms.hold(payload, this.caller.realm)) return;
      this.#end();
      this.#fail(Uri.noAvailableCallee, NO_OPTIONS, QUEUE_FULL);
    } else {
      terms.letGo(this.caller.realm); // [AMB-64] more than the first chunk was sent
      this.#sendChunk(callee, terms, payload, terms.isOpen);
    }
  }

  /** YIELD. */
  result(details: ResultDetails, payload: Payload): void {
    if (details.progress === true) {
      this.#progress(details, payload);
      return;
    }
    this.#end();
    if (details !== NO_OPTIONS && this.#isUnreadable(details)) {
      this.#refuseResult();
      return;
    }
    const outcome = this.caller.send({ type: MessageType.Result, request: this.request, details, payload });
    if (outcome !== "sent" && outcome !== "closed") this.#undeliverable(outcome); // [AMB-67] the call ends with an error that fits
  }

  /** ERROR of the callee, passed on as it is (RPC-06, AMB-53), unless it asks for another callee to be tried. */
  error(error: string, details: ResultDetails, payload: Payload): void {
    if (error === Uri.unavailable && this.callee?.mayRefuse === true) {
      this.#refused(this.callee);
      return;
    }
    this.#end();
    const outcome = this.#fail(error, details, payload);
    if (outcome !== "sent" && outcome !== "closed") this.#undeliverable(outcome);
  }

  /** CANCEL of the caller (AMB-46 to AMB-50). Where nobody can be interrupted, every mode is `skip` (RPC-CANCEL-06). */
  cancel(mode: CancelMode): void {
    if (mode === "kill" && this.callee?.session.features.canceling === true) {
      this.#interrupt("kill", Uri.canceled);
      this.#state = "killing";
      this.#killDeadline ??= this.caller.realm.dealer.killDeadline(this);
      return;
    }
    this.#end();
    if (mode !== "skip") this.#interrupt("killnowait", Uri.canceled);
    this.#fail(Uri.canceled, NO_OPTIONS, Payload.EMPTY);
  }

  /** The callee has been asked to stop and takes too long: from now on as if the mode had been killnowait (AMB-54). */
  giveUpKilling(): void {
    this.#end();
    this.#fail(Uri.canceled, NO_OPTIONS, Payload.EMPTY);
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

  /** The deadline has come. It may have moved since it was set. */
  expire(now: number): void {
    const { terms } = this;
    if (terms === undefined) return;
    terms.deadline = undefined;
    if (now < this.#endsAt(terms)) {
      this.#watch(terms);
      return;
    }
    this.caller.realm.counters.callsTimedOut++;
    this.#end();
    this.#interrupt("killnowait", Uri.timeout); // [RPC-TMO-03]
    this.#fail(Uri.timeout, NO_OPTIONS, Payload.of([`no answer within ${terms.timeoutMs} ms`]));
  }

  /** A progressive YIELD. One that was not asked for is dropped, and the call goes on (AMB-60). */
  #progress(details: ResultDetails, payload: Payload): void {
    const { terms, caller } = this;
    if (!this.#receivesProgress) return;
    if (this.#isUnreadable(details)) {
      this.#end();
      if (!caller.realm.dealer.config.pptYieldError) this.#interrupt("killnowait", Uri.featureNotSupported);
      this.#refuseResult();
      return;
    }
    if (terms !== undefined) {
      terms.letGo(caller.realm); // [AMB-64]
      if (terms.timeoutMs > 0) terms.due = caller.realm.dealer.now() + terms.timeoutMs; // [RPC-PCR-11, AMB-57]
    }
    const outcome = caller.send({ type: MessageType.Result, request: this.request, details, payload });
    if (outcome === "sent" || outcome === "closed") return;
    this.#end();
    this.#interrupt("killnowait", Uri.canceled);
    if (outcome === "full") this.#fail(Uri.canceled, NO_OPTIONS, CALLER_FULL);
    else this.#undeliverable(outcome); // [AMB-67]
  }

  #isUnreadable(details: ResultDetails): boolean {
    return isPassthru(details) && !this.caller.features.callerPassthru;
  }

  /** [PPT-09, AMB-127] The call has ended; who hears of it, and how, when its caller cannot read the result. */
  #refuseResult(): void {
    this.#fail(Uri.featureNotSupported, NO_OPTIONS, NO_PASSTHRU);
    if (!this.caller.realm.dealer.config.pptYieldError) return;
    const error = Uri.featureNotSupported;
    const { id: request } = this;
    this.callee?.session.send({
      type: MessageType.Error,
      requestType: MessageType.Invocation,
      request,
      details: NO_OPTIONS,
      error,
      payload: Payload.EMPTY,
    });
  }

  // --- Steps ---------------------------------------------------------------------------------------------------------------

  #give(callee: Callee, terms: CallTerms, chunks: readonly Payload[]): void {
    this.#leaveQueue(terms);
    const { caller } = this;
    const now = terms.timeoutMs > 0 ? caller.realm.dealer.now() : 0;
    const timeout = terms.timeoutMs > 0 && callee.forwardsTimeout ? Math.max(1, Math.ceil(terms.due - now)) : undefined; // [AMB-58]
    const receivesProgress = terms.options.receive_progress === true && callee.session.features.progressiveResults; // [RPC-PCR-03]
    const details = invocationDetails(caller, terms, callee, terms.disclose, receivesProgress, terms.trustlevel, timeout);
    const [first = Payload.EMPTY, ...rest] = chunks;
    terms.details = details;
    if (!this.assign(callee, chunkDetails(details, rest.length > 0 || terms.isOpen), first, receivesProgress)) return;
    for (const [i, chunk] of rest.entries()) if (!this.#sendChunk(callee, terms, chunk, i < rest.length - 1 || terms.isOpen)) return;
    this.#watch(terms);
    const canGoElsewhere = callee.mayRefuse && terms.registration.invoke !== "single" && rest.length === 0; // [AMB-64]
    if (!canGoElsewhere) terms.letGo(caller.realm);
    else if (terms.held.length === 0) terms.hold(first, caller.realm);
  }

  #wait(terms: CallTerms, payload: Payload | undefined): void {
    const { realm } = this.caller;
    const isHeld = payload === undefined || terms.hold(payload, realm);
    if (!isHeld || !terms.registration.enqueue(this)) {
      this.#end();
      this.#fail(Uri.noAvailableCallee, NO_OPTIONS, QUEUE_FULL);
      return;
    }
    this.#state = "waiting";
    realm.counters.callsWaiting++;
    this.#watch(terms);
  }

  #leaveQueue(terms: CallTerms): void {
    if (this.#state !== "waiting") return;
    terms.registration.dequeue(this, terms.held.length);
    this.caller.realm.counters.callsWaiting--;
  }

  /** [AMB-64] Another callee, if the call is still as it was when this one got it. */
  #refused(callee: Callee): void {
    const { terms } = this;
    if (terms === undefined || terms.held.length === 0 || this.#state === "killing") {
      this.#end();
      this.#fail(Uri.noAvailableCallee, NO_OPTIONS, REFUSED);
      return;
    }
    this.#leaveCallee(callee);
    this.callee = undefined;
    this.#state = "routing";
    terms.tried.push(callee.session);
    this.caller.realm.counters.callsRerouted++;
    this.route();
  }

  /** [RPC-PCI-06] The same id and details for each. @returns whether it could be sent; if not, the call has ended */
  #sendChunk(callee: Callee, terms: CallTerms, payload: Payload, hasMore: boolean): boolean {
    const outcome = this.#invoke(callee, chunkDetails(terms.details ?? NO_OPTIONS, hasMore), payload);
    if (outcome === "sent") return true;
    this.#end();
    this.#interrupt("killnowait", Uri.canceled); // it has the chunks before this one
    this.#undeliverable(outcome);
    return false;
  }

  #invoke(callee: Callee, details: InvocationDetails, payload: Payload): SendOutcome {
    const registration = callee.registration.id; // [RPC-14]
    return callee.session.send({ type: MessageType.Invocation, request: this.id, registration, details, payload });
  }

  /** When the call ends without a further sign of its callee. One that times the call itself is waited for (AMB-58). */
  #endsAt({ timeoutMs, due }: CallTerms): number {
    if (timeoutMs === 0) return Number.POSITIVE_INFINITY;
    if (this.callee?.forwardsTimeout !== true) return due;
    return due + (this.caller.realm.dealer.config.forwardMarginMs ?? Number.POSITIVE_INFINITY);
  }

  /** Sees to it that the call is looked at when its time is over. */
  #watch(terms: CallTerms): void {
    if (terms.deadline !== undefined) return;
    const time = this.#endsAt(terms);
    if (time < Number.POSITIVE_INFINITY) terms.deadline = this.caller.realm.dealer.deadline(this, time);
  }

  #end(): void {
    const { callee, caller, terms } = this;
    if (callee !== undefined) this.#leaveCallee(callee);
    if (terms !== undefined) this.#endTerms(terms);
    if (this.#killDeadline !== undefined) this.#killDeadline.cancel();
    caller.calls.delete(this.request);
    caller.realm.counters.callsInFlight--;
  }

  #endTerms(terms: CallTerms): void {
    if (terms.isOpen) this.caller.streamEnded(this.request);
    this.#leaveQueue(terms);
    terms.letGo(this.caller.realm);
    terms.deadline?.cancel();
    terms.deadline = undefined;
  }

  #leaveCallee(callee: Callee): void {
    callee.session.invocations.delete(this.id);
    callee.release();
  }

  // [AMB-55] No second INTERRUPT after one of mode kill (AMB-49, AMB-56).
  #interrupt(mode: "kill" | "killnowait", reason: string): void {
    const session = this.callee?.session;
    if (session === undefined || this.#state === "killing" || !session.features.canceling) return;
    session.send({ type: MessageType.Interrupt, request: this.id, options: { mode, reason } });
  }

  #fail(error: string, details: ResultDetails, payload: Payload): SendOutcome {
    return this.caller.send({ type: MessageType.Error, requestType: MessageType.Call, request: this.request, details, error, payload });
  }

  #undeliverable(outcome: SendOutcome): void {
    if (outcome === "too-large") this.#fail(Uri.payloadSizeExceeded, NO_OPTIONS, TOO_LARGE);
    else if (outcome === "unserializable") this.#fail(Uri.invalidArgument, NO_OPTIONS, UNSERIALIZABLE);
    else if (outcome === "full") this.#fail(Uri.noAvailableCallee, NO_OPTIONS, CALLEE_FULL);
    else this.#fail(Uri.canceled, NO_OPTIONS, CALLEE_LEFT);
  }
}

function chunkDetails(details: InvocationDetails, hasMore: boolean): InvocationDetails {
  return hasMore ? { ...details, progress: true } : details;
}

function used(request: RequestId, problem: string): ProtocolError {
  return new ProtocolError("REQUEST_ID", `CALL: the request id ${request} ${problem}`);
}

const CALLEE_LEFT = Payload.of(["the callee left before it answered"]);
const TOO_LARGE = Payload.of(["the message is longer than its receiver accepts"]);
const CALLEE_FULL = Payload.of(["the callee takes its calls more slowly than they come, and no more of them may wait"]);
const CALLER_FULL = Payload.of(["the caller takes its results more slowly than they come, and no more of them may wait"]);
const UNSERIALIZABLE = Payload.of(["the payload has no form in the serializer of its receiver"]);
const NONE_LEFT = Payload.of(["no callee is left to take the call"]);
const NONE_CAPABLE = Payload.of(["no callee of the procedure supports what the call asks for"]);
const NO_PASSTHRU = Payload.of(["the callee's result uses payload_passthru_mode, which the caller did not announce"]);
const QUEUE_FULL = Payload.of(["all callees are busy, and no more calls may wait for them"]);
const REFUSED = Payload.of(["the callee cannot take the call"]);
