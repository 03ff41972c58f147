/**
 * What the sessions of a role may do. A role is a list of permissions, URI pattern × action, closed by default; the best
 * pattern decides, as for calls (AUTHZ-06). Compiled to one index per action.
 *
 * Spec: requirements 8, AMB-66.
 */
import { isReserved, type MatchPolicy } from "@junctor/protocol";
import { covers } from "../pattern/covers.ts";
import { PatternIndex } from "../pattern/pattern-index.ts";

export type Action = "call" | "register" | "publish" | "subscribe";

/** Whether a caller or publisher is named to the other side: on request, never (a request is refused), or always. */
export type Disclosure = "allow" | "deny" | "force";

export interface Permission {
  readonly uri: string;
  readonly match: MatchPolicy;
  readonly allow: Readonly<Partial<Record<Action, boolean>>>;
  readonly disclose?: { readonly caller?: Disclosure; readonly publisher?: Disclosure };
}

export interface RoleConfig {
  readonly name: string;
  readonly permissions: readonly Permission[];
}

/** The answer to "may this session do this?". */
export interface Decision {
  readonly allow: boolean;
  /** Of the caller for `call`, of the publisher for `publish`; for `register`, whether `disclose_caller` may be asked for. */
  readonly disclose: Disclosure;
}

export const DENIED: Decision = { allow: false, disclose: "deny" };

interface Grant {
  readonly uri: string;
  readonly match: MatchPolicy;
  readonly decision: Decision;
  /** Withheld by this file, not denied by the configuration. */
  readonly isImplied: boolean;
}

export class Role {
  readonly name: string;
  /** May register and publish reserved URIs. */
  readonly isTrusted: boolean;
  readonly #grants: Readonly<Record<Action, PatternIndex<Grant>>> = {
    call: new PatternIndex(),
    register: new PatternIndex(),
    publish: new PatternIndex(),
    subscribe: new PatternIndex(),
  };

  constructor(config: RoleConfig, isTrusted = false) {
    this.name = config.name;
    this.isTrusted = isTrusted;
    for (const permission of config.permissions) {
      for (const action of ACTIONS) {
        const allow = permission.allow[action];
        if (allow === undefined) continue;
        const { uri, match } = permission;
        const decision = { allow, disclose: disclosure(action, permission) };
        this.#grants[action].set(uri, match, { uri, match, decision, isImplied: false });
      }
    }
    if (!isTrusted) this.#withholdPower();
  }

  // [AMB-97] Leave to call everything, or all of an application, is no leave to end other sessions and what they offer: that
  // has to be given under its reserved name. As denials of those URIs, so that a decision costs nothing.
  #withholdPower(): void {
    const { call } = this.#grants;
    for (const uri of POWERS) {
      const grant = call.best(uri, true);
      if (grant !== undefined && !isReserved(grant.uri)) call.set(uri, "exact", { uri, match: "exact", decision: DENIED, isImplied: true });
    }
  }

  /** For a full URI: a call, a publication. Answers come from a bounded cache. */
  decide(action: Action, uri: string): Decision {
    return this.#grants[action].best(uri, true)?.decision ?? DENIED;
  }

  /**
   * For a pattern that a session asks to subscribe or register: it must lie wholly inside one that is allowed, and no part
   * of it may be denied (T30, AUTHZ-07).
   */
  decidePattern(action: Action, uri: string, match: MatchPolicy): Decision {
    if (match === "exact") return this.decide(action, uri);
    let found: Grant | undefined;
    for (const grant of this.#grants[action].values()) {
      if (grant.isImplied) continue; // no pattern reaches a reserved procedure (AMB-20)
      if (!grant.decision.allow) {
        if (mayOverlap(grant.uri, uri)) return DENIED;
      } else if (covers(grant, { uri, match }) && (found === undefined || covers(found, grant))) found = grant;
    }
    return found?.decision ?? DENIED;
  }
}

/** Meta procedures that act on other sessions. */
const POWERS: readonly string[] = [
  "wamp.session.kill",
  "wamp.session.kill_by_authid",
  "wamp.session.kill_by_authrole",
  "wamp.session.kill_all",
  "wamp.registration.remove_callee",
  "wamp.subscription.remove_subscriber",
];

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

/** Errs on the side of denial: patterns that differ in their first components cannot overlap, all others may. */
function mayOverlap(denied: string, asked: string): boolean {
  const a = denied.split(".");
  const b = asked.split(".");
  const last = Math.min(a.length, b.length) - 1;
  for (let i = 0; i < last; i++) if (a[i] !== b[i] && a[i] !== "" && b[i] !== "") return false;
  return true;
}
