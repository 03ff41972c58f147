/** The authenticator of a realm, as its configuration says. */
import type { Authenticator } from "@junctor/router";
import type { AuthConfig, FactorConfig, TrustRootConfig } from "../config/auth-schema.ts";
import { loadUsers } from "../config/load.ts";
import { anonymous } from "./anonymous.ts";
import { authenticator, type ConfiguredMethod } from "./chain.ts";
import { type CookieJar, cookie, type Warrants } from "./cookie.ts";
import { cryptosign } from "./cryptosign.ts";
import type { Decoy } from "./decoy.ts";
import { DynamicPrincipals } from "./dynamic.ts";
import { type JwtOptions, jwt, jwtKeys } from "./jwt.ts";
import { readPrivateKey } from "./key-file.ts";
import type { AuthMethod } from "./method.ts";
import { type Credential, type Principal, type PrincipalSource, PrincipalTable, type Proof } from "./principal.ts";
import type { Asking } from "./procedure.ts";
import type { CurrentTables, Tables } from "./realm-tables.ts";
import { scram } from "./scram.ts";
import type { Throttle } from "./throttle.ts";
import { ticket } from "./ticket.ts";
import { tls } from "./tls.ts";
import { oneForm, type TrustResolver, type TrustSource, TrustTable, trustRoot } from "./trust.ts";
import { wampcra } from "./wampcra.ts";

/** What the authenticators of all realms share. */
export interface AuthEnvironment {
  readonly decoy: Decoy;
  readonly askers: Asking;
  readonly byPrincipal: Throttle;
  readonly byAddress: Throttle;
  readonly wallClock: () => Date;
  readonly cookies: CookieJar;
  /** Asked by cryptosign where the configuration names no trust roots. */
  readonly trust?: TrustResolver | undefined;
  /** Has a users file read again whenever it has changed. What `reload` throws is logged; it answers how many users there are now. */
  readonly watch: (file: string, realm: string, reload: () => number) => void;
  /** Milliseconds on a scale that never goes back. */
  readonly now: () => number;
  /** Told of a method that failed for another reason than wrong credentials. */
  readonly failed: (method: string, error: unknown) => void;
}

type Users = string | readonly Principal[] | undefined;

/** What a realm's configuration says of authentication. */
export interface RealmAuth {
  readonly auth: readonly AuthConfig[];
  readonly users?: Users;
  readonly roles: Readonly<Record<string, unknown>>;
}

/** Where the tables of a realm go, of which the next configuration makes other ones. */
export interface RealmTables {
  readonly current: CurrentTables;
  readonly made: Tables;
}

/** @throws {UserError} a users file or key cannot be read, or has errors */
export function authenticatorOf(name: string, realm: RealmAuth, environment: AuthEnvironment, tables?: RealmTables): Authenticator {
  const remembering = realm.auth.find(({ method }) => method === "cookie");
  const { failed, byAddress, byPrincipal, cookies } = environment;
  return authenticator(methodsOf(name, realm, environment, tables), {
    failed,
    byAddress,
    byPrincipal,
    ...(remembering?.method === "cookie" && { cookies: { jar: cookies, maxAgeMs: remembering.maxAge } }),
  });
}

/** The methods, in the order of the configuration. @throws {UserError} as `authenticatorOf` does */
export function methodsOf(name: string, realm: RealmAuth, environment: AuthEnvironment, tables?: RealmTables): readonly ConfiguredMethod[] {
  const sources = new Map<Users, PrincipalSource>();
  const sourceOf = (config: FactorConfig): PrincipalSource => {
    if (config.authenticator !== undefined) {
      return new DynamicPrincipals(environment.askers.in(config.authenticatorRealm ?? name), config.authenticator, config.defaultRole);
    }
    const named = config.users ?? realm.users ?? [];
    const known = sources.get(named);
    if (known !== undefined) return known;
    const read = () => (typeof named === "string" ? loadUsers(named, Object.keys(realm.roles)) : named);
    const table = new PrincipalTable("static", [], tables?.current);
    sources.set(named, table);
    const fill = () => {
      const principals = read();
      table.replace(principals);
      return principals.length;
    };
    if (typeof named === "string") environment.watch(named, name, fill); // before it is read: no change goes unnoticed
    fill();
    return table;
  };
  const proving: ((authid: string) => readonly Proof[])[] = [];
  const source = (config: FactorConfig): PrincipalSource => {
    const found = sourceOf(config);
    if (!(found instanceof PrincipalTable)) return found;
    const credential = CREDENTIALS[config.method];
    const made = tables?.made.principals;
    made?.set(credential, [...(made.get(credential) ?? []), found]);
    proving.push((authid) => found.proofsOf(authid, credential));
    return found;
  };
  const trustOf = (config: Extract<FactorConfig, { method: "cryptosign" }>): TrustSource | undefined => {
    const trust = trustIn(config.trustRoots, environment.trust, tables?.current);
    if (!(trust instanceof TrustTable)) return trust;
    tables?.made.trust.push(trust);
    proving.push(() => trust.proofs);
    return trust;
  };
  const factor = (config: FactorConfig): AuthMethod => {
    const { decoy } = environment;
    switch (config.method) {
      case "ticket":
        return ticket(source(config), decoy);
      case "wampcra":
        return wampcra(source(config), decoy, environment.wallClock);
      case "wamp-scram":
        return scram(source(config), decoy);
      case "scram":
        return scram(source(config), decoy, true);
      case "cryptosign":
        return cryptosign(source(config), {
          requireBinding: config.requireBinding,
          ...(config.routerKey !== undefined && { routerKey: readPrivateKey(config.routerKey) }),
          trust: trustOf(config),
        });
    }
  };
  const warrants: Warrants = {
    providers: new Set(realm.auth.map(providerOf)),
    proofsOf: (authid) => proving.flatMap((each) => each(authid)),
  };
  return realm.auth.map((config): ConfiguredMethod => {
    if (config.method === "anonymous") return { method: anonymous(config.role) };
    if (config.method === "jwt") return { method: jwt(jwtOptions(config, environment.wallClock)) };
    if (config.method === "cookie") return { method: cookie(environment.cookies, warrants) };
    if (config.method === "tls") return { method: tls(config.rules) };
    return { method: factor(config), further: config.also?.map(factor) ?? [] };
  });
}

const CREDENTIALS = {
  ticket: "ticket",
  wampcra: "wampcra",
  "wamp-scram": "scram",
  scram: "scram",
  cryptosign: "cryptosign",
} as const satisfies Record<FactorConfig["method"], Credential>;

/** As WELCOME has it. */
function providerOf(config: AuthConfig): string {
  if ("authenticator" in config && config.authenticator !== undefined) return "dynamic";
  return config.method === "jwt" ? "jwt" : "static";
}

function trustIn(
  roots: readonly TrustRootConfig[] | undefined,
  resolver: TrustResolver | undefined,
  current: CurrentTables | undefined,
): TrustSource | undefined {
  if (roots !== undefined) return new TrustTable(roots.map(trustRoot), current);
  return resolver && { name: "dynamic", rootsFor: async (claim) => (await resolver(claim)).map(oneForm) };
}

function jwtOptions(config: Extract<AuthConfig, { method: "jwt" }>, wallClock: () => Date): JwtOptions {
  const { jwks, issuer, audience, algorithms, authid, role, roleClaim, roles, extra, leeway } = config;
  return {
    keys: jwtKeys(jwks),
    issuer,
    audience,
    algorithms,
    authidClaim: authid,
    role: role ?? { claim: roleClaim ?? "", names: roles ?? {} },
    extraClaims: extra,
    leewaySeconds: leeway / 1_000,
    wallClock,
  };
}
