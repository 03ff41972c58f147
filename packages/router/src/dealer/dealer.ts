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
  type CallOptions,
  type Cancel,
  type ErrorMessage,
  type IdSource,
  isReserved,
  type MatchPolicy,
  MessageType,
  NO_OPTIONS,
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
import { TrustLevels } from "../access/trust-levels.ts";
import { isPassthru, unannounced } from "../announced.ts";
import type { Clock, Deadline, Deadlines } from "../deadline.ts";
import { type Refusal, RouterError, refusal } from "../error.ts";
import type { RouterLimits } from "../limits.ts";
import type { Counters } from "../log.ts";
import type { PatternObserver } from "../meta/pattern-meta.ts";
import { PatternIndex } from "../pattern/pattern-index.ts";
import type { Session } from "../session.ts";
import type { CallConfig } from "./call-config.ts";
import { CallTerms } from "./call-terms.ts";
import { Invocation } from "./invocation.ts";
import { invocationDetails, resultDetails } from "./invocation-details.ts";
import { LocalCall, type LocalProcedure } from "./local-call.ts";
import { Callee, Registration, type RegistrationDealer } from "./registration.ts";

export class Dealer {
  readonly #index = new PatternIndex<Registration>();
  readonly #byId = new Map<RegistrationId, Registration>();
  readonly #local = new Map<string, LocalProcedure>();
  config: CallConfig;
  readonly #registrationIds: IdSource;
  readonly #deadlines: Deadlines;
  readonly #limits: RouterLimits;
  readonly #counters: Counters;
  readonly #clock: Clock;
  readonly #observer: PatternObserver<Registration>;
  #trust: TrustLevels | undefined = undefined;
  /** Every call has a time-out. */
  #isTimed = false;
  readonly #forRegistrations: RegistrationDealer & { queueLength: number };
  /** Registrations whose waiting calls are to be looked at. */
  readonly #changed: Registration[] = [];

  constructor(
    registrationIds: IdSource,
    random: () => number,
    limits: RouterLimits,
    counters: Counters,
    clock: Clock,
    deadlines: Deadlines,
    observer: PatternObserver<Registration>,
    config: CallConfig,
  ) {
    this.config = config;
    this.#registrationIds = registrationIds;
    this.#deadlines = deadlines;
    this.#limits = limits;
    this.#counters = counters;
    this.#clock = clock;
    this.#observer = observer;
    this.#forRegistrations = { random, queueLength: config.queueLength, changed: this.#changed };
    this.prepare(config)();
  }

  /** Makes ready for other terms of the calls and registrations to come. @returns puts them into force */
  prepare(config: CallConfig): () => void {
    const trust = config.trust.length === 0 ? undefined : new TrustLevels(config.trust);
    return () => {
      this.config = config;
      this.#trust = trust;
      this.#isTimed = config.defaultTimeoutMs > 0 || config.maximumTimeoutMs > 0;
      this.#forRegistrations.queueLength = config.queueLength;
    };
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
    const { options } = message;
    const match = options.match ?? "exact";
    const invoke = options.invoke ?? "single";
    const discloseCaller = options.disclose_caller === true;
    if ((invoke === "least_loaded" || invoke === "affinity") && !this.config.invoke.includes(invoke))
      return refusal(Uri.optionNotAllowed, `the realm does not allow invoke ${invoke}`);
    if (discloseCaller && disclose === "deny") return refusal(Uri.discloseMeDisallowed); // [AMB-65]
    if (this.#local.has(message.procedure)) return refusal(Uri.procedureAlreadyExists, `the router answers ${message.procedure} itself`);
    let registration = this.#index.get(message.procedure, match);
    const isCreated = registration === undefined;
    if (registration === undefined) {
      const id = this.#registrationIds.next();
      registration = new Registration(id, message.procedure, match, invoke, this.#clock.date(), this.#forRegistrations);
      this.#index.set(message.procedure, match, registration);
      this.#byId.set(registration.id, registration);
    } else {
      const conflict = conflictOf(registration, session, invoke);
      if (conflict !== undefined) return refusal(Uri.procedureAlreadyExists, conflict);
    }
    registration.add(
      new Callee(registration, session, {
        discloseCaller,
        forwardsTimeout: options.forward_timeout === true && session.features.timeout,
        mayRefuse: this.config.reroute && session.features.reroute,
        concurrency: options.concurrency,
      }),
    );
    session.registrations.add(registration.id);
    // [ORD-04] Before any INVOCATION of this registration.
    session.send({ type: MessageType.Registered, request: message.request, registration: registration.id });
    this.#observer.joined(session, registration, isCreated);
    this.#serve();
    return undefined;
  }

  /** Calls in flight are finished by their callee; no further ones reach it (AMB-44). */
  unregister(session: Session, message: Unregister): Refusal | undefined {
    const registration = this.#remove(session, message.registration);
    if (registration === undefined) return refusal(Uri.noSuchRegistration); // [RPC-03]
    session.send({ type: MessageType.Unregistered, request: message.request, details: undefined });
    this.#observer.left(session, registration, registration.callees.length === 0);
    this.#serve();
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
    this.#serve();
    return true;
  }

  /** @param acceptedAt when the message came, if it had to wait since: its time-out runs from there (AMB-57) */
  call(caller: Session, message: Call, disclose: Disclosure, acceptedAt?: number): Refusal | undefined {
    const { options, procedure, payload } = message;
    if (options.disclose_me === true && disclose === "deny") return refusal(Uri.discloseMeDisallowed); // [RPC-CID-04]
    const registration = this.#index.best(procedure);
    if (registration === undefined) {
      const endpoint = this.#local.get(procedure);
      if (endpoint !== undefined) return this.#callLocal(caller, message, endpoint, acceptedAt);
      return refusal(Uri.noSuchProcedure, `no callee has registered ${procedure}`); // [RPC-07]
    }
    const exceeded = this.#exceeded(caller);
    if (exceeded !== undefined) return exceeded;
    const trustlevel = this.#trust?.of(procedure, caller.authrole); // [RPC-TRUST-01]
    const isPlain = registration.isPlain && !this.#isTimed && (options === NO_OPTIONS || isPlainOptions(options));
    if (!isPlain) return this.#callOnTerms(caller, message, registration, disclose, trustlevel, acceptedAt);
    const callee = registration.pick(undefined);
    if (callee === undefined) return refusal(Uri.noAvailableCallee);

    this.#counters.calls++;
    const receivesProgress = options.receive_progress === true && callee.session.features.progressiveResults; // [RPC-PCR-03]
    // Hot path: a call that says nothing special gets along without a record of its own. Bench: bench/calls.
    const isBare =
      options === NO_OPTIONS &&
      registration.match === "exact" &&
      !callee.discloseCaller &&
      disclose !== "force" &&
      trustlevel === undefined;
    const details = isBare ? NO_OPTIONS : invocationDetails(caller, message, callee, disclose, receivesProgress, trustlevel, undefined);
    new Invocation(caller, message.request, undefined).assign(callee, details, payload, receivesProgress);
    return undefined;
  }

  #callOnTerms(
    caller: Session,
    { request, options, procedure, payload }: Call,
    registration: Registration,
    disclose: Disclosure,
    trustlevel: number | undefined,
    acceptedAt: number | undefined,
  ): Refusal | undefined {
    let key = registration.invoke === "affinity" ? caller.authid : undefined;
    if (this.config.sharding && options.runmode !== undefined) {
      if (options.runmode !== "partition") return refusal(Uri.optionNotAllowed, `the router knows no runmode ${options.runmode}`);
      if (options.rkey === undefined) return refusal(Uri.invalidArgument, "runmode partition needs an rkey"); // [RPC-SHARD-01]
      key = options.rkey;
    }
    this.#counters.calls++;
    const timeoutMs = this.timeoutMs(options);
    const terms = new CallTerms(registration, procedure, options, disclose, trustlevel, key, timeoutMs);
    if (timeoutMs > 0) terms.due = (acceptedAt ?? this.now()) + timeoutMs;
    new Invocation(caller, request, terms).route(payload);
    this.#serve();
    return undefined;
  }

  /** A CALL whose id is not new: a further chunk of a call, or of one that has ended meanwhile and needs no more (RPC-PCI-09). */
  continue(caller: Session, message: Call): void {
    const call = caller.calls.get(message.request);
    if (call !== undefined) call.continue(message);
    else if (message.options.progress !== true) caller.endedStreams.delete(message.request);
    this.#serve();
  }

  /** Only the calling session can cancel, and an ended call cannot be (AMB-48). */
  cancel(caller: Session, message: Cancel): void {
    caller.calls.get(message.request)?.cancel(message.options.mode ?? "killnowait"); // [AMB-46]
    this.#serve();
  }

  /** @throws {ProtocolError} `UNKNOWN_INVOCATION`, `INVALID_OPTION` */
  yield(callee: Session, message: Yield): void {
    const invocation = this.#invocation(callee, message.request);
    if (invocation === undefined) return;
    invocation.result(message.options === NO_OPTIONS ? NO_OPTIONS : yieldDetails(callee, message), message.payload);
    this.#serve();
  }

  /** @throws {ProtocolError} `UNKNOWN_INVOCATION` */
  error(callee: Session, message: ErrorMessage): void {
    const invocation = this.#invocation(callee, message.request);
    if (invocation === undefined) return;
    invocation.error(message.error, resultDetails(message.details), message.payload);
    this.#serve();
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
    this.#serve();
  }

  now(): number {
    return this.#deadlines.now();
  }

  /** How long a call may last without a sign of its callee; 0: for ever. */
  timeoutMs(options: CallOptions): number {
    const { defaultTimeoutMs, maximumTimeoutMs } = this.config;
    const { timeout = 0 } = options;
    const wanted = timeout > 0 ? timeout : defaultTimeoutMs; // [RPC-TMO-01]
    return maximumTimeoutMs > 0 && (wanted === 0 || wanted > maximumTimeoutMs) ? maximumTimeoutMs : wanted;
  }

  /** For a call that is not with a callee: what is to happen when its time is over. `undefined`: it has no time-out. */
  deadlineOf({ options }: Call, acceptedAt: number, expired: (refused: Refusal) => void): Deadline | undefined {
    const timeoutMs = this.timeoutMs(options);
    if (timeoutMs === 0) return undefined;
    return this.#deadlines.at(acceptedAt + timeoutMs, () => {
      this.#counters.callsTimedOut++;
      expired(timedOut(timeoutMs));
    });
  }

  /** For invocations: has one looked at when its time is over. */
  deadline(invocation: Invocation, time: number): Deadline {
    return this.#deadlines.at(time, () => {
      invocation.expire(this.now());
      this.#serve();
    });
  }

  /** For an invocation that is to be killed; `undefined`: it is waited for as long as it takes (AMB-54). */
  killDeadline(invocation: Invocation): Deadline | undefined {
    const { killTimeoutMs } = this.config;
    if (killTimeoutMs === 0) return undefined;
    return this.#deadlines.after(killTimeoutMs, () => {
      invocation.giveUpKilling();
      this.#serve();
    });
  }

  /** Last in every entry: calls that wait get what has become free meanwhile, once all that was to be said before is said. */
  #serve(): void {
    while (this.#changed.length > 0) this.#changed.pop()?.serve();
  }

  #callLocal(caller: Session, message: Call, endpoint: LocalProcedure, acceptedAt: number | undefined): Refusal | undefined {
    const { request, options, procedure, payload } = message;
    const exceeded = this.#exceeded(caller);
    if (exceeded !== undefined) return exceeded;
    // [RPC-PCI-05, PPT-08]
    if (options.progress === true || isPassthru(options))
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
    if (!call.isEnded) call.deadline = this.deadlineOf(message, acceptedAt ?? this.now(), (refused) => call.fail(refused));
    return undefined;
  }

  #exceeded(caller: Session): Refusal | undefined {
    if (caller.calls.size >= caller.limits.callsPerSession)
      return refusal(RouterError.limitExceeded, "callsPerSession", caller.limits.callsPerSession);
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

/** The answer to a call that lasted too long. */
function timedOut(timeoutMs: number): Refusal {
  return refusal(Uri.timeout, `no answer within ${timeoutMs} ms`);
}

function yieldDetails(callee: Session, message: Yield): ResultDetails {
  if (isPassthru(message.options) && !callee.features.calleePassthru) throw unannounced(message, "ppt_scheme", "payload_passthru_mode"); // [PPT-07]
  return resultDetails(message.options);
}

/** Whether options ask for nothing that needs terms. `runmode` without sharding is ignored (RPC-SHARD-02). */
function isPlainOptions(options: CallOptions): boolean {
  return (options.timeout ?? 0) === 0 && options.progress !== true && options.runmode === undefined && !isPassthru(options);
}
