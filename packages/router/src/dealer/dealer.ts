/**
 * The dealer of one realm: who answers which procedure, and the way of calls and their answers.
 *
 * Sans-IO. A message comes in by a method named after it; what must leave goes to the session it is for. The session has
 * checked request id, URI and authorization before. The life of a call is in `invocation.ts`.
 *
 * Spec: requirements 3.2, 3.3, 4.6, 4.8, 4.9; AMB-34 to AMB-45, AMB-65 to AMB-69.
 */
import {
  type Call,
  type Cancel,
  type ErrorMessage,
  type IdSource,
  type InvocationDetails,
  isReserved,
  type MatchPolicy,
  MessageType,
  NO_OPTIONS,
  nextId,
  ProtocolError,
  type Register,
  type RegistrationId,
  type ResultDetails,
  SerializationError,
  type Unregister,
  Uri,
  type Yield,
} from "@junctor/protocol";
import type { Disclosure } from "../access/role.ts";
import { defined } from "../broker/broker.ts";
import type { Clock } from "../deadline.ts";
import { type Refusal, RouterError, refusal } from "../error.ts";
import type { RouterLimits } from "../limits.ts";
import type { Counters } from "../log.ts";
import type { PatternObserver } from "../meta/pattern-meta.ts";
import { PatternIndex } from "../pattern/pattern-index.ts";
import type { Session } from "../session.ts";
import { Invocation } from "./invocation.ts";
import { LocalCall, type LocalProcedure } from "./local-call.ts";
import { type Callee, Registration } from "./registration.ts";

export class Dealer {
  readonly #index = new PatternIndex<Registration>();
  readonly #byId = new Map<RegistrationId, Registration>();
  readonly #local = new Map<string, LocalProcedure>();
  readonly #registrationIds: IdSource;
  readonly #random: () => number;
  readonly #limits: RouterLimits;
  readonly #counters: Counters;
  readonly #clock: Clock;
  readonly #observer: PatternObserver<Registration>;

  constructor(
    registrationIds: IdSource,
    random: () => number,
    limits: RouterLimits,
    counters: Counters,
    clock: Clock,
    observer: PatternObserver<Registration>,
  ) {
    this.#registrationIds = registrationIds;
    this.#random = random;
    this.#limits = limits;
    this.#counters = counters;
    this.#clock = clock;
    this.#observer = observer;
  }

  get registrationCount(): number {
    return this.#byId.size;
  }

  registration(id: RegistrationId): Registration | undefined {
    return this.#byId.get(id);
  }

  registrations(match?: MatchPolicy): IterableIterator<Registration> {
    return this.#index.values(match);
  }

  find(procedure: string, match: MatchPolicy): Registration | undefined {
    return this.#index.get(procedure, match);
  }

  /** The registration that a call of this procedure goes to. */
  best(procedure: string): Registration | undefined {
    return this.#index.best(procedure);
  }

  /**
   * Lets the router answer a procedure itself.
   * @param procedure a reserved URI: only for those are the router's own looked up
   */
  provide(procedure: string, endpoint: LocalProcedure): void {
    if (!isReserved(procedure)) throw new TypeError(`${procedure} is not reserved: register it with a session`);
    this.#local.set(procedure, endpoint);
  }

  /** What the router answers itself. */
  get provided(): IterableIterator<string> {
    return this.#local.keys();
  }

  register(session: Session, message: Register, disclose: Disclosure): Refusal | undefined {
    const match = message.options.match ?? "exact";
    const invoke = message.options.invoke ?? "single";
    const discloseCaller = message.options.disclose_caller === true;
    if (discloseCaller && disclose === "deny") return refusal(Uri.discloseMeDisallowed); // [AMB-65]
    if (this.#local.has(message.procedure)) return refusal(Uri.procedureAlreadyExists, `the router answers ${message.procedure} itself`);
    let registration = this.#index.get(message.procedure, match);
    const isCreated = registration === undefined;
    if (registration === undefined) {
      registration = new Registration(this.#registrationIds.next(), message.procedure, match, invoke, this.#clock.date());
      this.#index.set(message.procedure, match, registration);
      this.#byId.set(registration.id, registration);
    } else {
      const conflict = conflictOf(registration, session, invoke);
      if (conflict !== undefined) return refusal(Uri.procedureAlreadyExists, conflict);
    }
    registration.add({ session, discloseCaller });
    session.registrations.add(registration.id);
    // [ORD-04] Before any INVOCATION of this registration.
    session.send({ type: MessageType.Registered, request: message.request, registration: registration.id });
    this.#observer.joined(session, registration, isCreated);
    return undefined;
  }

  /** Calls in flight are finished by their callee; no further ones reach it (AMB-44). */
  unregister(session: Session, message: Unregister): Refusal | undefined {
    const registration = this.#remove(session, message.registration);
    if (registration === undefined) return refusal(Uri.noSuchRegistration); // [RPC-03]
    session.send({ type: MessageType.Unregistered, request: message.request, details: undefined });
    this.#observer.left(session, registration, registration.callees.length === 0);
    return undefined;
  }

  /**
   * Ends a session's part in a registration against its will, as UNREGISTER would with it. A callee that did not announce
   * `registration_revocation` is not told (RPC-REVOKE-01, RPC-REVOKE-02).
   *
   * @returns whether the session had a part in it
   */
  revoke(registration: RegistrationId, session: Session, reason?: string): boolean {
    const removed = this.#remove(session, registration);
    if (removed === undefined) return false;
    if (session.features.registrationRevocation) {
      const details = reason === undefined ? { registration } : { registration, reason };
      session.send({ type: MessageType.Unregistered, request: 0, details });
    }
    this.#observer.left(session, removed, removed.callees.length === 0);
    return true;
  }

  call(caller: Session, message: Call, disclose: Disclosure): Refusal | undefined {
    const { options, procedure } = message;
    if (options.disclose_me === true && disclose === "deny") return refusal(Uri.discloseMeDisallowed); // [RPC-CID-04]
    const registration = this.#index.best(procedure);
    const callee = registration?.pick(this.#random);
    if (registration === undefined || callee === undefined) {
      const endpoint = this.#local.get(procedure);
      if (endpoint !== undefined) return this.#callLocal(caller, message, endpoint);
      return refusal(Uri.noSuchProcedure, `no callee has registered ${procedure}`); // [RPC-07]
    }
    const exceeded = this.#exceeded(caller);
    if (exceeded !== undefined) return exceeded;

    this.#counters.calls++;
    const target = callee.session;
    target.lastInvocation = nextId(target.lastInvocation); // [ID-06]
    const receivesProgress = options.receive_progress === true && target.features.progressiveResults; // [RPC-PCR-03]
    const isPlain = options === NO_OPTIONS && registration.match === "exact" && !callee.discloseCaller && disclose !== "force";
    const details = isPlain ? NO_OPTIONS : invocationDetails(caller, message, registration, callee, disclose, receivesProgress);
    const invocation = new Invocation(target.lastInvocation, target, caller, message.request, receivesProgress);
    const outcome = target.send({
      type: MessageType.Invocation,
      request: invocation.id,
      registration: registration.id, // [RPC-14]
      details,
      payload: message.payload,
    });
    if (outcome !== "sent") invocation.undeliverable(outcome);
    return undefined;
  }

  /** Only the calling session can cancel, and an ended call cannot be (AMB-48). */
  cancel(caller: Session, message: Cancel): void {
    caller.calls.get(message.request)?.cancel(message.options.mode ?? "killnowait"); // [AMB-46]
  }

  /** @throws {ProtocolError} `UNKNOWN_INVOCATION` */
  yield(callee: Session, message: Yield): void {
    const invocation = this.#invocation(callee, message.request);
    if (invocation !== undefined) invocation.result(resultDetails(message.options), message.payload);
  }

  /** @throws {ProtocolError} `UNKNOWN_INVOCATION` */
  error(callee: Session, message: ErrorMessage): void {
    const invocation = this.#invocation(callee, message.request);
    if (invocation !== undefined) invocation.error(message.error, resultDetails(message.details), message.payload);
  }

  /** Ends all registrations, invocations and calls of a session, by whatever way it left (SES-24). */
  leave(session: Session): void {
    const ended: Registration[] = [];
    for (const id of session.registrations) {
      const registration = this.#remove(session, id);
      if (registration !== undefined) ended.push(registration);
    }
    for (const registration of ended) this.#observer.left(session, registration, registration.callees.length === 0);
    for (const invocation of session.invocations.values()) invocation.calleeLeft();
    for (const call of session.calls.values()) call.callerLeft();
  }

  #callLocal(caller: Session, { request, options, procedure, payload }: Call, endpoint: LocalProcedure): Refusal | undefined {
    const exceeded = this.#exceeded(caller);
    if (exceeded !== undefined) return exceeded;
    // [RPC-PCI-05, PPT-08]
    if (options.progress === true || options.ppt_scheme !== undefined)
      return refusal(Uri.featureNotSupported, `the router answers ${procedure} itself, and takes plain calls for it`);
    this.#counters.calls++;
    const call = new LocalCall(caller, request, procedure, options, payload);
    try {
      endpoint(call);
    } catch (error) {
      // Arguments are decoded by the endpoint's first look at them.
      if (!(error instanceof SerializationError)) throw error;
      call.fail(refusal(Uri.invalidArgument, error.message));
    }
    return undefined;
  }

  #exceeded(caller: Session): Refusal | undefined {
    if (caller.calls.size >= this.#limits.callsPerSession)
      return refusal(RouterError.limitExceeded, "callsPerSession", this.#limits.callsPerSession);
    if (this.#counters.callsInFlight >= this.#limits.callsPerRealm)
      return refusal(RouterError.limitExceeded, "callsPerRealm", this.#limits.callsPerRealm);
    return undefined;
  }

  // [AMB-42, AMB-43] Looked up in the callee's own table. An id that was issued and has ended is a late answer.
  #invocation(callee: Session, id: number): Invocation | undefined {
    const invocation = callee.invocations.get(id);
    if (invocation !== undefined) return invocation;
    if (id > callee.lastInvocation) throw new ProtocolError("UNKNOWN_INVOCATION", `no invocation ${id} was ever sent to this session`);
    this.#counters.lateAnswers++;
    return undefined;
  }

  /** @returns what the session was a callee of */
  #remove(session: Session, id: RegistrationId): Registration | undefined {
    const registration = this.#byId.get(id);
    if (!session.registrations.delete(id) || registration === undefined) return undefined;
    registration.remove(session);
    if (registration.callees.length === 0) {
      this.#index.delete(registration.procedure, registration.match);
      this.#byId.delete(id);
    }
    return registration;
  }
}

/** Why a session cannot join a registration that exists (RPC-02, RPC-SHARED-03, RPC-SHARED-04, AMB-35, AMB-36). */
function conflictOf(registration: Registration, session: Session, invoke: string): string | undefined {
  const { procedure } = registration;
  if (session.registrations.has(registration.id)) return `this session has registered ${procedure} already`;
  if (registration.invoke !== invoke) return `${procedure} is registered with invoke ${registration.invoke}, not ${invoke}`;
  return invoke === "single" ? `${procedure} is registered by another session` : undefined;
}

function invocationDetails(
  caller: Session,
  { options, procedure }: Call,
  registration: Registration,
  callee: Callee,
  disclose: Disclosure,
  receivesProgress: boolean,
): InvocationDetails {
  const { ppt_scheme, ppt_serializer, ppt_cipher, ppt_keyid, enc_algo, enc_key, enc_serializer } = options;
  // [RPC-CID-02, RPC-CID-05, AMB-66] The caller's own claims are never copied (T29).
  const isDisclosed = disclose === "force" || options.disclose_me === true || (callee.discloseCaller && disclose !== "deny");
  return defined({
    procedure: registration.match === "exact" ? undefined : procedure, // [RPC-PAT-07]
    receive_progress: receivesProgress ? true : undefined,
    caller: isDisclosed ? caller.id : undefined,
    caller_authid: isDisclosed ? caller.authid : undefined,
    caller_authrole: isDisclosed ? caller.authrole : undefined,
    ppt_scheme,
    ppt_serializer,
    ppt_cipher,
    ppt_keyid,
    enc_algo,
    enc_key,
    enc_serializer,
  });
}

/** Only defined keys cross the router (AMB-16). */
function resultDetails(options: ResultDetails): ResultDetails {
  if (options === NO_OPTIONS) return options;
  const { progress, ppt_scheme, ppt_serializer, ppt_cipher, ppt_keyid, enc_algo, enc_key, enc_serializer } = options;
  return defined({
    progress: progress === true ? true : undefined,
    ppt_scheme,
    ppt_serializer,
    ppt_cipher,
    ppt_keyid,
    enc_algo,
    enc_key,
    enc_serializer,
  });
}
