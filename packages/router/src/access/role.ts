/**
 * What the sessions of a role may do. A role is a list of permissions, URI pattern × action, closed by default; the best
 * pattern decides, as for calls (AUTHZ-06). Compiled to one index per action.
 *
 * Spec: requirements 8, AMB-66.
 */

import { isReserved, isUri, type MatchPolicy } from "@junctor/protocol";
import type { RouterLimits } from "../limits.ts";
import { compareSpecificity, covers, overlap } from "../pattern/covers.ts";
import { PatternIndex } from "../pattern/pattern-index.ts";
import type { Authorizer } from "./authorizer.ts";
import type { Rate, RoleLimits } from "./role-limits.ts";

export type Action = "call" | "register" | "publish" | "subscribe";

/** Whether a caller or publisher is named to the other side: on request, never (a request is refused), or always. */
export type Disclosure = "allow" | "deny" | "force";

export interface Permission {
  /** `{authid}`, `{authrole}` and `{session}` stand for the session's own: `com.app.user.{authid}.` */
  readonly uri: string;
  readonly match: MatchPolicy;
  readonly allow: Readonly<Partial<Record<Action, boolean>>>;
  readonly disclose?: { readonly caller?: Disclosure; readonly publisher?: Disclosure };
  /** How often each session may make use of it. */
  readonly rate?: Rate;
  /** Where it is written, for people. */
  readonly place?: string;
}

export interface RoleConfig {
  readonly name: string;
  readonly permissions: readonly Permission[];
  /** Decides in place of the permissions, when given. */
  readonly authorize?: Authorizer;
  readonly limits?: RoleLimits;
}

/** The answer to "may this session do this?". */
export interface Decision {
  readonly allow: boolean;
  /** Of the caller for `call`, of the publisher for `publish`; for `register`, whether `disclose_caller` may be asked for. */
  readonly disclose: Disclosure;
  /** How often: of all that this permission covers, for each session. */
  readonly rate?: Rate | undefined;
  /** Not denied: the authorizer could not decide. */
  readonly hasFailed?: boolean;
}

export const DENIED: Decision = { allow: false, disclose: "deny" };
/** The request is refused with `wamp.error.authorization_failed`. */
export const AUTHORIZER_FAILED: Decision = { allow: false, disclose: "deny", hasFailed: true };

interface Grant {
  readonly uri: string;
  readonly match: MatchPolicy;
  readonly decision: Decision;
  /** Withheld by this file, not denied by the configuration. */
  readonly isImplied: boolean;
  readonly place: string | undefined;
}

/** Whose role it is: what placeholders in patterns stand for. */
export interface Subject {
  readonly authid: string;
  readonly authrole: string;
  readonly session: number;
}

export class Role {
  /** What it was made of. */
  readonly config: RoleConfig;
  readonly name: string;
  /** May register and publish reserved URIs. */
  readonly isTrusted: boolean;
  readonly authorizer: Authorizer | undefined;
  readonly limits: RoleLimits | undefined;
  /** Sessions that have it now. */
  sessions = 0;
  #ownLimits: RouterLimits | undefined = undefined;
  readonly #grants: Readonly<Record<Action, PatternIndex<Grant>>> = {
    call: new PatternIndex(),
    register: new PatternIndex(),
    publish: new PatternIndex(),
    subscribe: new PatternIndex(),
  };

  /** Permissions that are different for each session. */
  readonly #personal: readonly Permission[];
  /** The part that all sessions of the role share, in a role made for one of them. */
  readonly #shared: Role | undefined;

  constructor(config: RoleConfig, isTrusted = false, shared?: Role) {
    this.config = config;
    this.name = config.name;
    this.isTrusted = isTrusted;
    this.authorizer = config.authorize;
    this.limits = config.limits;
    this.#shared = shared;
    this.#personal = config.permissions.filter(({ uri }) => shared === undefined && PLACEHOLDER.test(uri));
    for (const permission of config.permissions) if (!this.#personal.includes(permission)) this.#add(permission);
    if (!isTrusted) this.#withholdPower();
  }

  /** The role as it is for one session; the same one where no permission has a placeholder. */
  for(subject: Subject): Role {
    if (this.#personal.length === 0) return this;
    const values: Readonly<Record<string, string>> = {
      "{authid}": subject.authid,
      "{authrole}": subject.authrole,
      "{session}": String(subject.session),
    };
    const permissions = this.#personal.flatMap((permission): Permission[] => {
      // A name that is no URI would be read as something else than one: "a..b" as a wildcard. It grants nothing then.
      const names = permission.uri.match(new RegExp(PLACEHOLDER, "g")) ?? [];
      if (!names.every((name) => isUri(values[name] ?? ""))) return [];
      const uri = permission.uri.replaceAll(new RegExp(PLACEHOLDER, "g"), (name) => values[name] ?? "");
      if (isReserved(uri) && !isReserved(permission.uri)) return []; // whoever is called wamp is not the router (AMB-97)
      return [{ ...permission, uri }];
    });
    const own = {
      name: this.name,
      permissions,
      ...(this.authorizer && { authorize: this.authorizer }),
      ...(this.limits && { limits: this.limits }),
    };
    return new Role(own, this.isTrusted, this);
  }

  /** The limits of its sessions. @param all those of the router, the same until `limitsChanged` */
  limitsWithin(all: RouterLimits): RouterLimits {
    if (this.limits === undefined) return all;
    if (this.#shared !== undefined) return this.#shared.limitsWithin(all);
    this.#ownLimits ??= { ...all, ...this.limits };
    return this.#ownLimits;
  }

  /** The limits of the router are others. */
  limitsChanged(): void {
    this.#ownLimits = undefined;
  }

  #add(permission: Permission): void {
    const { uri, match } = permission;
    for (const action of ACTIONS) {
      const allow = permission.allow[action];
      if (allow === undefined) continue;
      const grants = this.#grants[action];
      if (grants.get(uri, match)?.decision.allow === false) continue; // a denial of the same pattern wins
      grants.set(uri, match, {
        uri,
        match,
        decision: { allow, disclose: disclosure(action, permission), rate: permission.rate },
        isImplied: false,
        place: permission.place,
      });
    }
  }

  // [AMB-97] Leave to call everything, or all of the meta API, is no leave to end other sessions and what they offer: each
  // of these has to be given by its own name. As denials of those URIs, so that a decision costs nothing.
  #withholdPower(): void {
    const { call } = this.#grants;
    for (const uri of POWERS) {
      const grant = call.best(uri, true);
      if (grant === undefined || grant.match === "exact") continue;
      call.set(uri, "exact", { uri, match: "exact", decision: DENIED, isImplied: true, place: grant.place });
    }
  }

  /** For a full URI: a call, a publication. Answers come from a bounded cache. */
  decide(action: Action, uri: string): Decision {
    return this.#deciding(action, uri)?.decision ?? DENIED;
  }

  #deciding(action: Action, uri: string): Grant | undefined {
    const own = this.#grants[action].best(uri, true);
    const shared = this.#shared === undefined ? undefined : this.#shared.#grants[action].best(uri, true);
    if (own === undefined || shared === undefined) return own ?? shared;
    const order = compareSpecificity(own, shared, uri);
    // Of the same pattern a denial wins, if it is one of the configuration's.
    if (order === 0) return (own.decision.allow || own.isImplied) && !shared.isImplied ? shared : own;
    return order < 0 ? own : shared;
  }

  /**
   * For a pattern that a session asks to subscribe or register: it must lie wholly inside one that is allowed, and no part
   * of it may be denied (T30, AUTHZ-07).
   */
  decidePattern(action: Action, uri: string, match: MatchPolicy): Decision {
    return match === "exact" ? this.decide(action, uri) : (this.#decidingPattern(action, uri, match)?.decision ?? DENIED);
  }

  /** The permission that decides, for people who ask why; `undefined` where there is none, which denies. */
  explain(action: Action, uri: string, match: MatchPolicy): Pick<Grant, "uri" | "match" | "decision" | "place" | "isImplied"> | undefined {
    return match === "exact" ? this.#deciding(action, uri) : this.#decidingPattern(action, uri, match);
  }

  #decidingPattern(action: Action, uri: string, match: MatchPolicy): Grant | undefined {
    const asked = { uri, match };
    let found: Grant | undefined;
    for (const grant of this.#all(action)) {
      if (grant.isImplied) continue; // no pattern reaches a reserved procedure (AMB-20)
      if (!grant.decision.allow) {
        if (overlap(grant, asked)) return grant;
      } else if (covers(grant, asked) && (found === undefined || covers(found, grant))) found = grant;
    }
    return found;
  }

  *#all(action: Action): IterableIterator<Grant> {
    yield* this.#grants[action].values();
    if (this.#shared !== undefined) yield* this.#shared.#grants[action].values();
  }
}

/** Meta procedures that act on other sessions. A permission has to name each of them; no pattern reaches it. */
export const POWERS: readonly string[] = [
  "wamp.session.kill",
  "wamp.session.kill_by_authid",
  "wamp.session.kill_by_authrole",
  "wamp.session.kill_all",
  "wamp.registration.remove_callee",
  "wamp.subscription.remove_subscriber",
];

const PLACEHOLDER = /\{(?:authid|authrole|session)\}/;
const ACTIONS: readonly Action[] = ["call", "register", "publish", "subscribe"];

/** The role of sessions that are part of the router's own program. */
export const TRUSTED = new Role(
  {
    name: "trusted",
    permissions: [
      {
        uri: "",
        match: "prefix",
        allow: { call: true, register: true, publish: true, subscribe: true },
        disclose: { caller: "allow", publisher: "allow" },
      },
    ],
  },
  true,
);

// [AMB-66] disclose_me is allowed unless said otherwise, disclose_caller only where a permission says so.
function disclosure(action: Action, permission: Permission): Disclosure {
  switch (action) {
    case "call":
      return permission.disclose?.caller ?? "allow";
    case "publish":
      return permission.disclose?.publisher ?? "allow";
    default:
      return permission.disclose?.caller ?? "deny";
  }
}
