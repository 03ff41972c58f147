/** A realm: a routing name space of its own, with its sessions, roles, broker and dealer. Realms share nothing (SES-01). */
import { type Dict, type MatchPolicy, type ProtocolError, type SessionId, Uri, type UriRule, type WelcomeDetails } from "@junctor/protocol";
import type { Authenticator } from "./access/authenticator.ts";
import type { Authorizer } from "./access/authorizer.ts";
import { type Action, AUTHORIZER_FAILED, type Decision, Role, type RoleConfig } from "./access/role.ts";
import { Broker } from "./broker/broker.ts";
import { GET_EVENTS, getEvents } from "./broker/event-history.ts";
import type { EventsConfig } from "./broker/events-config.ts";
import type { Clock } from "./deadline.ts";
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
  uriRule: UriRule;
  requestIds: RequestIdRule;
  authenticate: Authenticator;
  authorizer: Authorizer | undefined;
  loggedOut: ((session: Session) => void) | undefined;
  /** Nobody joins any more. */
  isClosed = false;
  /** Nobody joins now, and what is said to those who would: for a while, or before the end. */
  refusal: JoinRefusal | undefined = undefined;
  readonly limits: RouterLimits;
  readonly log: (event: RouterEvent) => void;
  readonly #left: (session: Session, reason: string) => void;
  readonly counters: Counters = createCounters();
  /** What WELCOME says of the router in this realm. */
  announced: Pick<WelcomeDetails, "roles" | "x_history">;
  readonly broker: Broker;
  readonly dealer: Dealer;
  readonly sessions = new Map<SessionId, Session>();
  #roles: ReadonlyMap<string, Role>;
  readonly #clock: Clock;
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
    this.#left = environment.left;
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
      this.dealer.provide(GET_EVENTS, (call) => {
        const page = { events: limits.historyPage, bytes: limits.historyPageSize };
        getEvents(call, this.broker, page, clock.date()); // [PS-HIST-01]
      });
    }
    this.#clock = clock;
    this.announced = this.#announcement(config);
    this.#roles = new Map(config.roles.map((role) => [role.name, new Role(role)]));
  }

  #announcement(config: RealmConfig): Realm["announced"] {
    const roles = announcedRoles(config);
    return this.broker.logs.length === 0 ? { roles } : { roles, x_history: config.events?.store?.kind ?? "memory" };
  }

  /**
   * Makes ready for another configuration of the same realm, and changes nothing yet. Which history is kept, and where, stays as it
   * is. A role whose `RoleConfig` is the same object is the same role: its sessions are not looked at.
   *
   * @returns puts it into force: sessions stay, but for those whose role is gone
   */
  prepare(config: RealmConfig): () => RealmChange {
    const before = this.#roles;
    const roles = new Map<string, Role>();
    for (const role of config.roles) {
      const same = before.get(role.name);
      roles.set(role.name, same?.config === role ? same : new Role(role));
    }
    const broker = this.broker.prepare(config.events);
    const dealer = this.dealer.prepare({ ...DEFAULT_CALL_CONFIG, ...config.calls });
    const announced = this.#announcement(config);
    return () => {
      const hasOtherAuthorizer = this.authorizer !== config.authorize;
      this.uriRule = config.uriRule ?? "loose";
      this.requestIds = config.requestIds ?? "lenient";
      this.authenticate = config.authenticate;
      this.authorizer = config.authorize;
      this.loggedOut = config.loggedOut;
      this.announced = announced;
      this.#roles = roles;
      broker();
      dealer();
      return this.#govern(before, hasOtherAuthorizer);
    };
  }

  /** Gives all sessions the roles that there are now. */
  #govern(before: ReadonlyMap<string, Role>, hasOtherAuthorizer: boolean): RealmChange {
    const change = { ended: 0, subscriptions: 0, registrations: 0 };
    const now = this.#clock.now();
    const governed: Session[] = [];
    for (const session of [...this.sessions.values()]) {
      if (session.isTrusted) continue;
      const role = this.#roles.get(session.authrole);
      if (role === undefined) {
        change.ended++;
        this.kill(session, Uri.noSuchRole, `the realm ${this.name} has no role ${session.authrole} any more`);
        continue;
      }
      if (role === before.get(role.name) && !hasOtherAuthorizer) continue;
      const { id, authid, authrole } = session;
      if (role !== before.get(role.name)) role.sessions++;
      session.regovern(role.for({ authid, authrole, session: id }), now);
      governed.push(session);
    }
    // Once all are what they are now: what is told of one is told to those who may know.
    for (const session of governed)
      session.recheck((what) => {
        if (what === "subscription") change.subscriptions++;
        else change.registrations++;
      });
    return change;
  }

  /** The router's limits are others. */
  limitsChanged(): void {
    for (const role of this.#roles.values()) role.limitsChanged();
    for (const session of this.sessions.values()) session.limitsChanged();
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
    const { browser } = origin.cookie ?? {};
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
      ...(browser !== undefined && { browser }),
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
    this.#left(session, reason);
  }

  /** Asks an authorizer. One that throws or rejects has failed, and that denies (AUTHZ-04, G14). */
  authorize(
    authorizer: Authorizer,
    request: { session: SessionId; authid: string; authrole: string; action: Action; uri: string; match: MatchPolicy },
    answer: (decision: Decision) => void,
  ): void {
    this.ask(
      "authorizer",
      (act) => authorizer({ realm: this.name, ...request }, (decision) => act(() => answer(decision))),
      () => answer(AUTHORIZER_FAILED),
    );
  }

  /**
   * Asks a function of the embedder's, which may fail by throwing or, being asynchronous, by rejecting. While it runs nobody is
   * served: one that takes long is named (T44).
   *
   * @param question hands what its answer leads to to `act`: errors of that are not the function's
   */
  ask(what: "authenticator" | "authorizer", question: (act: (go: () => void) => void) => void | Promise<void>, failed: () => void): void {
    const began = this.#clock.now();
    let ended: number | undefined;
    let thrown: unknown;
    const act = (go: () => void) => {
      ended ??= this.#clock.now();
      try {
        go();
      } catch (error) {
        thrown = error;
        throw error;
      }
    };
    const fail = (error: unknown) => {
      if (error === thrown) throw error;
      this.log({ event: "authorizer.error", realm: this.name, message: String(error) });
      failed();
    };
    try {
      question(act)?.then(undefined, fail);
    } catch (error) {
      fail(error);
    }
    const blockedMs = Math.round((ended ?? this.#clock.now()) - began);
    if (blockedMs >= LONGEST_MS) this.log({ event: "authorizer.slow", realm: this.name, what, blockedMs });
  }

  /** A message that had waited for the authorizer turned out to break the protocol. */
  violated(session: Session, error: ProtocolError): void {
    this.#closers.get(session)?.violated(error);
  }

  /** Ends a session with GOODBYE. It counts as gone at once (AMB-92). */
  kill(session: Session, reason: string, message?: string, details?: Dict): void {
    this.#closers.get(session)?.goodbye(reason, message, details);
  }

  /** Ends all sessions with GOODBYE. */
  close(reason: string, message?: string): void {
    this.isClosed = true;
    for (const closer of [...this.#closers.values()]) closer.goodbye(reason, message);
  }
}

/** What a function that decides may take before it is named. */
const LONGEST_MS = 50;

/** What became of sessions by another configuration, as far as no authorizer has to be asked. */
export interface RealmChange {
  /** Sessions whose role is gone. */
  readonly ended: number;
  /** Ended, because the role's rights do not cover them any more. */
  readonly subscriptions: number;
  readonly registrations: number;
}

/** Why a session is not let in, for ABORT. */
export interface JoinRefusal {
  readonly reason: string;
  readonly message: string;
  readonly details: Dict;
}

/** What ends a session from the router's side. */
export interface SessionCloser {
  violated(error: ProtocolError): void;
  goodbye(reason: string, message?: string, details?: Dict): void;
}
