/**
 * `cookie`: a browser that has logged in by another method comes back as who it was. What it shows is 256 random bits; what is
 * kept is their digest, so that nothing here, in a log or in the memory of the process logs anybody in (T10).
 *
 * A page cannot be given a cookie once its WebSocket is open. So each connection without a log-in is given a fresh value when
 * it opens, which a log-in on that connection makes worth something: whoever planted a value in a browser before knows
 * another one (fixation).
 */
import { createHash, createHmac, randomBytes } from "node:crypto";
import type { LoginCookie } from "@junctor/router";
import type { LiveLogins, LoginRecord, StoredLogin } from "./login-record.ts";
import { type AuthMethod, type Grant, granted, UNSUITABLE } from "./method.ts";
import type { Proof } from "./principal.ts";

interface Login {
  readonly realm: string;
  /** Its proofs are missing where it is from before the start: they are found when it is first asked for. */
  readonly grant: Grant;
  /** On the jar's clock. */
  readonly until: number;
  /** What it stands for ends then, too: a token's log-in. */
  readonly isLease: boolean;
  /** As it is on the disk, if it is. */
  readonly stored: StoredLogin | undefined;
}

export interface CookieJarOptions {
  /** Milliseconds on a scale that never goes back. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly wallClock: () => Date;
  /** Beyond so many, the oldest are forgotten. Default 100 000. */
  readonly size?: number;
  /** Default: none outlives the server. */
  readonly record?: LoginRecord | undefined;
}

/** What a realm lets people in on today: the log-ins of before the start are held against it. */
export interface Warrants {
  /** WELCOME's `authprovider`. */
  readonly providers: ReadonlySet<string>;
  /** What somebody of that name could prove itself with. */
  proofsOf(authid: string): Iterable<Proof>;
}

/** The log-ins of browsers, by the digests of their cookies. */
export class CookieJar implements LiveLogins {
  readonly #now: () => number;
  readonly #wallClock: () => Date;
  readonly #record: LoginRecord | undefined;
  readonly #limit: number;
  readonly #logins = new Map<string, Login>();

  constructor({ now, wallClock, size = 100_000, record }: CookieJarOptions) {
    this.#now = now;
    this.#wallClock = wallClock;
    this.#limit = size;
    this.#record = record;
    for (const stored of record?.read() ?? []) {
      const { name, realm, grant, until, isLease } = stored;
      this.#logins.set(name, { realm, grant, until: now() + until - wallClock().getTime(), isLease, stored });
    }
  }

  get size(): number {
    return this.#logins.size;
  }

  *stored(): Iterable<StoredLogin> {
    for (const { stored } of this.#logins.values()) if (stored !== undefined) yield stored;
  }

  /** @param maxAgeMs how long a browser stays logged in */
  login(digest: string, realm: string, grant: Grant, maxAgeMs: number): void {
    const { lifetimeMs = Number.POSITIVE_INFINITY, once: _once, ...lasting } = grant;
    const { name, key } = parts(digest);
    const leftMs = Math.min(lifetimeMs, maxAgeMs);
    const isLease = lifetimeMs !== Number.POSITIVE_INFINITY;
    const stored = this.#record && {
      ...{ name, realm, isLease, until: this.#wallClock().getTime() + leftMs },
      ...storable(lasting, key),
    };
    this.#logins.delete(name);
    this.#logins.set(name, { realm, grant: lasting, until: this.#now() + leftMs, isLease, stored });
    if (stored !== undefined) this.#record?.login(stored, this);
    const [oldest] = this.#logins.keys();
    if (this.#logins.size > this.#limit && oldest !== undefined) this.#forget(oldest);
  }

  /** The log-in that a cookie stands for, as far as it still holds. */
  find(digest: string, realm: string, warrants: Warrants): Grant | undefined {
    const { name, key } = parts(digest);
    const login = this.#logins.get(name);
    if (login === undefined || login.realm !== realm) return undefined;
    const leftMs = login.until - this.#now();
    const proofs = login.grant.proofs ?? restored(login.stored?.proofs ?? [], key, warrants.proofsOf(login.grant.authid));
    const roles = login.grant.roles.filter((role) => proofs?.every((proof) => proof.holds(role)));
    if (leftMs <= 0 || roles.length === 0 || proofs === undefined || !warrants.providers.has(login.grant.authprovider)) {
      this.#forget(name);
      return undefined;
    }
    return { ...login.grant, proofs, roles, ...(login.isLease && { lifetimeMs: leftMs }) };
  }

  has(digest: string): boolean {
    return (this.#logins.get(parts(digest).name)?.until ?? 0) > this.#now();
  }

  forget(digest: string): void {
    this.#forget(parts(digest).name);
  }

  close(): void {
    this.#record?.close();
  }

  #forget(name: string): void {
    const login = this.#logins.get(name);
    this.#logins.delete(name);
    if (login?.stored !== undefined) this.#record?.logout(name, this);
  }
}

/** A digest's halves: what the log-in is called, and a key that is nowhere kept. */
function parts(digest: string): { readonly name: string; readonly key: string } {
  return { name: digest.slice(0, NAME_LENGTH), key: digest.slice(NAME_LENGTH) };
}

function storable({ proofs = [], ...grant }: Grant, key: string): Pick<StoredLogin, "grant" | "proofs"> {
  const { authid, roles, authprovider, authextra } = grant;
  return {
    grant: { authid, roles: [...roles], authprovider, ...(authextra && { authextra: { ...authextra } }) },
    proofs: proofs.map((proof) => seal(proof, key)),
  };
}

/** What was proved, from what could be proved today; `undefined` where a part of it could not. */
function restored(seals: readonly string[], key: string, possible: Iterable<Proof>): readonly Proof[] | undefined {
  const bySeal = new Map([...possible].map((proof) => [seal(proof, key), proof]));
  const proofs = seals.map((each) => bySeal.get(each));
  return proofs.every((proof) => proof !== undefined) ? proofs : undefined;
}

/** Whoever reads it, but has not the cookie, cannot try secrets with it. */
function seal(proof: Proof, key: string): string {
  return createHmac("sha256", key).update(proof.statement).digest("base64");
}

export function cookie(jar: CookieJar, warrants: Warrants): AuthMethod<Grant> {
  return {
    method: "cookie",
    find: ({ origin, realm, details }) => {
      const presented = origin.cookie?.presented;
      const grant = presented === undefined ? undefined : jar.find(presented, realm, warrants);
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
  /** How long a browser stays logged in; 0: log-ins are not kept. */
  readonly maxAgeMs: number;
  /** Gives browsers a second cookie, which tells them from each other and logs nobody in. */
  readonly isTracking: boolean;
}

/** What a listener does with the cookies of a page that opens a WebSocket. */
export function cookieExchange(jar: CookieJar, { sameSite, isSecure, maxAgeMs, isTracking }: CookieOptions) {
  // With that prefix a browser takes it from this very host only, over TLS.
  const name = isSecure ? "__Host-junctor" : "junctor";
  const set = (key: string, value: string, ageMs: number) =>
    `${key}=${value}; Path=/; HttpOnly; SameSite=${SAME_SITE[sameSite]}; Max-Age=${Math.floor(ageMs / 1_000)}${isSecure ? "; Secure" : ""}`;
  return (header: string | undefined): { readonly digests: LoginCookie; readonly setCookies: readonly string[] } => {
    const setCookies: string[] = [];
    const value = (key: string) => cookieValue(header ?? "", key);
    const issue = (key: string, ageMs: number) => {
      const fresh = randomBytes(32).toString("base64url");
      setCookies.push(set(key, fresh, ageMs));
      return fresh;
    };
    const login = value(name);
    const presented = login === undefined ? undefined : digestOf(login);
    let digests: LoginCookie = {};
    if (presented !== undefined && jar.has(presented)) digests = { presented };
    else if (maxAgeMs > 0) digests = { issued: digestOf(issue(name, maxAgeMs)) };
    if (isTracking) {
      const browser = value(`${name}-browser`) ?? issue(`${name}-browser`, LONGEST_AGE_MS);
      digests = { ...digests, browser: createHash("sha256").update(browser).digest("hex").slice(0, BROWSER_LENGTH) };
    }
    return { digests, setCookies };
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
  return createHash("sha512").update(value).digest("hex");
}

const DENIED = { kind: "denied", reason: "wamp.error.authentication_denied", message: "this browser is not logged in" } as const;
/** Half of the digest's hex digits. */
const NAME_LENGTH = 64;
/** Of what others call a browser: 128 bits. */
const BROWSER_LENGTH = 32;
/** Browsers keep no cookie for longer. */
const LONGEST_AGE_MS = 400 * 24 * 60 * 60_000;
const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;
