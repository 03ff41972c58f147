/**
 * What a valid configuration says that is hardly meant: permissions that no message can ever fit, roles that nobody has, secrets
 * that travel in clear. None of it keeps the server from starting.
 */
import { isPattern, isReserved } from "@junctor/protocol";
import { covers } from "@junctor/router";
import type { Principal } from "../auth/principal.ts";
import { isRecord, rolesNamed } from "./auth-schema.ts";
import type { Finding, Path } from "./finding.ts";
import { isBeyondLoopback } from "./open-listener.ts";
import type { Config, RealmFileConfig } from "./schema.ts";
import type { UriPattern } from "./uri-pattern.ts";

/** @param usersOf the users that a realm's methods know; `undefined` where that cannot be told */
export function lints(config: Config, usersOf: (realm: string) => readonly Principal[] | undefined): Finding[] {
  const found = [...secretsInClear(config), ...anybodyOffers(config)];
  for (const [name, realm] of Object.entries(config.realms)) {
    const reached = rolesReached(config, name, realm, usersOf(name));
    for (const [role, { allow, deny, authorizer }] of Object.entries(realm.roles)) {
      const path = ["realms", name, "roles", role];
      if (reached !== undefined && !reached.has(role))
        found.push({
          path,
          message: `nobody can have the role ${role}: no method, user or service of the realm ${name} leads to it`,
          lint: "unreachable-role",
          remedy: "give it to somebody under auth or users, or take it out",
        });
      for (const action of ACTIONS) {
        const at = [...path, "allow", action];
        const allowed = allow[action].map(({ uri }) => uri);
        if (authorizer !== undefined && allowed.length > 0)
          found.push(neverMatches(at, `${authorizer} decides in place of these permissions`, "take them out, or the authorizer"));
        else found.push(...patternsInVain(at, action, allowed, deny[action], realm.uri));
        found.push(...offTheRule([...path, "deny", action], deny[action], realm.uri));
      }
    }
  }
  return found;
}

const ACTIONS = ["call", "register", "publish", "subscribe"] as const;

function neverMatches(path: Path, why: string, remedy: string): Finding {
  return { path, message: `never matches: ${why}`, lint: "permission-in-vain", remedy };
}

function patternsInVain(
  path: Path,
  action: (typeof ACTIONS)[number],
  allowed: readonly UriPattern[],
  denied: readonly UriPattern[],
  rule: RealmFileConfig["uri"],
): Finding[] {
  const found = offTheRule(path, allowed, rule);
  for (const [i, pattern] of allowed.entries()) {
    const at = [...path, i];
    if (denied.some((other) => isSame(other, pattern)))
      found.push(neverMatches(at, `deny.${action} has the same pattern, and of the same pattern a denial wins`, "take out one of the two"));
    else if (allowed.slice(i + 1).some((other) => isSame(other, pattern)))
      found.push(neverMatches(at, "the same pattern stands here again, and the last one counts", "take out one of the two"));
    else if ((action === "register" || action === "publish") && pattern.match !== "wildcard" && isReserved(pattern.uri))
      found.push(neverMatches(at, "URIs that begin with wamp. are the router's own", "take it out"));
    else if (action === "subscribe" || action === "register") {
      // A pattern that a session asks for may meet no denial, and an exact one inside a denied pattern is the better one.
      const denial = denied.find((other) => pattern.match !== "exact" && covers(other, pattern) && !isSame(other, pattern));
      if (denial !== undefined)
        found.push({
          path: at,
          message: `lies within what deny.${action} has: single URIs of it are allowed, patterns are not`,
          lint: "permission-in-part",
          remedy: "narrow the denial, or take this out",
        });
    }
  }
  return found;
}

/** Patterns that no URI fits that the realm takes. */
function offTheRule(path: Path, patterns: readonly UriPattern[], rule: RealmFileConfig["uri"]): Finding[] {
  return patterns.flatMap(({ uri, match }, i) =>
    isPattern(uri.replace(/\{\w+\}/g, "0"), rule, match)
      ? []
      : [
          neverMatches(
            [...path, i],
            `uri: ${rule} of this realm takes ${rule === "strict" ? "lower-case letters, digits and _ only" : "no such component"}`,
            "write it so, or set uri: loose",
          ),
        ],
  );
}

function isSame(one: UriPattern, other: UriPattern): boolean {
  return one.uri === other.uri && one.match === other.match;
}

/** The roles that somebody may come to have; `undefined` where a procedure decides. */
function rolesReached(
  config: Config,
  name: string,
  realm: RealmFileConfig,
  users: readonly Principal[] | undefined,
): ReadonlySet<string> | undefined {
  const asked = realm.auth.some((method) => "authenticator" in method && method.authenticator !== undefined);
  if (asked || users === undefined) return undefined;
  const roles = new Set(realm.auth.flatMap((method) => rolesNamed(method).map(({ role }) => role)));
  for (const user of users) for (const role of user.roles) roles.add(role);
  const { realms: _realms, ...elsewhere } = config;
  for (const role of rolesGiven(elsewhere, name)) roles.add(role);
  return roles;
}

/** Services, bridges and whatever else names a realm and the role that it has there. */
function* rolesGiven(value: unknown, realm: string): IterableIterator<string> {
  if (!isRecord(value)) return;
  if (value["realm"] === realm && typeof value["role"] === "string") yield value["role"];
  for (const inner of Object.values(value)) yield* rolesGiven(inner, realm);
}

/** Tickets and tokens are sent as they are. */
function secretsInClear({ listen, realms }: Config): Finding[] {
  const methods = Object.entries(realms).flatMap(([name, { auth }]) =>
    auth.flatMap(({ method }) => (method === "ticket" || method === "jwt" ? [`${method} in ${name}`] : [])),
  );
  if (methods.length === 0) return [];
  return listen.flatMap((listener, i) => {
    if (!isBeyondLoopback(listener) || listener.tls !== undefined || listener.trustedProxies.length > 0) return [];
    return [
      {
        path: ["listen", i],
        message: `whoever reads along on the network learns tickets and tokens: there is no tls here (${methods.join(", ")})`,
        lint: "secrets-in-clear",
        remedy: "give it tls, or name the proxy in front of it under trustedProxies; wampcra, wamp-scram and cryptosign send no secret",
      },
    ];
  });
}

/** Callees and publishers are believed by those that they serve. */
function anybodyOffers({ listen, realms }: Config): Finding[] {
  if (!listen.some(isBeyondLoopback)) return [];
  return Object.entries(realms).flatMap(([name, { auth, roles }]) =>
    auth.flatMap((method): Finding[] => {
      if (method.method !== "anonymous") return [];
      const role = roles[method.role];
      const wide = (["register", "publish"] as const).filter((action) =>
        role?.allow[action].some(({ uri }) => uri.uri === "" && uri.match === "prefix"),
      );
      if (role === undefined || role.authorizer !== undefined || wide.length === 0) return [];
      return [
        {
          path: ["realms", name, "roles", method.role, "allow", wide[0] ?? "register"],
          message: `whoever reaches a listener may ${wide.join(" and ")} under any name: ${method.role} is the role of everybody`,
          lint: "open-to-anybody",
          remedy: 'name what the role is for, for example ["com.app.public.*"]',
        },
      ];
    }),
  );
}
