/** Paths in a configuration are relative to its own directory, wherever the server is started from. */
import { dirname, resolve } from "node:path";
import { isRecord } from "./auth-schema.ts";

/** Where paths stand; `*` is any key or item. A value that is no text is no path. */
const PATHS = [
  "state",
  "listen.*.path",
  "listen.*.static",
  "listen.*.tls.cert",
  "listen.*.tls.key",
  "listen.*.tls.clientCa",
  "listen.*.tls.also.*.cert",
  "listen.*.tls.also.*.key",
  "web.*.static",
  "web.*.static.directory",
  "web.*.node",
  "web.*.node.module",
  "web.*.node.watch.*",
  "realms.*.users",
  "realms.*.auth.*.users",
  "realms.*.auth.*.also.*.users",
  "realms.*.auth.*.routerKey",
  "realms.*.auth.*.also.*.routerKey",
  "realms.*.auth.*.trustRoots.*.certificates",
  "realms.*.auth.*.also.*.trustRoots.*.certificates",
  "realms.*.auth.*.jwks",
  "realms.*.events.store.path",
  "services.*.cwd",
  "services.*.module",
  "services.*.watch.*",
  "admin.users",
  "admin.auth.*.users",
  "admin.auth.*.also.*.users",
  "admin.auth.*.routerKey",
  "admin.auth.*.also.*.routerKey",
  "admin.auth.*.jwks",
].map((path) => path.split("."));

/** The same for what is a path where it says `unix:` first. */
const SOCKETS = ["web.*.proxy", "web.*.proxy.to", "web.*.proxy.to.*"].map((path) => path.split("."));
const UNIX = "unix:";

/** What the last part of the path to a secret is called: keys, users and stores are, certificates and sockets are not. */
const SECRET: ReadonlySet<string | undefined> = new Set(["key", "users", "routerKey", "state"]);

/** The files and directories that a configuration names and that are nobody else's matter. */
export function secretPaths(config: unknown): string[] {
  return PATHS.filter((path) => SECRET.has(path.at(-1)) || path.includes("store")).flatMap((path) => textsAt(config, path));
}

function textsAt(value: unknown, [key, ...rest]: readonly string[]): string[] {
  if (key === undefined) return typeof value === "string" && value !== "" ? [value] : [];
  if (!isRecord(value)) return [];
  return (key === "*" ? Object.values(value) : [value[key]]).flatMap((inner) => textsAt(inner, rest));
}

/** The state directory that nobody has named, relative to the file. */
export const STATE = ".junctor";

const IS_URL = /^\w+:\/\//;

/** Makes the paths in what a file holds absolute. Nothing of it is known to be right. */
export function anchorPaths(config: unknown, file: string): void {
  const directory = dirname(resolve(file));
  for (const service of isRecord(config) && isRecord(config["services"]) ? Object.values(config["services"]) : [])
    if (isRecord(service) && service["cwd"] === undefined) (service as Record<string, unknown>)["cwd"] = directory;
  const absolute = (text: string) => (IS_URL.test(text) ? text : resolve(directory, text));
  for (const path of PATHS) anchor(config, path, absolute);
  const socket = (text: string) => (text.startsWith(UNIX) ? `${UNIX}${resolve(directory, text.slice(UNIX.length))}` : text);
  for (const path of SOCKETS) anchor(config, path, socket);
}

function anchor(value: unknown, [key = "", ...rest]: readonly string[], change: (text: string) => string): void {
  if (!isRecord(value)) return;
  const entries = value as Record<string, unknown>;
  for (const name of key === "*" ? Object.keys(entries) : [key]) {
    const inner = entries[name];
    if (rest.length > 0) anchor(inner, rest, change);
    else if (typeof inner === "string" && inner !== "") entries[name] = change(inner);
  }
}
