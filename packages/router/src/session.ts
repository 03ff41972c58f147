/**
 * The router's side of an established session: checks what its peer asks for, in order, and hands it to broker and dealer.
 * Before WELCOME and after GOODBYE there is no `Session`; that part of its life is the `Acceptor`'s.
 *
 * Spec: requirements 2.2 to 2.6, 3, 8; AMB-17, AMB-20, AMB-126, AMB-135.
 */
import {
  type Call,
  type ClientRoles,
  type InvocationId,
  isPattern,
  isReserved,
  type MatchPolicy,
  type Message,
  MessageType,
  messageName,
  NO_OPTIONS,
  nextId,
  Payload,
  ProtocolError,
  type Publish,
  type Register,
  type RegistrationId,
  type RequestId,
  type SendOutcome,
  type SessionId,
  type Subscribe,
  type SubscriptionId,
  type Traffic,
  type Transport,
  Uri,
  type verdict,
} from "@junctor/protocol";
import type { Origin } from "./access/authenticator.ts";
import type { Authorizer } from "./access/authorizer.ts";
import type { Action, Decision, Role } from "./access/role.ts";
import { type Rate, SessionRates, TokenBucket } from "./access/role-limits.ts";
import { isPassthru, unannounced } from "./announced.ts";
import { longestList } from "./broker/event-filter.ts";
import type { Invocation } from "./dealer/invocation.ts";
import type { PendingCall } from "./dealer/local-call.ts";
import { type Refusal, RouterError, refusal } from "./error.ts";
import type { RouterLimits } from "./limits.ts";
import { type PeerFeatures, peerFeatures } from "./peer-features.ts";
import type { Realm, RequestIdRule } from "./realm.ts";

/** Who a session is, as its authenticator said. */
export interface Principal {
  /** Its authenticator's affair. */
  readonly proof?: unknown;
  readonly authid: string;
  readonly authrole: string;
  readonly authmethod: string;
  readonly authprovider: string;
}

export class Session implements Principal {
  readonly id: SessionId;
  readonly realm: Realm;
  readonly authid: string;
  readonly authrole: string;
  readonly authmethod: string;
  readonly authprovider: string;
  readonly agent: string | undefined;
  readonly origin: Origin;
  readonly proof: unknown;
  readonly openedAt: number;
  /** Messages received. */
  received = 0;

  patternSubscriptionCount = 0;
  /** Publications that wait until they, or those before them, are stored: the broker's. */
  unsettled = 0;
  /** The last invocation id given out to this session; 0 before the first. */
  lastInvocation: InvocationId = 0;
  readonly features: PeerFeatures;
  /** Ended by `wamp.session.kill_all`: no meta event and no testament tells of it (META-S-07, AMB-93). */
  leavesSilently = false;

  limits: RouterLimits;
  readonly #transport: Transport;
  readonly #requestIds: RequestIdRule;
  #role: Role;
  #rates: SessionRates | undefined;
  /** Of permissions that have a rate. */
  #rateOf: Map<Rate, TokenBucket> | undefined = undefined;
  /** Decides in place of the role's permissions. */
  #authorizer: Authorizer | undefined;
  // Made when first asked for: an empty one takes 180 bytes, and most sessions need one or two of them. Bench: idle.
  #subscriptions: Map<SubscriptionId, number> | undefined = undefined;
  #registrations: Set<RegistrationId> | undefined = undefined;
  #calls: Map<RequestId, PendingCall> | undefined = undefined;
  #endedStreams: Set<RequestId> | undefined = undefined;
  #invocations: Map<InvocationId, Invocation> | undefined = undefined;
  #lastRequest: RequestId = 0;
  /** Messages that wait, in order, for the authorizer's answer to an earlier one; `undefined` when none is awaited. */
  #waiting: Message[] | undefined = undefined;
  #hasLeft = false;

  constructor(
    id: SessionId,
    realm: Realm,
    role: Role,
    principal: Principal,
    roles: ClientRoles,
    agent: string | undefined,
    origin: Origin,
    transport: Transport,
    now: number,
  ) {
    this.id = id;
    this.realm = realm;
    this.authid = principal.authid;
    this.authrole = principal.authrole;
    this.authmethod = principal.authmethod;
    this.authprovider = principal.authprovider;
    this.agent = agent;
    this.origin = origin;
    this.proof = principal.proof;
    this.openedAt = now;
    this.features = peerFeatures(roles);
    this.#transport = transport;
    this.#requestIds = realm.requestIds; // how a session counts cannot change under way
    this.#role = role;
    this.limits = role.limitsWithin(realm.limits);
    this.#rates = ratesOf(role, now);
    this.#authorizer = role.authorizer ?? (role.isTrusted ? undefined : realm.authorizer);
  }

  /** Its role says something else from now on. What the session holds already is looked at by `recheck`. */
  regovern(role: Role, now: number): void {
    this.#role = role;
    this.limits = role.limitsWithin(this.realm.limits);
    this.#rates = ratesOf(role, now);
    this.#rateOf = undefined;
    this.#authorizer = role.authorizer ?? (role.isTrusted ? undefined : this.realm.authorizer);
  }

  /** The realm's limits are others. */
  limitsChanged(): void {
    this.limits = this.#role.limitsWithin(this.realm.limits);
  }

  /** Ends the subscriptions and registrations that it may not have any more, as soon as that is known (PS-REVOKE-01, RPC-REVOKE-01). */
  recheck(revoked: (what: "subscription" | "registration") => void): void {
    const { broker, dealer } = this.realm;
    for (const id of [...(this.#subscriptions?.keys() ?? [])]) {
      const subscription = broker.subscription(id);
      if (subscription === undefined) continue;
      this.decide("subscribe", subscription.topic, subscription.match, ({ allow }) => {
        if (!allow && broker.revoke(id, this, Uri.notAuthorized)) revoked("subscription");
      });
    }
    for (const id of [...(this.#registrations ?? [])]) {
      const registration = dealer.registration(id);
      const callee = registration?.callees.find(({ session }) => session === this);
      if (registration === undefined || callee === undefined) continue;
      this.decide("register", registration.procedure, registration.match, ({ allow, disclose }) => {
        const isAllowed = allow && !(callee.discloseCaller && disclose === "deny"); // [AMB-65]
        if (!isAllowed && dealer.revoke(id, this, Uri.notAuthorized)) revoked("registration");
      });
    }
  }

  /** Place among the subscribers of each subscription: the broker's. */
  get subscriptions(): Map<SubscriptionId, number> {
    this.#subscriptions ??= new Map();
    return this.#subscriptions;
  }

  /** The dealer's. */
  get registrations(): Set<RegistrationId> {
    this.#registrations ??= new Set();
    return this.#registrations;
  }

  /** Calls of this session that have no final answer yet: the dealer's. */
  get calls(): Map<RequestId, PendingCall> {
    this.#calls ??= new Map();
    return this.#calls;
  }

  /** Of calls of this session that ended before their final chunk came, where ids come in any order. */
  get endedStreams(): Set<RequestId> {
    this.#endedStreams ??= new Set();
    return this.#endedStreams;
  }

  /** What this session is to answer, as a callee: the dealer's. */
  get invocations(): Map<InvocationId, Invocation> {
    this.#invocations ??= new Map();
    return this.#invocations;
  }

  /** Somebody waits for its answer to a call. */
  get isAwaited(): boolean {
    return this.#invocations !== undefined && this.#invocations.size > 0;
  }

  /** How many it has of each; no table is made for those it has none of. */
  get holdings(): { readonly subscriptions: number; readonly registrations: number; readonly calls: number; readonly invocations: number } {
    return {
      subscriptions: this.#subscriptions?.size ?? 0,
      registrations: this.#registrations?.size ?? 0,
      calls: this.#calls?.size ?? 0,
      invocations: this.#invocations?.size ?? 0,
    };
  }

  /** Of its connection. */
  get traffic(): Traffic | undefined {
    return this.#transport.traffic;
  }

  /** Bytes of EVENTs that wait for it, by subscription; where the connection tells. */
  get waitingEvents(): ReadonlyMap<SubscriptionId, number> {
    return this.#transport.waitingEvents ?? NOTHING_WAITS;
  }

  /** It waits for an answer to a call, or somebody waits for its. */
  get hasCallsInFlight(): boolean {
    return this.isAwaited || (this.#calls !== undefined && this.#calls.size > 0);
  }

  /** It offers procedures. */
  get isCallee(): boolean {
    return this.#registrations !== undefined && this.#registrations.size > 0;
  }

  send(message: Message): SendOutcome {
    return this.#transport.send(message);
  }

  /** A publication turned out, after a while, to be impossible. */
  refuse(message: Publish, refused: Refusal): void {
    this.#answer(message, refused);
  }

  /** Part of the router's own program. */
  get isTrusted(): boolean {
    return this.#role.isTrusted;
  }

  /** Whether its role grants an action. An authorizer that decides in place of the roles has decided on the whole question before. */
  isGranted(action: Action, uri: string, match: MatchPolicy): boolean {
    return this.#authorizer !== undefined || this.#role.decidePattern(action, uri, match).allow;
  }

  /** @throws {ProtocolError} the peer broke the protocol, and the session must end */
  receive(message: Message): void {
    this.received++;
    if (this.#waiting === undefined) {
      this.#handle(message);
      return;
    }
    // [AMB-126] Nothing overtakes a message whose authorization is awaited.
    const limit = this.limits.waitingMessages;
    if (this.#waiting.push(message) > limit) {
      this.realm.log({ event: "limit.hit", realm: this.realm.name, session: this.id, limit: "waitingMessages" });
      throw new ProtocolError("UNEXPECTED_MESSAGE", `more than ${limit} messages while one of them waits for the authorizer`);
    }
  }

  /** Releases all that the session holds (SES-24). Broker and dealer first, so that nothing is sent to it any more. */
  leave(): void {
    this.#hasLeft = true;
    // Where it has no tables none are made now.
    if (this.#subscriptions !== undefined) this.realm.broker.leave(this);
    if ((this.#registrations ?? this.#calls ?? this.#invocations) !== undefined) this.realm.dealer.leave(this);
  }

  #handle(message: Message): void {
    switch (message.type) {
      case MessageType.Yield:
        this.realm.dealer.yield(this, message);
        return;
      case MessageType.Call:
        if (message.options !== NO_OPTIONS) this.#checkAnnounced(message);
        if (this.features.streams && this.#isContinuation(message.request)) {
          if (this.#rates?.take(sizeOf(message), this.realm.dealer) !== undefined) this.#transport.throttle?.(); // no chunk is left out of a call
          this.realm.dealer.continue(this, message);
        } else this.#request(message, message.procedure, "exact", "call");
        return;
      case MessageType.Publish:
        if (isPassthru(message.options) && !this.features.publisherPassthru)
          throw unannounced(message, "ppt_scheme", "payload_passthru_mode");
        this.#request(message, message.topic, "exact", "publish");
        return;
      case MessageType.Error:
        this.#error(message);
        return;
      case MessageType.Subscribe:
        this.#request(message, message.topic, message.options.match ?? "exact", "subscribe");
        return;
      case MessageType.Register:
        this.#request(message, message.procedure, message.options.match ?? "exact", "register");
        return;
      case MessageType.Unsubscribe:
        this.#takeRequestId(message.request);
        this.#answer(message, this.realm.broker.unsubscribe(this, message));
        return;
      case MessageType.Unregister:
        this.#takeRequestId(message.request);
        this.#answer(message, this.realm.dealer.unregister(this, message));
        return;
      case MessageType.Cancel:
        this.realm.dealer.cancel(this, message);
        return;
      case MessageType.EventReceived:
        return; // [ACK-01] experimental: accepted, not used
      default:
        throw unexpected(message);
    }
  }

  /** A message that names a URI: checked, authorized, performed. */
  #request(message: Call | Publish | Subscribe | Register, uri: string, match: MatchPolicy, action: Action): void {
    this.#takeRequestId(message.request);
    const problem = this.#overRate(message) ?? this.problemOf(uri, match, action) ?? this.#exceeded(message, match);
    if (problem !== undefined) this.#answer(message, problem);
    // Without an authorizer no closure is made.
    else if (this.#authorizer === undefined) this.#perform(message, this.#role.decidePattern(action, uri, match), action, uri);
    else if (message.type === MessageType.Call) this.#authorizeCall(message);
    else this.authorize(action, uri, match, (decision) => this.#perform(message, decision, action, uri));
  }

  // [AMB-57] The time of a call runs while the authorizer decides.
  #authorizeCall(message: Call): void {
    const { dealer } = this.realm;
    const acceptedAt = dealer.now();
    let isOver = false;
    const deadline = dealer.deadlineOf(message, acceptedAt, (refused) => {
      isOver = true;
      if (!this.#hasLeft) this.#answer(message, refused);
    });
    this.authorize("call", message.procedure, "exact", (decision) => {
      deadline?.cancel();
      if (!isOver) this.#perform(message, decision, "call", message.procedure, acceptedAt);
    });
  }

  #perform(message: Call | Publish | Subscribe | Register, decision: Decision, action: Action, uri: string, acceptedAt?: number): void {
    const { broker, dealer } = this.realm;
    if (!decision.allow) {
      this.realm.log({ event: "authz.deny", realm: this.realm.name, session: this.id, action, uri });
      const refused =
        decision.hasFailed === true
          ? refusal(Uri.authorizationFailed, "the authorizer could not decide")
          : refusal(Uri.notAuthorized, `the role ${this.authrole} may not ${action} ${uri}`);
      this.#answer(message, refused); // [AUTHZ-04]
      return;
    }
    if (decision.rate !== undefined && !this.#takeFrom(decision.rate)) {
      this.#answer(message, refusal(RouterError.limitExceeded, "rate", decision.rate.perSecond));
      return;
    }
    switch (message.type) {
      case MessageType.Call:
        this.#answer(message, dealer.call(this, message, decision.disclose, acceptedAt));
        return;
      case MessageType.Publish:
        this.#answer(message, broker.publish(this, message, decision.disclose));
        return;
      case MessageType.Subscribe:
        broker.subscribe(this, message);
        return;
      case MessageType.Register:
        this.#answer(message, dealer.register(this, message, decision.disclose));
    }
  }

  /** Asks whether this session may do something. Until the answer is there, its later messages wait (AMB-126). */
  authorize(action: Action, uri: string, match: MatchPolicy, goOn: (decision: Decision) => void): void {
    const waiting: Message[] = [];
    this.#waiting = waiting;
    this.decide(action, uri, match, (decision) => {
      this.#waiting = undefined;
      if (this.#hasLeft) return;
      goOn(decision);
      this.#resume(waiting);
    });
  }

  /** Asks, once, without holding anything up: for a session that has left, and for what is no message of its own. */
  decide(action: Action, uri: string, match: MatchPolicy, goOn: (decision: Decision) => void): void {
    const authorizer = this.#authorizer;
    if (authorizer === undefined) {
      goOn(this.#role.decidePattern(action, uri, match));
      return;
    }
    let isAnswered = false;
    this.realm.authorize(authorizer, { session: this.id, authid: this.authid, authrole: this.authrole, action, uri, match }, (decision) => {
      if (isAnswered) return;
      isAnswered = true;
      goOn(decision);
    });
  }

  /** Goes on with what had to wait, until the next one has to. */
  #resume(messages: readonly Message[]): void {
    for (let i = 0; i < messages.length; i++) {
      if (this.#hasLeft) return;
      const waiting = this.#waiting;
      if (waiting !== undefined) {
        waiting.unshift(...messages.slice(i));
        return;
      }
      try {
        this.#handle(messages[i] as Message);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.realm.violated(this, error);
        return;
      }
    }
  }

  // [PERR-06, ID-04, ID-10] One counter for all requests of a client, whatever becomes of them. Where that is not asked for,
  // an answer must still belong to one call (AMB-22).
  #takeRequestId(request: RequestId): void {
    if (this.#requestIds === "strict") {
      const expected = nextId(this.#lastRequest);
      if (request !== expected) throw new ProtocolError("REQUEST_ID", `request id ${request}, where ${expected} comes next`);
      this.#lastRequest = expected;
    } else if (this.#calls?.has(request) === true) {
      throw new ProtocolError("REQUEST_ID", `request id ${request} is that of a call that waits for its answer`);
    }
  }

  #checkAnnounced(message: Call): void {
    const { options } = message;
    if (options.progress === true && !this.features.streams) throw unannounced(message, "progress", "progressive_call_invocations"); // [RPC-PCI-04]
    if (isPassthru(options) && !this.features.callerPassthru) throw unannounced(message, "ppt_scheme", "payload_passthru_mode"); // [PPT-07]
  }

  /**
   * Whether a CALL is no new one (RPC-PCI-11): its id was used before, by whatever request (AMB-62 j), and may be ahead of the
   * last one only where ids have wrapped. Where ids come in any order, only the ids of calls tell.
   */
  #isContinuation(request: RequestId): boolean {
    if (this.#calls?.has(request) === true) return true;
    if (this.#requestIds === "lenient") return this.#endedStreams?.has(request) === true;
    return request !== nextId(this.#lastRequest) && request <= this.#lastRequest;
  }

  /** A call has ended before its final chunk: what else comes of it is to be dropped (RPC-PCI-09). */
  streamEnded(request: RequestId): void {
    if (this.#requestIds === "strict") return; // its id is behind the last one, which is enough (RPC-PCI-12)
    this.endedStreams.add(request);
    const [oldest] = this.endedStreams;
    if (oldest !== undefined && this.endedStreams.size > this.limits.callsPerSession) this.endedStreams.delete(oldest);
  }

  /** What is wrong with a URI that this session names, whatever it may do. */
  problemOf(uri: string, match: MatchPolicy, action: Action): Refusal | undefined {
    const { limits } = this;
    if (!isPattern(uri, this.realm.uriRule, match))
      return refusal(
        Uri.invalidUri,
        `${JSON.stringify(uri.slice(0, limits.uriLength))} is no valid URI${match === "exact" ? "" : ` for match ${match}`}`,
      ); // [URI-08]
    if (uri.length > limits.uriLength || isTooDeep(uri, limits.uriComponents)) {
      return refusal(Uri.invalidUri, `a URI may have ${limits.uriLength} characters and ${limits.uriComponents} components`);
    }
    // [URI-07, AMB-20] Only the router's own sessions register and publish there.
    if ((action === "publish" || action === "register") && isReserved(uri) && !this.#role.isTrusted) {
      return refusal(Uri.invalidUri, "URIs that start with wamp. are reserved for the router");
    }
    return undefined;
  }

  #overRate(message: Call | Publish | Subscribe | Register): Refusal | undefined {
    const rates = this.#rates;
    if (rates === undefined) return undefined;
    const limit = rates.take(sizeOf(message), this.realm.dealer);
    if (limit === undefined) return undefined;
    this.#transport.throttle?.(); // [G6] refusals cost work, too
    if (rates.exceeded()) this.realm.log({ event: "limit.hit", realm: this.realm.name, session: this.id, limit });
    return refusal(RouterError.limitExceeded, limit, this.#role.limits?.[limit]?.perSecond);
  }

  #takeFrom(rate: Rate): boolean {
    const { dealer } = this.realm;
    this.#rateOf ??= new Map();
    let bucket = this.#rateOf.get(rate);
    if (bucket === undefined) {
      bucket = new TokenBucket(rate, dealer.now());
      this.#rateOf.set(rate, bucket);
    }
    return bucket.take(1, dealer);
  }

  #exceeded(message: Call | Publish | Subscribe | Register, match: MatchPolicy): Refusal | undefined {
    const { limits } = this;
    if (message.type === MessageType.Publish) {
      if (message.options !== NO_OPTIONS && longestList(message.options) > limits.listLength) return this.overLimit("listLength");
    } else if (message.type === MessageType.Subscribe) {
      if (this.subscriptions.size >= limits.subscriptions) return this.overLimit("subscriptions");
      if (match !== "exact" && this.patternSubscriptionCount >= limits.patternSubscriptions) {
        return this.overLimit("patternSubscriptions");
      }
    } else if (message.type === MessageType.Register && this.registrations.size >= limits.registrations) {
      return this.overLimit("registrations");
    }
    return undefined;
  }

  /** The refusal for a limit that is reached, which is also logged. */
  overLimit(limit: keyof RouterLimits): Refusal {
    this.realm.log({ event: "limit.hit", realm: this.realm.name, session: this.id, limit });
    return refusal(RouterError.limitExceeded, limit, this.limits[limit]);
  }

  #error(message: Extract<Message, { type: typeof MessageType.Error }>): void {
    if (message.requestType !== MessageType.Invocation) {
      throw new ProtocolError("UNEXPECTED_MESSAGE", `a client may answer INVOCATION with ERROR, not ${messageName(message.requestType)}`); // [PERR-04]
    }
    if (!isPattern(message.error, "loose", "exact")) throw new ProtocolError("MALFORMED_MESSAGE", "ERROR: the error must be a URI"); // [AMB-18]
    this.realm.dealer.error(this, message);
  }

  /** Sends the ERROR of a refused request, if there is one and the request asks for an answer. */
  #answer(message: Call | Publish | Subscribe | Register | Extract<Message, { type: 34 | 66 }>, refused: Refusal | undefined): void {
    if (refused === undefined) return;
    if (message.type === MessageType.Publish && message.options.acknowledge !== true) {
      this.realm.counters.publicationsRefused++; // [PS-07, AMB-17] never an answer
      return;
    }
    if (message.type === MessageType.Call && message.options.progress === true) this.streamEnded(message.request); // [AMB-62 b]
    this.send({
      type: MessageType.Error,
      requestType: message.type,
      request: message.request,
      details: NO_OPTIONS,
      error: refused.error,
      payload: Payload.of(refused.args),
    });
  }
}

function ratesOf({ limits }: Role, now: number): SessionRates | undefined {
  return limits?.messageRate || limits?.byteRate ? new SessionRates(limits, now) : undefined;
}

/** The error for a message that may not arrive now, from this side. */
export function unexpected(message: Message, state: Parameters<typeof verdict>[1] = "established"): ProtocolError {
  return new ProtocolError("UNEXPECTED_MESSAGE", `${messageName(message.type)} is not allowed from a client ${STATES[state]}`);
}

const NOTHING_WAITS: ReadonlyMap<SubscriptionId, number> = new Map();

const STATES = {
  closed: "before HELLO",
  establishing: "before the router has answered HELLO",
  challenging: "while the router waits for AUTHENTICATE",
  established: "in an established session",
  shuttingDown: "after GOODBYE",
} as const;

function sizeOf(message: Call | Publish | Subscribe | Register): number {
  return message.type === MessageType.Call || message.type === MessageType.Publish ? message.payload.end - message.payload.start : 0;
}

/** A URI of n components has n - 1 dots; only long texts can have too many. */
function isTooDeep(uri: string, components: number): boolean {
  if (uri.length < components) return false;
  let dots = 0;
  for (let at = uri.indexOf("."); at >= 0; at = uri.indexOf(".", at + 1)) if (++dots >= components) return true;
  return false;
}
