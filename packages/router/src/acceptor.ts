/**
 * The router's end of one transport: lets sessions in, one after another, and ends them. What may arrive when stands in
 * the protocol's lifecycle table; once a session is established its messages go straight to it.
 *
 * Spec: requirements 2.2 to 2.4; AMB-01 to AMB-08, AMB-24, AMB-114, AMB-134.
 */
import {
  type Authenticate,
  CloseReason,
  type Dict,
  type Goodbye,
  type Hello,
  isUri,
  type Message,
  MessageType,
  NO_OPTIONS,
  Payload,
  ProtocolError,
  type Receiver,
  type SessionId,
  type SessionState,
  type Transport,
  Uri,
  verdict,
} from "@junctor/protocol";
import type { AuthenticationAnswer, Authenticator, Origin } from "./access/authenticator.ts";
import { TRUSTED } from "./access/role.ts";
import type { Deadline } from "./deadline.ts";
import { RouterError } from "./error.ts";
import type { Realm, SessionCloser } from "./realm.ts";
import type { RouterEnvironment } from "./router.ts";
import { Session, unexpected } from "./session.ts";

export class Acceptor implements Receiver, SessionCloser {
  readonly #environment: RouterEnvironment;
  readonly #transport: Transport;
  readonly #origin: Origin;
  readonly #isTrusted: boolean;
  #state: SessionState = "closed";
  /** Exists exactly while the state is `established`. */
  #session: Session | undefined = undefined;
  /** HELLO, WELCOME or GOODBYE is awaited until then. */
  #deadline: Deadline | undefined = undefined;
  /** What the session proved holds until then. */
  #expiry: Deadline | undefined = undefined;
  /** The id reserved for the session that is being let in. */
  #pending: SessionId = 0;
  /** Takes the answer to the challenge that is out. */
  #verify: ((response: Authenticate) => void) | undefined = undefined;
  /** Of this attempt to join. */
  #challenges = 0;
  #isClosed = false;

  constructor(environment: RouterEnvironment, transport: Transport, origin: Origin, isTrusted: boolean) {
    this.#environment = environment;
    this.#transport = transport;
    this.#origin = origin;
    this.#isTrusted = isTrusted;
    this.#await("HELLO", environment.limits.helloTimeoutMs);
  }

  get isAwaited(): boolean {
    return this.#session?.isAwaited === true;
  }

  receive(message: Message): void {
    try {
      const session = this.#session;
      // Hot path: one comparison between a routed message and its session.
      if (session === undefined) this.#receive(message);
      else if (message.type === MessageType.Goodbye) this.#answerGoodbye(session, message.reason);
      else if (message.type === MessageType.Abort) this.#receiveAbort(message.reason);
      else session.receive(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.violated(error);
    }
  }

  /** ABORT, everything of the session disposed, and the transport closed (PERR-01). */
  violated(error: ProtocolError): void {
    if (this.#isClosed) return;
    const { code, message } = error;
    this.#environment.log({ event: "proto.violation", session: this.#session?.id, code, message, address: this.#origin.address });
    this.#abort(Uri.protocolViolation, message, `${CloseReason.protocolViolation}.${code.toLowerCase()}`);
  }

  lost(reason: string): void {
    this.#isClosed = true;
    this.#endSession(reason);
    this.#release();
    this.#environment.detached(this);
  }

  /** Ends the session with GOODBYE. It counts as gone from now on (AMB-06). */
  goodbye(reason: string, message?: string, details: Dict = NO_OPTIONS): void {
    if (this.#isClosed) return;
    if (this.#session === undefined) {
      if (this.#state !== "shuttingDown") this.#abort(reason, message ?? "the router ends", reason); // [AMB-134]
      return;
    }
    this.#endSession(reason); // first, as in #abort
    this.#transport.send({ type: MessageType.Goodbye, details: message === undefined ? details : { ...details, message }, reason });
    this.#state = "shuttingDown";
    this.#await("GOODBYE", this.#environment.limits.goodbyeTimeoutMs);
  }

  // --- Without an established session ----------------------------------------------------------------------------------

  #receive(message: Message): void {
    if (this.#isClosed) return;
    const what = verdict("router", this.#state, message.type);
    if (what === "ignore") return;
    if (what === "violation") throw unexpected(message, this.#state);
    switch (message.type) {
      case MessageType.Hello:
        this.#hello(message);
        return;
      case MessageType.Authenticate:
        this.#authenticate(message);
        return;
      case MessageType.Goodbye:
        this.#close(CloseReason.closed); // [AMB-04] the answer to ours, or one that crossed it
        return;
      case MessageType.Abort:
        this.#receiveAbort(message.reason);
        return;
      default:
        throw unexpected(message, this.#state);
    }
  }

  #hello(message: Hello): void {
    const name = message.realm ?? "";
    if (name !== "" && !isUri(name)) {
      this.#refuse(name, Uri.invalidUri, `the realm ${JSON.stringify(name.slice(0, 255))} is no valid URI`); // [SES-15]
      return;
    }
    const realm = this.#environment.realm(name);
    if (realm === undefined) {
      this.#refuse(
        name,
        Uri.noSuchRealm,
        name === "" ? "HELLO names no realm, and the router has no default" : `the router has no realm ${name}`,
      ); // [SES-14, AMB-07]
      return;
    }
    if (realm.refusal !== undefined && !this.#isTrusted) {
      this.#refuse(name, realm.refusal.reason, realm.refusal.message, realm.refusal.details);
      return;
    }
    this.#state = "establishing";
    this.#challenges = 0;
    this.#pending = this.#environment.reserveSessionId();
    this.#await("WELCOME", this.#environment.limits.joinTimeoutMs);
    if (this.#isTrusted) {
      const { authid = "trusted" } = message.details;
      this.#welcome(realm, message, { kind: "welcome", authid, authrole: TRUSTED.name, authmethod: "trusted", authprovider: "router" });
      return;
    }
    const request = { realm: realm.name, session: this.#pending, details: message.details, origin: this.#origin };
    const { authenticate } = realm;
    this.#ask(realm, message, authenticate, (answer) => authenticate(request, answer));
  }

  #authenticate(message: Authenticate): void {
    const verify = this.#verify;
    this.#verify = undefined; // [AMB-102] a challenge is used once
    verify?.(message);
  }

  /** Asks, and takes the first answer to come while this attempt to join still lasts. */
  #ask(
    realm: Realm,
    hello: Hello,
    authenticate: Authenticator,
    question: (answer: (outcome: AuthenticationAnswer) => void) => void | Promise<void>,
  ): void {
    const attempt = this.#pending;
    let isAnswered = false;
    const answer = (outcome: AuthenticationAnswer) => {
      if (isAnswered || this.#isClosed || this.#pending !== attempt) return;
      isAnswered = true;
      if (realm.authenticate === authenticate || outcome.kind === "abort") this.#answered(realm, hello, outcome, authenticate);
      // Who may come in, and how, has changed meanwhile.
      else this.#refuse(realm.name, Uri.authenticationFailed, "the realm was reconfigured during authentication: join again");
    };
    realm.ask(
      "authenticator",
      (act) => question((outcome) => act(() => answer(outcome))),
      () => answer({ kind: "abort", reason: Uri.authenticationFailed, message: "authentication could not be performed" }),
    );
  }

  #answered(realm: Realm, hello: Hello, outcome: AuthenticationAnswer, authenticate: Authenticator): void {
    switch (outcome.kind) {
      case "abort":
        this.#refuse(realm.name, outcome.reason, outcome.message, outcome.details);
        return;
      case "challenge":
        if (++this.#challenges >= this.#environment.limits.messagesBeforeJoin) {
          this.#refuse(realm.name, RouterError.limitExceeded, "one more challenge takes more messages than messagesBeforeJoin");
          return;
        }
        this.#state = "challenging";
        this.#verify = (response) => {
          this.#state = "establishing";
          this.#ask(realm, hello, authenticate, (answer) => outcome.verify(response, answer));
        };
        if (this.#transport.send({ type: MessageType.Challenge, authmethod: outcome.authmethod, extra: outcome.extra }) === "too-large")
          this.#refuse(realm.name, Uri.payloadSizeExceeded, "CHALLENGE is longer than this peer takes");
        return;
      case "welcome":
        this.#welcome(realm, hello, outcome);
    }
  }

  #welcome(realm: Realm, hello: Hello, outcome: Extract<AuthenticationAnswer, { kind: "welcome" }>): void {
    if (realm.isClosed) {
      this.#refuse(realm.name, Uri.noSuchRealm, `the router has no realm ${realm.name} any more`);
      return;
    }
    const role = this.#isTrusted ? TRUSTED : realm.role(outcome.authrole);
    if (role === undefined) {
      this.#refuse(realm.name, Uri.noSuchRole, `the realm ${realm.name} has no role ${outcome.authrole}`);
      return;
    }
    const { sessions = Number.POSITIVE_INFINITY } = role.limits ?? {};
    if (role.sessions >= sessions) {
      this.#refuse(realm.name, RouterError.limitExceeded, `the role ${role.name} has all of its ${sessions} sessions`);
      return;
    }
    const { authid, authrole, authmethod, authprovider, authextra, lifetimeMs } = outcome;
    const { roles, agent } = hello.details;
    const id = this.#pending;
    this.#deadline?.cancel();
    this.#deadline = undefined;
    const own = role.for({ authid, authrole, session: id });
    const session = new Session(id, realm, own, outcome, roles, agent, this.#origin, this.#transport, this.#environment.clock.now());
    this.#session = session;
    this.#state = "established";
    const { roles: announced, x_history } = realm.announced;
    const identity = { roles: announced, agent: this.#environment.agent, realm: realm.name, authid, authrole, authmethod, authprovider };
    const { accepts: x_message_size } = this.#transport;
    const details =
      x_history === undefined && authextra === undefined && x_message_size === undefined
        ? identity
        : {
            ...identity,
            ...(x_history !== undefined && { x_history }),
            ...(x_message_size !== undefined && { x_message_size }),
            ...(authextra !== undefined && { authextra }),
          };
    const sent = this.#transport.send({ type: MessageType.Welcome, session: id, details });
    // A peer that takes 512 octets only cannot be told that it has joined.
    if (sent !== "sent") {
      this.#session = undefined;
      this.#refuse(realm.name, Uri.payloadSizeExceeded, "WELCOME is longer than this peer takes");
      return;
    }
    realm.join(session, this);
    if (lifetimeMs !== undefined) {
      this.#expiry = this.#environment.deadlines.after(lifetimeMs, () =>
        this.goodbye(Uri.authenticationRequired, "what the session was let in with has expired"),
      );
    }
  }

  // --- Ending ------------------------------------------------------------------------------------------------------------

  /** The peer leaves (SES-20). The transport stays open for a while: another HELLO may come (AMB-02). */
  #answerGoodbye(session: Session, reason: string): void {
    const reply: Goodbye = { type: MessageType.Goodbye, details: NO_OPTIONS, reason: Uri.goodbyeAndOut };
    this.#endSession(Uri.closeRealm);
    session.send(reply);
    if (reason === Uri.logout) session.realm.loggedOut?.(session);
    this.#state = "closed";
    this.#await("HELLO", this.#environment.limits.helloTimeoutMs);
  }

  /** [SES-21] never answered */
  #receiveAbort(reason: string): void {
    this.#endSession(`${CloseReason.abort}.${isUri(reason) ? reason : "invalid_uri"}`);
    this.#close(CloseReason.aborted);
  }

  #refuse(realm: string, reason: string, message: string, details?: Dict): void {
    this.#environment.log({ event: "join.refused", realm, reason, message, address: this.#origin.address });
    this.#abort(reason, message, reason, details);
  }

  #abort(reason: string, message: string, cause: string, details?: Dict): void {
    this.#endSession(cause); // first: of the calls that it made to itself it hears now, and of nothing after ABORT
    this.#transport.send({ type: MessageType.Abort, details: { ...details, message }, reason, payload: Payload.EMPTY });
    this.#close(cause);
  }

  #endSession(reason: string): void {
    this.#expiry?.cancel();
    this.#expiry = undefined;
    const session = this.#session;
    if (session !== undefined) {
      this.#session = undefined;
      session.realm.leave(session, reason, this.#environment.clock.now());
    }
    if (this.#pending !== 0) this.#environment.releaseSessionId(this.#pending);
    this.#pending = 0;
    this.#state = "closed";
  }

  #close(reason: string): void {
    this.#isClosed = true;
    this.#release();
    this.#transport.close(reason);
  }

  #release(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
    this.#verify = undefined;
  }

  #await(what: "HELLO" | "WELCOME" | "GOODBYE", ms: number): void {
    this.#deadline?.cancel();
    this.#deadline = this.#environment.deadlines.after(ms, () => {
      if (what === "WELCOME")
        this.#abort(Uri.authenticationFailed, `the session was not established within ${ms} ms`, CloseReason.joinTimeout); // [AMB-102]
      else {
        const reason = what === "HELLO" ? CloseReason.helloTimeout : CloseReason.goodbyeTimeout;
        this.#endSession(reason);
        this.#close(reason);
      }
    });
  }
}
