/** Every kind of web service, and what makes one. */
import type { WebEntry, WebKind } from "../config/web-schema.ts";
import { VERSION } from "../version.ts";
import { Health } from "./health.ts";
import { JsonValue } from "./json-value.ts";
import { longPoll } from "./long-poll.ts";
import { Redirect } from "./redirect.ts";
import type { WebEnvironment, WebService } from "./web-service.ts";

type Options<K extends WebKind> = NonNullable<WebEntry[K]>;

/**
 * One line for each kind; what few configurations have, or what pulls a library in, is imported when it is asked for.
 * A maker throws UserError where an option cannot be what it says: a directory that is none.
 */
const MAKERS: { readonly [K in WebKind]: (options: Options<K>, environment: WebEnvironment) => WebService | Promise<WebService> } = {
  static: async (options) => new (await import("./static-files.ts")).StaticFiles(options),
  redirect: (options) => new Redirect(options),
  json: (value) => new JsonValue(value),
  bridge: async (options, environment) => new (await import("./bridge.ts")).Bridge(options, environment),
  sse: async (options, environment) => new (await import("./event-stream.ts")).EventStream(options, environment),
  longpoll: (options, environment) => longPoll(options, environment),
  proxy: async (options, environment) => (await import("./make-proxy.ts")).makeProxy(options, environment),
  node: async (options, environment) => (await import("./node-application.ts")).makeNodeApplication(options, environment),
  health: (kind, { condition }) => new Health(kind, condition),
  metrics: async (_, { router, condition, observe }) => new (await import("./metrics.ts")).Metrics({ router, condition, observe }),
  info: () => new JsonValue(() => ({ server: "junctor", version: VERSION, uptimeSeconds: Math.floor(process.uptime()) })),
};

/** @throws {UserError} */
export async function makeService(entry: WebEntry, environment: WebEnvironment): Promise<WebService> {
  for (const kind of Object.keys(MAKERS) as WebKind[]) if (entry[kind] !== undefined) return make(kind, entry, environment);
  throw new TypeError(`web ${environment.path} has no kind`);
}

function make<K extends WebKind>(kind: K, entry: WebEntry, environment: WebEnvironment): WebService | Promise<WebService> {
  return MAKERS[kind](entry[kind] as Options<K>, environment);
}
