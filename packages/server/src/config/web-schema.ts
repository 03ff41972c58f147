/**
 * `web`: what is served over HTTP, path by path; exactly one kind of service at each. What a kind is for and how it is added
 * stands in web/web-service.ts.
 */
import { z } from "zod";
import { normalPath } from "../web/request-path.ts";
import { isRecord } from "./auth-schema.ts";
import { duration, originRule, size } from "./scalars.ts";

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

/** A new kind is a line here, and one in web/kinds.ts. */
const webKinds = {
  static: staticOptions.optional().describe("Files of a directory."),
  redirect: redirectOptions.optional().describe("Sends clients elsewhere."),
  json: z.unknown().optional().describe("A value, served as JSON."),
  bridge: bridgeOptions.optional().describe("Calls and publications by POST, for programs that speak no WAMP."),
  sse: eventStreamOptions.optional().describe("Subscriptions as Server-Sent Events."),
  longpoll: longPollOptions.optional().describe("WAMP over HTTP long-poll, for clients that get no WebSocket through."),
  info: z.literal(true).optional().describe("Tells, as JSON, what runs here and in which version."),
};

export type WebKind = keyof typeof webKinds;
const KINDS = Object.keys(webKinds) as WebKind[];

const headers = z
  .record(
    z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, "expected the name of a header"),
    z.string().regex(/^[\t -~]*$/, "expected visible ASCII: what a header can hold"),
  )
  .default({})
  .describe("Headers that each answer carries, beside those of the service.");

const entry = z.strictObject({ ...webKinds, headers }).superRefine((value, context) => {
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

export type WebConfig = z.output<typeof webSchema>;
export type WebEntry = WebConfig[string];
export type StaticOptions = z.output<typeof staticOptions>;
export type BridgeOptions = z.output<typeof bridgeOptions>;
export type EventStreamOptions = z.output<typeof eventStreamOptions>;
export type LongPollSettings = z.output<typeof longPollSettings>;
export type RedirectOptions = z.output<typeof redirectOptions>;
