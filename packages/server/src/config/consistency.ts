/**
 * What a configuration says in one place about another: roles, realms, users, listeners and stores that have to be there, or
 * must not be there twice. It looks at what the file holds before the schema has made anything of it, so that all mistakes are
 * told at once: nothing is known to be right.
 */
import { resolve, sep } from "node:path";
import { ADMIN_REALM, ADMIN_ROLES } from "@junctor/admin-api";
import { isRecord, rolesNamed } from "./auth-schema.ts";
import { type Finding, missing, type Path } from "./finding.ts";
import { secretPaths } from "./paths.ts";
import { servicesFindings } from "./services-consistency.ts";

/** @param files where it stands, and what that refers to */
export function inconsistencies(config: unknown, files: readonly string[]): Finding[] {
  if (!isRecord(config)) return [];
  const listeners = asList(config["listen"]);
  const realms = isRecord(config["realms"]) ? config["realms"] : {};
  const hasClientCertificates = listeners.some(
    (listener) => isRecord(listener) && isRecord(listener["tls"]) && "clientCa" in listener["tls"],
  );
  const web = isRecord(config["web"]) ? config["web"] : {};
  const found = [
    ...listenersTwice(listeners),
    ...cookiesAlone(listeners, realms),
    ...webAlone(web, listeners),
    ...proxiesWithoutService(web, config["services"]),
    ...webWithoutRealm(web, Object.keys(realms)),
    ...secretsServed(config, listeners, web, files),
    ...servicesFindings(config),
  ];
  const stores = new Map<string, string>();
  for (const [name, realm] of Object.entries(realms)) {
    if (name === ADMIN_REALM)
      found.push({
        path: ["realms", name],
        message: "the server has this realm anyway: admin.auth says who gets in, with the roles viewer, operator and admin",
      });
    if (name === "__proto__") found.push({ path: ["realms", name], message: "a realm cannot have this name" });
    if (!isRecord(realm)) continue;
    for (const { path, message } of [
      ...rolesMissing(realm),
      ...realmsMissing(realm, Object.keys(realms)),
      ...waysThatLetNobodyIn(realm, hasClientCertificates),
      ...storeTwice(name, realm, stores),
    ])
      found.push({ path: ["realms", name, ...path], message });
  }
  found.push(...adminMistakes(config["admin"], Object.keys(realms), hasClientCertificates));
  return found;
}

/** Bridges and event streams lead to a realm that is there. */
function webWithoutRealm(web: Readonly<Record<string, unknown>>, realms: readonly string[]): Finding[] {
  const named = Object.entries(web).flatMap(([path, entry]) =>
    ["bridge", "sse"].flatMap((kind): [Path, unknown][] => {
      const options = isRecord(entry) ? entry[kind] : undefined;
      return isRecord(options) ? [[["web", path, kind, "realm"], options["realm"]]] : [];
    }),
  );
  return missing(named, realms, "realm of this file");
}

/** The realm of the administration is one like others, with roles that are given. */
function adminMistakes(admin: unknown, realms: readonly string[], hasClientCertificates: boolean): Finding[] {
  if (!isRecord(admin)) return [];
  const realm = { ...admin, roles: Object.fromEntries(ADMIN_ROLES.map((role) => [role, {}])) };
  const open = [...methodsOf(realm)].flatMap(([path, { method, role }]) =>
    method === "anonymous" && role !== "viewer"
      ? [{ path: [...path, "role"], message: "everybody could do what they like with the server: anonymous is for the role viewer only" }]
      : [],
  );
  const found = [...rolesMissing(realm), ...realmsMissing(realm, realms), ...waysThatLetNobodyIn(realm, hasClientCertificates), ...open];
  return within(["admin"], found);
}

/** A users file names no role that its realm has not. */
export function rolesMissingIn(users: unknown, roles: readonly string[]): Finding[] {
  if (!isRecord(users)) return [];
  return Object.entries(users).flatMap(([authid, user]) => {
    if (!isRecord(user)) return [];
    const named: [Path, unknown][] = [
      [[authid, "role"], user["role"]],
      ...asList(user["roles"]).map((role, i): [Path, unknown] => [[authid, "roles", i], role]),
    ];
    return missing(named, roles, "role of this realm");
  });
}

function rolesMissing(realm: Readonly<Record<string, unknown>>): Finding[] {
  if (!isRecord(realm["roles"])) return [];
  const roles = Object.keys(realm["roles"]);
  const found = within(["users"], rolesMissingIn(realm["users"], roles));
  for (const [path, method] of methodsOf(realm)) {
    found.push(
      ...missing(
        rolesNamed(method).map((named): [Path, unknown] => [[...path, ...named.path], named.role]),
        roles,
        "role of this realm",
      ),
    );
    found.push(...missing([[[...path, "defaultRole"], method["defaultRole"]]], roles, "role of this realm"));
    found.push(...within([...path, "users"], rolesMissingIn(method["users"], roles)));
  }
  return found;
}

function realmsMissing(realm: Readonly<Record<string, unknown>>, realms: readonly string[]): Finding[] {
  const named: [Path, unknown][] = [...methodsOf(realm)].map(([path, method]) => [
    [...path, "authenticatorRealm"],
    method["authenticatorRealm"],
  ]);
  for (const [name, role] of Object.entries(isRecord(realm["roles"]) ? realm["roles"] : {}))
    if (isRecord(role)) named.push([["roles", name, "authorizerRealm"], role["authorizerRealm"]]);
  return missing(named, realms, "realm of this file");
}

function waysThatLetNobodyIn(realm: Readonly<Record<string, unknown>>, hasClientCertificates: boolean): Finding[] {
  return [...methodsOf(realm)].flatMap(([path, { method, users, authenticator, trustRoots }]) => {
    const message = `nobody can log in by ${String(method)}`;
    if (method === "tls") return hasClientCertificates ? [] : [{ path, message: `${message}: no listener has tls.clientCa` }];
    if (!WITH_USERS.has(method) || [users, authenticator, trustRoots, realm["users"]].some((source) => source !== undefined)) return [];
    return [{ path, message: `${message}: give users, here or to the realm, or an authenticator` }];
  });
}

const WITH_USERS: ReadonlySet<unknown> = new Set(["ticket", "wampcra", "wamp-scram", "scram", "cryptosign"]);

function storeTwice(name: string, { events }: Readonly<Record<string, unknown>>, owners: Map<string, string>): Finding[] {
  const store = isRecord(events) ? events["store"] : undefined;
  if (!isRecord(store) || typeof store["path"] !== "string") return [];
  const path = resolve(store["path"]);
  const owner = owners.get(path);
  owners.set(path, name);
  return owner === undefined ? [] : [{ path: ["events", "store", "path"], message: `the realm ${owner} keeps its events there` }];
}

/** Log-in cookies are a matter of a listener and a realm together. */
function cookiesAlone(listeners: readonly unknown[], realms: Readonly<Record<string, unknown>>): Finding[] {
  const keeping = listeners.flatMap((listener, i): [Path, unknown][] =>
    isRecord(listener) && listener["cookie"] !== undefined ? [[["listen", i, "cookie"], listener["cookie"]]] : [],
  );
  const using = Object.entries(realms).flatMap(([name, realm]): Path[] =>
    !isRecord(realm) ? [] : [...methodsOf(realm)].flatMap(([path, { method }]) => (method === "cookie" ? [["realms", name, ...path]] : [])),
  );
  if (keeping.length === 0) return using.map((path) => ({ path, message: "no listener keeps cookies: give one of them cookie: {}" }));
  if (using.length > 0) return [];
  return keeping.flatMap(([path, cookie]) =>
    isRecord(cookie) && cookie["tracking"] === true ? [] : [{ path, message: "no realm has the method cookie" }],
  );
}

/** A path of `web` that a listener names is there, and what is there is served by some listener. */
function webAlone(web: Readonly<Record<string, unknown>>, listeners: readonly unknown[]): Finding[] {
  const named = listeners.flatMap((listener, i) =>
    isRecord(listener) ? asList(listener["web"]).map((path, j): [Path, unknown] => [["listen", i, "web", j], path]) : [],
  );
  const found = missing(named, Object.keys(web), "path of web");
  const isServed = listeners.some((listener) => isRecord(listener) && listener["type"] !== "rawsocket" && listener["web"] !== false);
  if (isServed || Object.keys(web).length === 0 || listeners.length === 0) return found;
  return [...found, { path: ["web"], message: "no listener serves this: one of type web or universal does" }];
}

/** A proxy to a service needs one whose instances listen. */
function proxiesWithoutService(web: Readonly<Record<string, unknown>>, services: unknown): Finding[] {
  const known = isRecord(services) ? services : {};
  return Object.entries(web).flatMap(([path, entry]) => {
    const proxy = isRecord(entry) ? entry["proxy"] : undefined;
    const name = isRecord(proxy) ? proxy["service"] : undefined;
    if (typeof name !== "string") return [];
    const at = ["web", path, "proxy", "service"];
    const absent = missing([[at, name]], Object.keys(known), "service of this file");
    if (absent.length > 0) return absent;
    const service = known[name];
    return isRecord(service) && service["listens"] === true
      ? []
      : [{ path: at, message: `the service ${name} does not listen: give it listens: true` }];
  });
}

/** Whoever can reach a listener can read what its `static` holds, or that of an entry of `web`. */
function secretsServed(
  config: unknown,
  listeners: readonly unknown[],
  web: Readonly<Record<string, unknown>>,
  files: readonly string[],
): Finding[] {
  const secrets = [...files.map((file) => resolve(file)), ...secretPaths(config)];
  const directories: [Path, unknown][] = [
    ...listeners.map((listener, i): [Path, unknown] => [["listen", i, "static"], isRecord(listener) ? listener["static"] : undefined]),
    ...Object.entries(web).map(([path, entry]): [Path, unknown] => {
      const served = isRecord(entry) ? entry["static"] : undefined;
      return isRecord(served) ? [["web", path, "static", "directory"], served["directory"]] : [["web", path, "static"], served];
    }),
  ];
  return directories.flatMap(([path, text]) => {
    if (typeof text !== "string" || text === "") return [];
    const directory = resolve(text);
    const served = secrets.find(
      (secret) => secret === directory || secret.startsWith(directory.endsWith(sep) ? directory : directory + sep),
    );
    if (served === undefined) return [];
    const message = `everybody could read ${served}: name a directory without secrets, for example ./public`;
    return [{ path, message }];
  });
}

function listenersTwice(listeners: readonly unknown[]): Finding[] {
  return listeners.flatMap((listener, i) => {
    const other = listeners.slice(0, i).findIndex((earlier) => isSamePlace(earlier, listener));
    const key = isRecord(listener) && listener["path"] !== undefined ? "path" : "port";
    return other < 0 ? [] : [{ path: ["listen", i, key], message: `listen[${other}] listens there already` }];
  });
}

function isSamePlace(a: unknown, b: unknown): boolean {
  if (!isRecord(a) || !isRecord(b)) return false;
  if (typeof a["path"] === "string" && typeof b["path"] === "string") return resolve(a["path"]) === resolve(b["path"]);
  if (typeof a["port"] !== "number" || a["port"] === 0 || a["port"] !== b["port"]) return false;
  const [one = "127.0.0.1", another = "127.0.0.1"] = [a["host"], b["host"]];
  return one === another || EVERYWHERE.has(one) || EVERYWHERE.has(another);
}

const EVERYWHERE: ReadonlySet<unknown> = new Set(["0.0.0.0", "::"]);

/** The ways in, those that come on top of another included, with where in the realm each one stands. */
export function* methodsOf({ auth }: Readonly<Record<string, unknown>>): IterableIterator<[Path, Readonly<Record<string, unknown>>]> {
  for (const [i, method] of asList(auth).entries()) {
    if (!isRecord(method)) continue;
    yield [["auth", i], method];
    for (const [j, further] of asList(method["also"]).entries()) if (isRecord(further)) yield [["auth", i, "also", j], further];
  }
}

function within(path: Path, findings: readonly Finding[]): Finding[] {
  return findings.map((finding) => ({ path: [...path, ...finding.path], message: finding.message }));
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
