/**
 * `web`: what is served over HTTP, path by path; exactly one kind of service at each. What a kind is for and how it is added
 * stands in web/web-service.ts.
 */
import { availableParallelism } from "node:os";
import { z } from "zod";
import { normalPath } from "../web/request-path.ts";
import { isRecord } from "./auth-schema.ts";
import { count, duration, originRule, size } from "./scalars.ts";

const fileName = z.string().regex(/^[^/\\.][^/\\]*$/, "expected the name of a file in the directory");
const staticFields = z.strictObject({
  directory: z
    .string()
    .min(1)
    .describe("Whose files are served, as they are when they are asked for; no dotfiles but `/.well-known`, nothing outside it."),
  index: fileName.default("index.html").describe("The file that stands for a directory. Directories are not listed."),
  fallback: fileName
    .optional()
    .describe("The file that is served, to browsers, for addresses that are no file: the page of an application with routes of its own."),
  cacheControl: z
    .string()
    .regex(/^[\t -~]*$/, "expected visible ASCII: what a header can hold")
    .optional()
    .describe(
      "How long browsers keep a file, as a Cache-Control header. Default: for ever where a build tool has put a hash into its name (`app.3f2a9c1b.js`), else they ask each time whether it has changed.",
    ),
  memory: size.prefault("32MiB").describe("For files up to 2MiB that are kept in memory."),
});
/** Written as one text where nothing else is to be said. */
export const staticOptions = z.union([
  staticFields.shape.directory.transform((directory) => staticFields.parse({ directory })),
  staticFields,
]);

const location = z.string().regex(/^(https?:\/\/|\/)[!-~]+$|^\/$/, "expected a URL, or a path of this server: https://example.com/, /new");
const redirectOptions = z.union([
  location.transform((to) => ({ to, status: 302, keepPath: false })),
  z.strictObject({
    to: location.describe("Where to: a URL, or a path of this server."),
    status: z
      .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)])
      .default(302)
      .describe("308 and 301 are for ever: browsers remember them."),
    keepPath: z.boolean().default(false).describe("Appends what follows the entry's own path, and the query."),
  }),
]);

const longPollSettings = z.strictObject({
  origins: z.array(originRule).min(1).default(["same-host"]).describe("Pages that may use it, as in `listen[].origins`."),
  hold: duration.prefault("10s").describe("How long a request to receive is held when there is nothing."),
  silence: duration.prefault("30s").describe("How long a client may leave no request; then its session ends."),
  status: z
    .union([z.literal(202), z.literal(204)])
    .default(204)
    .describe("Of success without content. The specification writes 202; 204 is all that Autobahn|JS takes."),
  bindAddress: z.boolean().default(false).describe("Whether all requests of a client have to come from one address. Phones change theirs."),
});
const longPollOptions = z.union([z.literal(true).transform(() => longPollSettings.parse({})), longPollSettings]);

const realmName = z.string().min(1).describe("The realm that those who come here join, by its own methods: see `realms.*.auth`.");
const bridgeOptions = z.strictObject({
  realm: realmName,
  timeout: duration.prefault("30s").describe("For calls that name no `timeout` of their own."),
});
const eventStreamOptions = z.strictObject({
  realm: realmName,
  keepAlive: duration.prefault("15s").describe("How often a comment is sent, so that proxies keep the connection."),
});

const target = z
  .string()
  .refine(isTarget, "expected a URL of http or https without a query, or a UNIX socket: http://127.0.0.1:9000, unix:./app.sock");
const proxyFields = z.strictObject({
  to: z
    .union([target.transform((one) => [one]), z.array(target).min(1)])
    .optional()
    .describe("Where requests go: URLs, or UNIX sockets (`unix:./app.sock`). Of several, each goes to the one that has the fewest."),
  service: z
    .string()
    .min(1)
    .optional()
    .describe("In place of `to`: a service of this file that listens on its socket (`services.*.listens`). Requests go to its instances."),
  stripPath: z.boolean().default(false).describe("Takes the entry's own path off before requests go on."),
  host: z.enum(["client", "target"]).default("client").describe("Whose Host header the target sees: the client's, or its own."),
  connectTimeout: duration.prefault("5s").describe("For a connection to a target; then another one is tried."),
  responseTimeout: duration.prefault("60s").describe("From the end of a request to the beginning of its response."),
  health: z
    .strictObject({
      path: z
        .string()
        .regex(/^\/[!-~]*$/, "expected a path that starts with /")
        .describe("What is asked for. A status below 400 says that it is well."),
      interval: duration.prefault("10s").describe("How often."),
      timeout: duration.prefault("2s").describe("Without an answer by then it is not."),
    })
    .optional()
    .describe("Asks the targets whether they are well. Those that cannot be reached are left out for a while in any case."),
});
const proxyOptions = z.union([target.transform((to) => proxyFields.parse({ to })), proxyFields]).superRefine(({ to, service }, context) => {
  if ((to === undefined) === (service === undefined))
    context.addIssue({ code: "custom", message: "a proxy needs either to, where requests go, or service" });
});

function isTarget(text: string): boolean {
  if (text.startsWith("unix:")) return text.length > 5;
  if (!/^https?:\/\/[^/?#]/i.test(text) || !URL.canParse(text)) return false;
  const { search, hash, username, password, pathname } = new URL(text);
  return `${search}${hash}${username}${password}` === "" && normalPath(pathname) !== undefined;
}

const nodeFields = z.strictObject({
  module: z
    .string()
    .min(1)
    .describe(
      "A JavaScript module (TypeScript from Node.js 22.18 on) whose default export is the application: `(request, response) => …` of node:http, a function from Request to Response, or an object with `fetch`.",
    ),
  workers: z
    .union([count, z.literal("cores").transform(() => availableParallelism())])
    .meta({ title: "number or `cores`" })
    .default(1)
    .describe("Processes that it runs in; `cores`: one for each core."),
  env: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String))
    .meta({ title: "map of texts" })
    .default({})
    .describe("Environment variables, besides those that the server was started with."),
  realm: z.string().min(1).optional().describe("Realm that it may join, with the ticket in its environment."),
  role: z.string().min(1).optional().describe("Role that it joins as."),
  memoryLimit: size.optional().describe("Resident memory above which a process is restarted. Linux only."),
  watch: z
    .array(z.string().min(1))
    .default([])
    .describe("For development: files, directories and patterns; it is restarted when they change."),
  responseTimeout: duration.prefault("60s").describe("From the end of a request to the beginning of its response."),
});
const nodeOptions = z
  .union([nodeFields.shape.module.transform((module) => nodeFields.parse({ module })), nodeFields])
  .superRefine(({ realm, role }, context) => {
    if ((realm === undefined) !== (role === undefined))
      context.addIssue({ code: "custom", message: "an application that joins needs both realm and role" });
  });

const headerName = z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, "expected the name of a header");
const headerValue = z.string().regex(/^[\t -~]*$/, "expected visible ASCII: what a header can hold");

const securityFields = z.strictObject({
  frames: z
    .enum(["deny", "same-origin", "allow"])
    .default("same-origin")
    .describe("Pages that may show it in a frame: none, those of the same origin, or all."),
  csp: headerValue.optional().describe("A Content-Security-Policy."),
  referrerPolicy: headerValue.default("strict-origin-when-cross-origin").describe("What browsers tell other sites of where a link was."),
  hsts: duration
    .optional()
    .describe("For so long browsers come back by TLS only (Strict-Transport-Security). Sent by TLS. Begin with a short time."),
});
const security = z
  .union([securityFields, z.boolean().transform((isOn) => (isOn ? securityFields.parse({}) : undefined))])
  .prefault(true)
  .describe("Headers with which browsers protect a page and its visitors. What a service sets itself goes before; `false` sends none.");

const corsOptions = z
  .strictObject({
    origins: z.array(originRule).min(1).describe("Whose pages may read the answers; as in `listen[].origins`."),
    methods: z
      .array(z.string().regex(/^[A-Z]+$/, "expected a method: GET"))
      .default(["GET", "HEAD", "POST"])
      .describe("With which methods."),
    headers: z.array(headerName).default([]).describe("With which headers, besides those that any page may send."),
    exposed: z.array(headerName).default([]).describe("Headers of an answer that they may read, besides the usual ones."),
    credentials: z.boolean().default(false).describe("Whether browsers send cookies along. Not with the origin `*`."),
    maxAge: duration.prefault("10m").describe("How long browsers remember all this."),
  })
  .superRefine(({ origins, credentials }, context) => {
    if (credentials && origins.includes("*"))
      context.addIssue({
        code: "custom",
        path: ["credentials"],
        message: "credentials need origins that are named: any page could use them otherwise",
      });
  });

/** A new kind is a line here, and one in web/kinds.ts. */
const webKinds = {
  static: staticOptions.optional().describe("Files of a directory."),
  redirect: redirectOptions.optional().describe("Sends clients elsewhere."),
  json: z.unknown().optional().describe("A value, served as JSON."),
  bridge: bridgeOptions.optional().describe("Calls and publications by POST, for programs that speak no WAMP."),
  sse: eventStreamOptions.optional().describe("Subscriptions as Server-Sent Events."),
  longpoll: longPollOptions.optional().describe("WAMP over HTTP long-poll, for clients that get no WebSocket through."),
  proxy: proxyOptions.optional().describe("Another server that answers, WebSockets included."),
  node: nodeOptions.optional().describe("An application for Node.js, in processes of its own."),
  health: z
    .enum(["live", "ready", "all"])
    .optional()
    .describe("Tells whether the server is well: need not be restarted (live), takes sessions (ready), and each check (all)."),
  metrics: z.literal(true).optional().describe("What the server counts, in the format of Prometheus."),
  info: z.literal(true).optional().describe("Tells, as JSON, what runs here and in which version."),
};

export type WebKind = keyof typeof webKinds;
const KINDS = Object.keys(webKinds) as WebKind[];

const headers = z.record(headerName, headerValue).default({}).describe("Headers that each answer carries, beside those of the service.");

/** What every entry may have besides its kind. */
const entryOptions = {
  headers,
  security,
  cors: corsOptions.optional().describe("Lets pages of other origins read the answers. Default: none."),
  bodySize: size.prefault("1MiB").describe("The longest body of a request."),
  accessLog: z.boolean().default(false).describe("Logs each request (`http.request`)."),
};

const entry = z.strictObject({ ...webKinds, ...entryOptions }).superRefine((value, context) => {
  const given = KINDS.filter((kind) => kind in value);
  if (given.length === 1) return;
  const message =
    given.length === 0
      ? `what is to be served here? expected one of ${KINDS.join(", ")}`
      : `one path serves one thing; here are ${given.join(" and ")}`;
  context.addIssue({ code: "custom", message });
});

// This runs with other errors or without, so that all are told at once: what is there is not known to be right.
function checkPaths(web: unknown, context: z.core.$RefinementCtx): void {
  if (!isRecord(web)) return;
  const message = "expected a path that starts with /, without a / at its end, a query or dots: /, /app, /api/v1";
  for (const path of Object.keys(web)) if (!isWebPath(path)) context.addIssue({ code: "custom", path: [path], message });
}

export function isWebPath(path: string): boolean {
  return path === "/" || (normalPath(path) === path && !path.endsWith("/") && !path.includes("?"));
}

export const webSchema = z
  .record(z.string(), entry)
  .superRefine(checkPaths, { when: () => true })
  .default({})
  .describe("What web listeners serve over HTTP, by path. The longest path that a request's begins with serves it.");

/** `listen[].web` */
export const listenerWeb = z
  .union([z.boolean(), z.array(z.string())])
  .default(true)
  .describe("What of `web` this listener serves: all (true), nothing (false), or the paths in this list.");

/** An entry that says no more than what it serves. */
export const webEntrySchema = entry;

export type WebConfig = z.output<typeof webSchema>;
export type WebEntry = WebConfig[string];
export type StaticOptions = z.output<typeof staticOptions>;
export type BridgeOptions = z.output<typeof bridgeOptions>;
export type EventStreamOptions = z.output<typeof eventStreamOptions>;
export type LongPollSettings = z.output<typeof longPollSettings>;
export type ProxyFileConfig = z.output<typeof proxyOptions>;
export type NodeOptions = z.output<typeof nodeOptions>;
export type CorsOptions = z.output<typeof corsOptions>;
export type SecurityOptions = z.output<typeof securityFields>;
export type RedirectOptions = z.output<typeof redirectOptions>;
