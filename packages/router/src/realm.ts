/** A realm: a routing name space of its own, with its sessions, roles, broker and dealer. Realms share nothing (SES-01). */
import type { MatchPolicy, ProtocolError, SessionId, UriRule, WelcomeDetails } from "@junctor/protocol";
import { asked } from "./access/asked.ts";
import type { Authenticator } from "./access/authenticator.ts";
import type { Authorizer } from "./access/authorizer.ts";
import { type Action, AUTHORIZER_FAILED, type Decision, Role, type RoleConfig } from "./access/role.ts";
import { Broker } from "./broker/broker.ts";
import { GET_EVENTS, getEvents } from "./broker/event-history.ts";
import type { EventsConfig } from "./broker/events-config.ts";
import { type CallConfig, DEFAULT_CALL_CONFIG } from "./dealer/call-config.ts";
import { Dealer } from "./dealer/dealer.ts";
import { announcedRoles } from "./feature.ts";
import type { RouterLimits } from "./limits.ts";
import { type Counters, createCounters, type RouterEvent } from "./log.ts";
import { PatternMeta } from "./meta/pattern-meta.ts";
import { Reflection } from "./meta/reflection.ts";
import { registrationKind } from "./meta/registration-meta.ts";
import { SessionMeta } from "./meta/session-meta.ts";
import { subscriptionKind } from "./meta/subscription-meta.ts";
import { Testaments } from "./meta/testament.ts";
import type { RouterEnvironment } from "./router.ts";
import type { Session } from "./session.ts";

/**
 * Which request ids a session may use (AMB-22). `strict` is the specification's rule: 1, 2, 3, … in the order of the
 * messages (ID-08). `lenient` takes any that no call in flight has, since clients that applications use from many threads
 * (those of nexus and xconn) number a request before they queue it, and wampy counts on when it joins again.
 */
export type RequestIdRule = "strict" | "lenient";

export interface RealmConfig {
  /** A URI; clients name it in HELLO. */
  readonly name: string;
  readonly roles: readonly RoleConfig[];
  readonly authenticate: Authenticator;
  /** Told of a session that leaves for `wamp.close.logout`: what it was let in with is to be worth nothing any more. */
  readonly loggedOut?: (session: Session) => void;
  /** Decides in place of the roles' tables, when given. */
  readonly authorize?: Authorizer;
  /** Default `loose` (URI-05). */
  readonly uriRule?: UriRule;
  /** Default `lenient`. */
  readonly requestIds?: RequestIdRule;
  readonly events?: EventsConfig;
  readonly calls?: Partial<CallConfig>;
}

export class Realm {
  readonly name: string;
  readonly uriRule: UriRule;
  readonly requestIds: RequestIdRule;
  readonly authenticate: Authenticator;
  readonly authorizer: Authorizer | undefined;
  readonly loggedOut: ((session: Session) => void) | undefined;
  readonly limits: RouterLimits;
  readonly log: (event: RouterEvent) => void;
  readonly counters: Counters = createCounters();
  /** What WELCOME says of the router in this realm. */
  readonly announced: Pick<WelcomeDetails, "roles" | "x_history">;
  readonly broker: Broker;
  readonly dealer: Dealer;
  readonly sessions = new Map<SessionId, Session>();
  readonly #roles = new Map<string, Role>();
  readonly #closers = new Map<Session, SessionCloser>();
  readonly #sessionMeta: SessionMeta;
  readonly #testaments: Testaments;
  readonly #reflection: Reflection;

  constructor(config: RealmConfig, environment: RouterEnvironment) {
    this.name = config.name;
    this.uriRule = config.uriRule ?? "loose";
    this.requestIds = config.requestIds ?? "lenient";
    this.authenticate = config.authenticate;
    this.authorizer = config.authorize;
    this.loggedOut = config.loggedOut;
    this.limits = environment.limits;
    this.log = environment.log;
    const { ids, routerIds, random, limits, clock, deadlines } = environment;
    const subscriptions = new PatternMeta(subscriptionKind(this), this);
    const registrations = new PatternMeta(registrationKind(this), this);
    this.broker = new Broker(ids, routerIds, this.counters, clock, subscriptions, config.events);
    const calls = { ...DEFAULT_CALL_CONFIG, ...config.calls };
    this.dealer = new Dealer(routerIds, random, limits, this.counters, clock, deadlines, registrations, calls);
    this.#sessionMeta = new SessionMeta(this);
    this.#testaments = new Testaments(this);
    this.#reflection = new Reflection(this);
    for (const meta of [this.#sessionMeta, registrations, subscriptions, this.#testaments, this.#reflection]) meta.provide();
    if (this.broker.logs.length > 0) {
      const page = { events: limits.historyPage, bytes: limits.historyPageSize };
      this.dealer.provide(GET_EVENTS, (call) => getEvents(call, this.broker, page, clock.date())); // [PS-HIST-01]
    }
    const roles = announcedRoles(config);
    this.announced = this.broker.logs.length === 0 ? { roles } : { roles, x_history: config.events?.store?.kind ?? "memory" };
    for (const role of config.roles) this.#roles.set(role.name, new Role(role));
  }

  role(name: string): Role | undefined {
    return this.#roles.get(name);
  }

  join(session: Session, closer: SessionCloser): void {
    this.sessions.set(session.id, session);
    const role = this.#roles.get(session.authrole);
    if (role !== undefined) role.sessions++;
    this.#closers.set(session, closer);
    this.counters.sessionsOpened++;
    const { id, authid, authrole, authmethod, agent, origin } = session;
    this.log({
      event: "session.open",
      realm: this.name,
      session: id,
      authid,
      authrole,
      authmethod,
      agent,
      transport: origin.transport,
      serializer: origin.serializer,
      address: origin.address,
    });
    this.#sessionMeta.joined(session); // [AMB-90] WELCOME has left
  }

  /** @param reason stable name, see `RouterEvent` */
  leave(session: Session, reason: string, now: number): void {
    if (!this.sessions.delete(session.id)) return;
    this.#closers.delete(session);
    const role = this.#roles.get(session.authrole);
    if (role !== undefined) role.sessions--;
    session.leave();
    this.#reflection.left(session);
    this.#testaments.execute(session, () => this.#sessionMeta.left(session)); // [AMB-90]
    this.counters.sessionsClosed++;
    this.log({
      event: "session.close",
      realm: this.name,
      session: session.id,
      reason,
      durationMs: Math.round(now - session.openedAt),
      received: session.received,
    });
  }

  /** Asks an authorizer. One that throws or rejects has failed, and that denies (AUTHZ-04, G14). */
  authorize(
    authorizer: Authorizer,
    request: { session: SessionId; authid: string; authrole: string; action: Action; uri: string; match: MatchPolicy },
    answer: (decision: Decision) => void,
  ): void {
    asked(
      () => authorizer({ realm: this.name, ...request }, answer),
      (error) => {
        this.log({ event: "authorizer.error", realm: this.name, message: String(error) });
        answer(AUTHORIZER_FAILED);
      },
    );
  }

  /** A message that had waited for the authorizer turned out to break the protocol. */
  violated(session: Session, error: ProtocolError): void {
    this.#closers.get(session)?.violated(error);
  }

  /** Ends a session with GOODBYE. It counts as gone at once (AMB-92). */
  kill(session: Session, reason: string, message?: string): void {
    this.#closers.get(session)?.goodbye(reason, message);
  }

  /** Ends all sessions with GOODBYE. */
  close(reason: string, message?: string): void {
    for (const closer of [...this.#closers.values()]) closer.goodbye(reason, message);
  }
}

/** What ends a session from the router's side. */
export interface SessionCloser {
  violated(error: ProtocolError): void;
  goodbye(reason: string, message?: string): void;
}
