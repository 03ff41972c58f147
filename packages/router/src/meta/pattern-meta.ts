/**
 * Registrations and subscriptions are told about alike: each has an id, a URI pattern, and sessions that take part in it.
 * This is the part of the meta API that is the same for both; what differs is in `PatternKind`.
 *
 * Nobody learns of an object that has nothing to do with what its role may do: for others it does not exist.
 *
 * Spec: requirements 6.2, 6.3, 6.5; AMB-89, AMB-90, AMB-93, AMB-95 to AMB-99.
 */
import { isDict, isId, isReserved, isUri, type MatchPolicy, Payload, type SessionId, Uri } from "@junctor/protocol";
import type { Action } from "../access/role.ts";
import { type Refusal, refusal } from "../error.ts";
import type { Realm } from "../realm.ts";
import type { Session } from "../session.ts";
import { invalidArgument, isAbsent, type MetaProcedure, provide } from "./meta-procedure.ts";

/** What is told of one registration or subscription. */
export interface PatternObject {
  readonly id: number;
  readonly match: MatchPolicy;
  /** Milliseconds since 1970. */
  readonly created: number;
}

export interface PatternKind<T extends PatternObject> {
  readonly name: "registration" | "subscription";
  readonly joined: "on_register" | "on_subscribe";
  readonly left: "on_unregister" | "on_unsubscribe";
  readonly members: "callees" | "subscribers";
  readonly remove: "remove_callee" | "remove_subscriber";
  readonly noSuch: string;
  /** Who may do one of these with the object's URI may know of it. */
  readonly actions: readonly Action[];
  uri(object: T): string;
  details(object: T): Readonly<Record<string, unknown>>;
  memberIds(object: T): readonly SessionId[];
  isMember(session: Session, object: T): boolean;
  all(match: MatchPolicy): Iterable<T>;
  byId(id: number): T | undefined;
  find(uri: string, match: MatchPolicy): T | undefined;
  /** What `match` answers for a URI that somebody may use. */
  matching(uri: string): number | readonly number[] | null;
  /** @returns whether the session had part in it */
  revoke(object: T, session: Session, reason?: string): boolean;
}

/** Whom broker and dealer tell of what became of an object, after their replies have left (AMB-90). */
export interface PatternObserver<T> {
  joined(session: Session, object: T, isCreated: boolean): void;
  left(session: Session, object: T, isDeleted: boolean): void;
}

export class PatternMeta<T extends PatternObject> implements PatternObserver<T> {
  readonly #kind: PatternKind<T>;
  readonly #realm: Realm;
  readonly #topics: { readonly created: string; readonly joined: string; readonly left: string; readonly deleted: string };

  constructor(kind: PatternKind<T>, realm: Realm) {
    this.#kind = kind;
    this.#realm = realm;
    const { name, joined, left } = kind;
    this.#topics = {
      created: `wamp.${name}.on_create`,
      joined: `wamp.${name}.${joined}`,
      left: `wamp.${name}.${left}`,
      deleted: `wamp.${name}.on_delete`,
    };
  }

  /** [META-R-01, META-P-01] */
  joined(session: Session, object: T, isCreated: boolean): void {
    if (isCreated) this.#announce(this.#topics.created, session, object);
    this.#announce(this.#topics.joined, session, object);
  }

  left(session: Session, object: T, isDeleted: boolean): void {
    this.#announce(this.#topics.left, session, object);
    if (isDeleted) this.#announce(this.#topics.deleted, session, object);
  }

  #announce(topic: string, session: Session, object: T): void {
    const { broker } = this.#realm;
    if (!broker.isHeard(topic)) return; // nothing is built for nobody
    if (isReserved(this.#kind.uri(object)) || session.leavesSilently) return; // [AMB-89, AMB-93]
    const what = topic === this.#topics.created ? this.#kind.details(object) : object.id;
    broker.announce(topic, Payload.of([session.id, what]), (receiver) => this.#maySee(receiver, object));
  }

  provide(): void {
    const { name, members, remove } = this.#kind;
    const procedures: Record<string, MetaProcedure> = {
      list: (caller) => [Object.fromEntries(POLICIES.map((match) => [match, this.#list(caller, match)]))],
      lookup: (caller, [uri, options]) => this.#lookup(caller, uri, options),
      match: (caller, [uri]) => this.#match(caller, uri),
      get: (caller, [id]) => this.#about(caller, id, (object) => [this.#kind.details(object)]),
      [`list_${members}`]: (caller, [id]) => this.#about(caller, id, (object) => [this.#kind.memberIds(object)]),
      [`count_${members}`]: (caller, [id]) => this.#about(caller, id, (object) => [this.#kind.memberIds(object).length]),
      [remove]: (caller, [id, member, reason]) => this.#about(caller, id, (object) => this.#revoke(object, member, reason)),
    };
    provide(
      this.#realm.dealer,
      Object.fromEntries(Object.entries(procedures).map(([verb, procedure]) => [`wamp.${name}.${verb}`, procedure])),
    );
  }

  #list(caller: Session, match: MatchPolicy): number[] {
    const ids: number[] = [];
    for (const object of this.#kind.all(match)) if (this.#maySee(caller, object)) ids.push(object.id);
    return ids;
  }

  #lookup(caller: Session, uri: unknown, options: unknown): readonly unknown[] | Refusal {
    if (typeof uri !== "string") return invalidArgument("a URI");
    const match = isAbsent(options) ? "exact" : matchOption(options);
    if (match === undefined) return invalidArgument(`options with a match of ${POLICIES.join(", ")}`);
    const object = this.#kind.find(uri, match);
    return [object !== undefined && this.#maySee(caller, object) ? object.id : null]; // [AMB-95]
  }

  /** Asks what would happen, so the right to make it happen is what counts, not the pattern that would match. */
  #match(caller: Session, uri: unknown): readonly unknown[] | Refusal {
    if (typeof uri !== "string") return invalidArgument("a URI");
    return [this.#isGranted(caller, uri, "exact") ? this.#kind.matching(uri) : null];
  }

  #about(caller: Session, id: unknown, tell: (object: T) => readonly unknown[] | Refusal): readonly unknown[] | Refusal {
    const { name, noSuch } = this.#kind;
    if (!isId(id)) return invalidArgument(`the id of a ${name}`);
    const object = this.#kind.byId(id);
    if (object === undefined || !this.#maySee(caller, object)) return refusal(noSuch, `there is no ${name} ${id}`); // [META-P-03, AMB-98]
    return tell(object);
  }

  /** One session loses its part, as if it had given it up (RPC-REVOKE-01, PS-REVOKE-01). */
  #revoke(object: T, member: unknown, reason: unknown): readonly unknown[] | Refusal {
    const { name, remove } = this.#kind;
    if (!isId(member)) return invalidArgument("the id of a session");
    if (!isAbsent(reason) && (typeof reason !== "string" || !isUri(reason))) return refusal(Uri.invalidUri, "the reason must be a URI");
    const session = this.#realm.sessions.get(member);
    const isRevoked = session !== undefined && this.#kind.revoke(object, session, reason ?? undefined);
    return isRevoked
      ? []
      : refusal(Uri.noSuchSession, `the session ${member} is no ${remove.slice("remove_".length)} of the ${name} ${object.id}`);
  }

  #maySee(session: Session, object: T): boolean {
    return this.#kind.isMember(session, object) || this.#isGranted(session, this.#kind.uri(object), object.match);
  }

  #isGranted(session: Session, uri: string, match: MatchPolicy): boolean {
    return this.#kind.actions.some((action) => session.isGranted(action, uri, match));
  }
}

const POLICIES: readonly MatchPolicy[] = ["exact", "prefix", "wildcard"];

function matchOption(options: unknown): MatchPolicy | undefined {
  if (!isDict(options)) return undefined;
  const { match } = options;
  return isAbsent(match) ? "exact" : POLICIES.find((policy) => policy === match);
}
