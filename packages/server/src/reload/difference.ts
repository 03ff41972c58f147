/** What is different between two configurations, by the paths of the file; and what of it has to wait for a restart. */
import { isDeepStrictEqual } from "node:util";
import type { ConfigChange } from "@junctor/admin-api";
import { isRecord } from "../config/auth-schema.ts";
import { LIMITS } from "../config/schema.ts";
import { placeOf } from "../listeners.ts";
import type { ServerConfig } from "../server.ts";

/** Values may be secrets: paths only. */
export function difference(before: ServerConfig, wanted: ServerConfig): readonly ConfigChange[] {
  const found: ConfigChange[] = [];
  compare(asWritten(before), asWritten(wanted), "", 0, found);
  return found;
}

/** The sections as a file has them, with listeners by their places. What included files hold is where it belongs already. */
function asWritten({ limits, listen, logging, include: _, ...rest }: ServerConfig): Readonly<Record<string, unknown>> {
  const listeners = listen.map((listener, i) => [`[${placeOf(listener)}]${listener.port === 0 ? `#${i + 1}` : ""}`, listener] as const);
  return { listen: new Map(listeners), ...rest, limits: limitsAsWritten(limits), log: logging };
}

function limitsAsWritten({ router, connection }: ServerConfig["limits"]): Readonly<Record<string, unknown>> {
  const names = new Map<string, string>(Object.entries(LIMITS).map(([name, [, , key]]) => [key, name]));
  return Object.fromEntries(Object.entries({ ...router, ...connection }).map(([key, value]) => [names.get(key) ?? key, value]));
}

function compare(before: unknown, wanted: unknown, path: string, depth: number, found: ConfigChange[]): void {
  if (isDeepStrictEqual(before, wanted)) return;
  if (before === undefined || wanted === undefined) {
    found.push({ path, what: before === undefined ? "added" : "removed" });
    return;
  }
  const [a, b] = [entriesOf(before), entriesOf(wanted)];
  if (a === undefined || b === undefined || depth > deepest(path)) {
    found.push({ path, what: "changed" });
    return;
  }
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const inner = key.startsWith("[") ? `${path}${key}` : path === "" ? key : `${path}.${key}`;
    compare(a.get(key), b.get(key), inner, depth + 1, found);
  }
}

/** Of a realm its roles and its events are told one by one, of all else the first two levels. */
function deepest(path: string): number {
  return /^realms\.\S+\.(roles|events)$/.test(path) ? 3 : 2;
}

function entriesOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (value instanceof Map) return value;
  if (!isRecord(value) || Array.isArray(value) || value instanceof Uint8Array) return undefined;
  return new Map(Object.entries(value));
}

/**
 * What can be put into force while the server runs: the configuration that is wanted, but for what has to be as it was.
 *
 * @returns that, and what waits for a restart
 */
export function withoutRestart(
  before: ServerConfig,
  wanted: ServerConfig,
): { config: ServerConfig; needsRestart: readonly ConfigChange[] } {
  const realms = Object.fromEntries(
    Object.entries(wanted.realms).map(([name, realm]) => {
      const open = Object.hasOwn(before.realms, name) ? before.realms[name] : undefined;
      if (open === undefined) return [name, realm];
      const { store, history } = open.events; // what is stored cannot be moved
      const { store: _store, ...events } = realm.events;
      return [name, { ...realm, events: { ...events, history, ...(store !== undefined && { store }) } }];
    }),
  );
  const listen = wanted.listen.map((listener) => {
    const open = before.listen.find((other) => placeOf(other) === placeOf(listener));
    if (open === undefined) return listener;
    const { mode: _, ...rest } = listener;
    return { ...rest, ...(open.mode !== undefined && { mode: open.mode }) };
  });
  const { limits, web, services } = wanted;
  const { logging } = before;
  const config: ServerConfig = {
    ...before,
    realms,
    listen,
    limits,
    ...(web !== undefined && { web }),
    ...(services !== undefined && { services }),
    ...(logging !== undefined && { logging: { ...logging, level: wanted.logging?.level ?? logging.level } }),
  };
  return { config, needsRestart: difference(config, wanted) };
}
