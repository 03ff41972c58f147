/**
 * The router's meta API, typed: who is in the realm, what is registered and subscribed, ending other sessions,
 * testaments, and reflection. A door of its own, `@junctor/client/meta`, so that a page that does not ask pays nothing.
 *
 * What a role may not see does not exist for it; what it may not do is refused with `wamp.error.not_authorized`.
 *
 * Spec: requirements 6, 5.10; reflection is Junctor's own, docs/guide/meta.md; AMB-91, AMB-94, AMB-95.
 */
import { isId, type MatchPolicy, type RegistrationId, type SessionId, type SubscriptionId } from "@junctor/protocol";
import { type PublishOptions, publishWire, type WaitOptions } from "./options.ts";
import type { Session } from "./session.ts";
import type { Subscription } from "./subscription.ts";

export interface SessionDetails {
  readonly session: SessionId;
  readonly authid: string;
  readonly authrole: string;
  readonly authmethod: string;
  readonly authprovider: string;
  /** What the router tells of the connection, if anything; routers differ. */
  readonly transport?: Readonly<Record<string, unknown>>;
}

export interface SessionLeft {
  readonly session: SessionId;
  /** Some routers tell the session only. */
  readonly authid: string | undefined;
  readonly authrole: string | undefined;
}

/** What is told of a registration or a subscription. */
export interface ObjectDetails {
  readonly id: number;
  /** When it was created, in ISO 8601. */
  readonly created: string;
  readonly uri: string;
  readonly match: MatchPolicy;
}

export interface RegistrationDetails extends ObjectDetails {
  /** `single`, `roundrobin`, … */
  readonly invoke: string;
}

/** Ids by match policy. */
export type IdsByPolicy = Readonly<Record<MatchPolicy, readonly number[]>>;

/** How a session is sent away. */
export interface Farewell {
  /** A URI. Default `wamp.close.killed`. */
  readonly reason?: string;
  /** For people. */
  readonly message?: string;
}

export interface TestamentOptions extends PublishOptions {
  /** Default `destroyed`. A router without session resume publishes both lists when the session is gone, `detached` first. */
  readonly scope?: TestamentScope;
}

export type TestamentScope = "detached" | "destroyed";

/** The meta API as a session sees it. */
export class MetaApi {
  readonly sessions: SessionMeta;
  readonly registrations: ObjectMeta<RegistrationId, RegistrationDetails>;
  readonly subscriptions: ObjectMeta<SubscriptionId, ObjectDetails>;
  readonly reflection: Reflection;
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
    this.sessions = new SessionMeta(session);
    this.registrations = new ObjectMeta(session, REGISTRATION);
    this.subscriptions = new ObjectMeta(session, SUBSCRIPTION);
    this.reflection = new Reflection(session);
  }

  /** Leaves an event with the router, to be published when this session is gone, however it goes. */
  async addTestament(
    topic: string,
    args: readonly unknown[] = [],
    kwargs: Readonly<Record<string, unknown>> = {},
    options: TestamentOptions = {},
  ): Promise<void> {
    const { scope = "destroyed" } = options;
    await this.#session.call(
      "wamp.session.add_testament",
      [topic, args, kwargs],
      { publish_options: publishWire(options), scope },
      options,
    );
  }

  /** Takes back what `addTestament` left in one of the two lists. */
  async flushTestaments(scope: TestamentScope = "destroyed", options?: WaitOptions): Promise<void> {
    await this.#session.call("wamp.session.flush_testaments", [], { scope }, options);
  }
}

/** `wamp.session.*` */
export class SessionMeta {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** How many sessions the realm has, of all roles or of some. */
  async count(authroles?: readonly string[], options?: WaitOptions): Promise<number> {
    return count(await this.#call("count", authroles === undefined ? [] : [authroles], {}, options));
  }

  async list(authroles?: readonly string[], options?: WaitOptions): Promise<readonly SessionId[]> {
    return ids(await this.#call("list", authroles === undefined ? [] : [authroles], {}, options));
  }

  /** @throws {ApplicationError} `wamp.error.no_such_session` */
  async get(session: SessionId, options?: WaitOptions): Promise<SessionDetails> {
    return record<SessionDetails>(await this.#call("get", [session], {}, options));
  }

  /** Ends another session. @throws {ApplicationError} `wamp.error.no_such_session`, also for one's own */
  async kill(session: SessionId, farewell: Farewell = {}, options?: WaitOptions): Promise<void> {
    await this.#call("kill", [session], { ...farewell }, options);
  }

  /** @returns which sessions were ended; never one's own */
  async killByAuthid(authid: string, farewell: Farewell = {}, options?: WaitOptions): Promise<readonly SessionId[]> {
    return ids(await this.#call("kill_by_authid", [authid], { ...farewell }, options));
  }

  /** @returns how many sessions were ended; never one's own */
  async killByAuthrole(authrole: string, farewell: Farewell = {}, options?: WaitOptions): Promise<number> {
    return count(await this.#call("kill_by_authrole", [authrole], { ...farewell }, options));
  }

  /** Ends all other sessions; no meta event and no testament tells of it. @returns how many */
  async killAll(farewell: Farewell = {}, options?: WaitOptions): Promise<number> {
    return count(await this.#call("kill_all", [], { ...farewell }, options));
  }

  onJoin(handler: (details: SessionDetails) => unknown): Promise<Subscription> {
    return this.#session.subscribe("wamp.session.on_join", ({ args: [details] }) => handler(record(details)));
  }

  onLeave(handler: (left: SessionLeft) => unknown): Promise<Subscription> {
    return this.#session.subscribe("wamp.session.on_leave", ({ args: [session, authid, authrole] }) =>
      handler({ session: count(session), authid: text(authid), authrole: text(authrole) }),
    );
  }

  async #call(verb: string, args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>, options?: WaitOptions): Promise<unknown> {
    return (await this.#session.call(`wamp.session.${verb}`, args, kwargs, options)).value;
  }
}

interface Nouns {
  readonly name: string;
  readonly joined: string;
  readonly left: string;
  readonly member: string;
}
const REGISTRATION: Nouns = { name: "registration", joined: "on_register", left: "on_unregister", member: "callee" };
const SUBSCRIPTION: Nouns = { name: "subscription", joined: "on_subscribe", left: "on_unsubscribe", member: "subscriber" };

/** `wamp.registration.*` and `wamp.subscription.*`: the members of the one are its callees, those of the other its subscribers. */
export class ObjectMeta<Id extends number, Details extends ObjectDetails> {
  readonly #session: Session;
  readonly #nouns: Nouns;

  constructor(session: Session, nouns: Nouns) {
    this.#session = session;
    this.#nouns = nouns;
  }

  async list(options?: WaitOptions): Promise<IdsByPolicy> {
    return record<IdsByPolicy>(await this.#call("list", [], options));
  }

  /** The one with exactly this URI and match policy. */
  async lookup(uri: string, match: MatchPolicy = "exact", options?: WaitOptions): Promise<Id | undefined> {
    const id = await this.#call("lookup", [uri, { match }], options);
    return isId(id) ? (id as Id) : undefined;
  }

  /** Those that a call of this procedure, or an event on this topic, would reach: of registrations, one at most. */
  async match(uri: string, options?: WaitOptions): Promise<readonly Id[]> {
    const found = await this.#call("match", [uri], options); // [AMB-95] null and an empty list are the same
    return ids(isId(found) ? [found] : (found ?? [])) as readonly Id[];
  }

  /** @throws {ApplicationError} `wamp.error.no_such_registration`, `wamp.error.no_such_subscription` */
  async get(id: Id, options?: WaitOptions): Promise<Details> {
    return record<Details>(await this.#call("get", [id], options));
  }

  /** Who takes part in it. */
  async members(id: Id, options?: WaitOptions): Promise<readonly SessionId[]> {
    return ids(await this.#call(`list_${this.#nouns.member}s`, [id], options));
  }

  async countMembers(id: Id, options?: WaitOptions): Promise<number> {
    return count(await this.#call(`count_${this.#nouns.member}s`, [id], options));
  }

  /** Takes one session's part away. @param reason a URI, for that session */
  async remove(id: Id, member: SessionId, reason?: string, options?: WaitOptions): Promise<void> {
    await this.#call(`remove_${this.#nouns.member}`, reason === undefined ? [id, member] : [id, member, reason], options);
  }

  onCreate(handler: (session: SessionId, details: Details) => unknown): Promise<Subscription> {
    return this.#on("on_create", (session, details) => handler(session, record(details)));
  }

  onJoin(handler: (session: SessionId, id: Id) => unknown): Promise<Subscription> {
    return this.#on(this.#nouns.joined, (session, id) => handler(session, count(id) as Id));
  }

  onLeave(handler: (session: SessionId, id: Id) => unknown): Promise<Subscription> {
    return this.#on(this.#nouns.left, (session, id) => handler(session, count(id) as Id));
  }

  /** @param handler is told of the session that was the last */
  onDelete(handler: (session: SessionId, id: Id) => unknown): Promise<Subscription> {
    return this.#on("on_delete", (session, id) => handler(session, count(id) as Id));
  }

  #on(verb: string, handler: (session: SessionId, what: unknown) => unknown): Promise<Subscription> {
    return this.#session.subscribe(`wamp.${this.#nouns.name}.${verb}`, ({ args: [session, what] }) => handler(count(session), what));
  }

  async #call(verb: string, args: readonly unknown[], options?: WaitOptions): Promise<unknown> {
    return (await this.#session.call(`wamp.${this.#nouns.name}.${verb}`, args, {}, options)).value;
  }
}

/** What can be described. */
export type Described = "procedure" | "topic" | "error";

/** `wamp.reflect.*` and `wamp.reflection.*`: what sessions say of their procedures, topics and errors. */
export class Reflection {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Describes a URI for as long as this session lasts. What is in the description is for those who read it to agree on. */
  async define(kind: Described, uri: string, description: Readonly<Record<string, unknown>>, options?: WaitOptions): Promise<void> {
    await this.#session.call("wamp.reflect.define", [kind, uri, description], {}, options);
  }

  /** Takes back what this session said of it. */
  async undefine(kind: Described, uri: string, options?: WaitOptions): Promise<void> {
    await this.#session.call("wamp.reflect.define", [kind, uri, null], {}, options);
  }

  /** The URIs that are described. */
  async list(kind: Described, options?: WaitOptions): Promise<readonly string[]> {
    const uris = (await this.#session.call(`wamp.reflection.${kind}.list`, [], {}, options)).value;
    if (Array.isArray(uris) && uris.every((uri) => typeof uri === "string")) return uris;
    throw new TypeError(`the router answered ${describe(uris)} in place of a list of URIs`);
  }

  /** @returns nothing where nobody has described it */
  async describe(kind: Described, uri: string, options?: WaitOptions): Promise<Readonly<Record<string, unknown>> | undefined> {
    const description = (await this.#session.call(`wamp.reflection.${kind}.describe`, [uri], {}, options)).value;
    return description === null ? undefined : record(description);
  }

  /** @param handler is told who described what */
  onDefine(handler: (session: SessionId, kind: string, uri: string) => unknown): Promise<Subscription> {
    return this.#on("on_define", handler);
  }

  onUndefine(handler: (session: SessionId, kind: string, uri: string) => unknown): Promise<Subscription> {
    return this.#on("on_undefine", handler);
  }

  #on(verb: string, handler: (session: SessionId, kind: string, uri: string) => unknown): Promise<Subscription> {
    return this.#session.subscribe(`wamp.reflect.${verb}`, ({ args: [session, kind, uri] }) =>
      handler(count(session), String(kind), String(uri)),
    );
  }
}

// --- What a router answers, checked as far as a mistake would go unseen -----------------------------------------------------

function count(value: unknown): number {
  if (typeof value === "number") return value;
  throw new TypeError(`the router answered ${describe(value)} in place of a number`);
}

function ids(value: unknown): readonly number[] {
  if (Array.isArray(value) && value.every(isId)) return value;
  throw new TypeError(`the router answered ${describe(value)} in place of a list of ids`);
}

function record<T extends object>(value: unknown): T {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as T;
  throw new TypeError(`the router answered ${describe(value)} in place of a dict`);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function describe(value: unknown): string {
  return Array.isArray(value) ? "a list" : value === null ? "null" : typeof value;
}
