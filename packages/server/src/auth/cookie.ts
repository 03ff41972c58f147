/**
 * `cookie`: a browser that has logged in by another method comes back as who it was. What it shows is 256 random bits; what is
 * kept is their digest, so that nothing here, in a log or in the memory of the process logs anybody in (T10).
 *
 * A page cannot be given a cookie once its WebSocket is open. So each connection without a log-in is given a fresh value when
 * it opens, which a log-in on that connection makes worth something: whoever planted a value in a browser before knows
 * another one (fixation).
 */
import { createHash, randomBytes } from "node:crypto";
import type { LoginCookie } from "@junctor/router";
import { type AuthMethod, type Grant, granted, UNSUITABLE } from "./method.ts";

export interface Login {
  readonly realm: string;
  readonly grant: Grant;
  /** On the jar's clock. */
  readonly until: number;
  /** What it stands for ends then, too: a token's log-in. */
  readonly isLease: boolean;
}

/** The log-ins of browsers, by the digests of their cookies. Bounded: the oldest are forgotten. */
export class CookieJar {
  readonly #now: () => number;
  readonly #size: number;
  readonly #logins = new Map<string, Login>();

  /** @param now milliseconds on a scale that never goes back */
  constructor(now: () => number, size = 100_000) {
    this.#now = now;
    this.#size = size;
  }

  /** @param maxAgeMs how long a browser stays logged in */
  login(digest: string, realm: string, grant: Grant, maxAgeMs: number): void {
    const { lifetimeMs = Number.POSITIVE_INFINITY } = grant;
    const until = this.#now() + Math.min(lifetimeMs, maxAgeMs);
    this.#logins.delete(digest);
    this.#logins.set(digest, { realm, grant, until, isLease: lifetimeMs !== Number.POSITIVE_INFINITY });
    const [oldest] = this.#logins.keys();
    if (this.#logins.size > this.#size && oldest !== undefined) this.#logins.delete(oldest);
  }

  /** The log-in that a cookie stands for, as far as it still holds. */
  find(digest: string, realm: string): Grant | undefined {
    const login = this.#logins.get(digest);
    if (login === undefined || login.realm !== realm) return undefined;
    const left = login.until - this.#now();
    const roles = login.grant.roles.filter((role) => (login.grant.proofs ?? []).every((proof) => proof.holds(role)));
    if (left <= 0 || roles.length === 0) {
      this.#logins.delete(digest);
      return undefined;
    }
    const { lifetimeMs: _lease, once: _once, ...grant } = login.grant;
    return { ...grant, roles, ...(login.isLease && { lifetimeMs: left }) };
  }

  has(digest: string): boolean {
    return (this.#logins.get(digest)?.until ?? 0) > this.#now();
  }

  forget(digest: string): void {
    this.#logins.delete(digest);
  }
}

export function cookie(jar: CookieJar): AuthMethod<Grant> {
  return {
    method: "cookie",
    find: ({ origin, realm, details }) => {
      const presented = origin.cookie?.presented;
      const grant = presented === undefined ? undefined : jar.find(presented, realm);
      const isAsked = grant !== undefined && (details.authid === undefined || details.authid === grant.authid);
      return isAsked ? grant : UNSUITABLE; // another method may log the page in
    },
    begin: (_request, grant) => (grant === undefined ? DENIED : granted(grant)),
  };
}

export interface CookieOptions {
  readonly sameSite: "strict" | "lax" | "none";
  /** For `https:` pages only. */
  readonly isSecure: boolean;
  readonly maxAgeMs: number;
}

/** What a listener does with the cookies of a page that opens a WebSocket. */
export function cookieExchange(jar: CookieJar, { sameSite, isSecure, maxAgeMs }: CookieOptions) {
  // With that prefix a browser takes it from this very host only, over TLS.
  const name = isSecure ? "__Host-junctor" : "junctor";
  const attributes = `Path=/; HttpOnly; SameSite=${SAME_SITE[sameSite]}; Max-Age=${Math.floor(maxAgeMs / 1_000)}${isSecure ? "; Secure" : ""}`;
  return (header: string | undefined): { readonly digests: LoginCookie; readonly setCookie?: string } => {
    const value = cookieValue(header ?? "", name);
    const presented = value === undefined ? undefined : digestOf(value);
    if (presented !== undefined && jar.has(presented)) return { digests: { presented } };
    const fresh = randomBytes(32).toString("base64url");
    return { digests: { issued: digestOf(fresh) }, setCookie: `${name}=${fresh}; ${attributes}` };
  };
}

/** The cookie's value; none where there are two, of which one may be somebody else's. */
function cookieValue(header: string, name: string): string | undefined {
  const values = header.split(";").flatMap((pair) => {
    const [key = "", value = ""] = pair.trim().split("=", 2);
    return key === name ? [value] : [];
  });
  return values.length === 1 && /^[\w-]{43}$/.test(values[0] ?? "") ? values[0] : undefined;
}

function digestOf(value: string): string {
  return createHash("sha256").update(value).digest("hex");
}

const DENIED = { kind: "denied", reason: "wamp.error.authentication_denied", message: "this browser is not logged in" } as const;
const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;
