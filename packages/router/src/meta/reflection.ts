/**
 * Reflection: what callees and publishers say of their procedures, topics and errors. The router keeps it while they are
 * there, shows it to those who may use the URI, and does not read it.
 *
 * The specification has names for this and no signatures (requirements 6.4, REFL-01). These are Junctor's own and stand in
 * docs/guide/meta.md.
 */
import { isDict, Payload, Uri } from "@junctor/protocol";
import type { Action } from "../access/role.ts";
import type { LocalCall } from "../dealer/local-call.ts";
import { type Refusal, refusal } from "../error.ts";
import type { Realm } from "../realm.ts";
import type { Session } from "../session.ts";
import { invalidArgument, type MetaProcedure, provide } from "./meta-procedure.ts";

/** What has to be allowed of a URI to describe it, and what of it, any of these, to see how it is described. */
const RIGHTS = {
  procedure: { describe: "register", see: ["call", "register"] },
  topic: { describe: "publish", see: ["subscribe", "publish"] },
  error: { describe: "register", see: ["call", "register"] }, // callees raise them
} as const satisfies Record<string, { describe: Action; see: readonly Action[] }>;

type Kind = keyof typeof RIGHTS;
type Description = Readonly<Record<string, unknown>>;

const KINDS = Object.keys(RIGHTS) as readonly Kind[];

export class Reflection {
  readonly #realm: Realm;
  /** By URI, then by who says so: in the order in which they said it first. The first one counts. */
  readonly #descriptions: Readonly<Record<Kind, Map<string, Map<Session, Description>>>> = {
    procedure: new Map(),
    topic: new Map(),
    error: new Map(),
  };
  /** What each session has described. */
  readonly #described = new Map<Session, Readonly<Record<Kind, Set<string>>>>();

  constructor(realm: Realm) {
    this.#realm = realm;
  }

  provide(): void {
    const { dealer } = this.#realm;
    const procedures: Record<string, MetaProcedure> = {
      "wamp.reflect.describe": (caller, [kind, uri]) => (isKind(kind) ? this.#describe(caller, kind, uri) : invalidArgument(KIND)),
    };
    for (const kind of KINDS) {
      procedures[`wamp.reflection.${kind}.list`] = (caller) => [this.#list(caller, kind)];
      procedures[`wamp.reflection.${kind}.describe`] = (caller, [uri]) => this.#describe(caller, kind, uri);
    }
    provide(dealer, procedures);
    dealer.provide("wamp.reflect.define", (call) => this.#define(call));
  }

  /** All that the session described is gone. */
  left(session: Session): void {
    const described = this.#described.get(session);
    if (described === undefined) return;
    for (const kind of KINDS) for (const uri of described[kind]) this.#withdraw(session, kind, uri);
    this.#described.delete(session);
  }

  #define(call: LocalCall): void {
    const { caller, payload } = call;
    const [kind, uri, description] = payload.args ?? [];
    if (!isKind(kind)) return call.fail(invalidArgument(KIND));
    if (typeof uri !== "string") return call.fail(invalidArgument("a URI after the kind"));
    if (description === null) {
      this.#withdraw(caller, kind, uri);
      return call.result();
    }
    if (!isDict(description)) return call.fail(invalidArgument("a dict that describes it, or null to take it back"));
    const refused = caller.problemOf(uri, "exact", RIGHTS[kind].describe) ?? this.#exceeded(caller, kind, uri, payload.end - payload.start);
    if (refused !== undefined) return call.fail(refused);
    caller.authorize(RIGHTS[kind].describe, uri, "exact", ({ allow }) => {
      if (call.isEnded) return;
      if (!allow) return call.fail(refusal(Uri.notAuthorized, `the role ${caller.authrole} may not ${RIGHTS[kind].describe} ${uri}`));
      this.#put(caller, kind, uri, description);
      call.result();
      this.#announce(ON_DEFINE, caller, kind, uri);
    });
  }

  #exceeded(session: Session, kind: Kind, uri: string, size: number): Refusal | undefined {
    const { limits } = session;
    if (size > limits.descriptionSize) return session.overLimit("descriptionSize");
    const described = this.#described.get(session);
    if (described === undefined || described[kind].has(uri)) return undefined;
    const count = KINDS.reduce((sum, each) => sum + described[each].size, 0);
    return count >= limits.descriptions ? session.overLimit("descriptions") : undefined;
  }

  #put(session: Session, kind: Kind, uri: string, description: Description): void {
    let described = this.#described.get(session);
    if (described === undefined) {
      described = { procedure: new Set(), topic: new Set(), error: new Set() };
      this.#described.set(session, described);
    }
    described[kind].add(uri);
    const all = this.#descriptions[kind];
    const ofUri = all.get(uri);
    if (ofUri === undefined) all.set(uri, new Map([[session, description]]));
    else ofUri.set(session, description);
  }

  #withdraw(session: Session, kind: Kind, uri: string): void {
    const ofUri = this.#descriptions[kind].get(uri);
    if (ofUri?.delete(session) !== true) return;
    if (ofUri.size === 0) this.#descriptions[kind].delete(uri);
    this.#described.get(session)?.[kind].delete(uri);
    this.#announce(ON_UNDEFINE, session, kind, uri);
  }

  #list(caller: Session, kind: Kind): readonly string[] {
    return [...this.#descriptions[kind].keys()].filter((uri) => this.#maySee(caller, kind, uri));
  }

  /** `null` where nobody has described it, or nobody whom the caller may know of. */
  #describe(caller: Session, kind: Kind, uri: unknown): readonly unknown[] | Refusal {
    if (typeof uri !== "string") return invalidArgument("a URI");
    const [description = null] = this.#descriptions[kind].get(uri)?.values() ?? [];
    return [this.#maySee(caller, kind, uri) ? description : null];
  }

  #announce(topic: string, session: Session, kind: Kind, uri: string): void {
    const { broker } = this.#realm;
    if (!broker.isHeard(topic) || session.leavesSilently) return; // [META-S-07]
    broker.announce(topic, Payload.of([session.id, kind, uri]), (receiver) => this.#maySee(receiver, kind, uri));
  }

  #maySee(session: Session, kind: Kind, uri: string): boolean {
    return (
      this.#described.get(session)?.[kind].has(uri) === true || RIGHTS[kind].see.some((action) => session.isGranted(action, uri, "exact"))
    );
  }
}

function isKind(value: unknown): value is Kind {
  return KINDS.some((kind) => kind === value);
}

const KIND = `one of ${KINDS.join(", ")}`;
const ON_DEFINE = "wamp.reflect.on_define";
const ON_UNDEFINE = "wamp.reflect.on_undefine";
