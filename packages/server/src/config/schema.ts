/**
 * The configuration: one schema for validation, types and defaults. Unknown keys are errors everywhere.
 *
 * What comes later has its place beside what is here: `services`, `web` and `metrics` at the top, further methods under
 * `realms.*.auth`, further keys in a role.
 */
import { isUri } from "@junctor/protocol";
import { DEFAULT_LIMITS, type RouterLimits } from "@junctor/router";
import { type ConnectionLimits, DEFAULT_CONNECTION_LIMITS } from "@junctor/transport-node";
import { z } from "zod";
import { usersSchema } from "../auth/users.ts";
import { authSchema } from "./auth-schema.ts";
import { parseDuration, parseSize } from "./units.ts";
import { parseUriPattern, type UriPattern } from "./uri-pattern.ts";

const duration = z.union([z.string(), z.number()]).transform((value, context) => {
  const ms = typeof value === "string" ? parseDuration(value) : undefined;
  if (ms === undefined)
    context.addIssue({ code: "custom", message: `expected a duration with its unit (ms, s, m, h, d), for example 25s` });
  return ms ?? 0;
});

const size = z.union([z.string(), z.number()]).transform((value, context) => {
  const bytes = typeof value === "string" ? parseSize(value) : undefined;
  if (bytes === undefined)
    context.addIssue({ code: "custom", message: `expected a size with its unit (B, KiB, MiB, GiB), for example 1MiB` });
  return bytes ?? 0;
});

const count = z.int().min(1);

const uriPattern = z.string().transform((text, context): UriPattern => {
  const pattern = parseUriPattern(text);
  if (typeof pattern !== "string") return pattern;
  context.addIssue({ code: "custom", message: pattern });
  return { uri: "", match: "exact" };
});

const patterns = z.array(uriPattern).default([]);
const disclosure = z.enum(["allow", "deny", "force"]);

const byAction = z.strictObject({ call: patterns, register: patterns, publish: patterns, subscribe: patterns });

const role = z.strictObject({
  authorizer: z
    .string()
    .min(1)
    .optional()
    .describe("A procedure that decides in place of allow and deny. Arguments and results as in Crossbar.io."),
  authorizerRealm: z.string().min(1).optional().describe("Where that procedure is registered. Default: this realm."),
  authorizerCache: duration.default(30_000).describe("How long an answer with cache: true holds, for the session that it was given for."),
  allow: byAction.prefault({}).describe("What the role may do. Nothing else is allowed; the most specific pattern decides."),
  deny: byAction.prefault({}).describe("Exceptions from what is allowed."),
  disclose: z.strictObject({ caller: disclosure.optional(), publisher: disclosure.optional() }).prefault({}),
});

export const realmSchema = z.strictObject({
  auth: z.array(authSchema).min(1),
  users: z
    .union([z.string().min(1), usersSchema])
    .optional()
    .describe("Who may log in: a users file, or its contents."),
  roles: z.record(z.string().min(1), role),
  uri: z.enum(["loose", "strict"]).default("loose"),
  requestIds: z.enum(["lenient", "strict"]).default("lenient"),
});

const listener = z
  .strictObject({
    type: z.enum(["web", "rawsocket", "universal"]),
    host: z.string().min(1).default("127.0.0.1"),
    port: z.int().min(0).max(65535).optional(),
    path: z.string().min(1).optional(),
    mode: z
      .string()
      .regex(/^0?[0-7]{3}$/, 'expected permissions in octal as a string, for example "0660"')
      .transform((text) => Number.parseInt(text, 8))
      .optional(),
    ws: z
      .string()
      .regex(/^(\/.*|\*)$/, 'expected a path that starts with /, or "*" for any')
      .default("/ws"),
    tls: z.strictObject({ cert: z.string(), key: z.string() }).optional(),
    serializers: z
      .array(z.enum(["json", "msgpack", "cbor"]))
      .min(1)
      .optional(),
    deflate: z.boolean().default(false),
    static: z.string().optional(),
  })
  .superRefine((value, context) => {
    if ((value.port === undefined) === (value.path === undefined)) {
      context.addIssue({ code: "custom", message: "a listener needs either a port (TCP) or a path (UNIX socket)" });
    }
    if (value.path === undefined && value.mode !== undefined)
      context.addIssue({ code: "custom", path: ["mode"], message: "mode is for UNIX sockets: give a path" });
    if (value.type === "rawsocket" && value.static !== undefined)
      context.addIssue({ code: "custom", path: ["static"], message: "a rawsocket listener speaks no HTTP: use type web or universal" });
  });

/** Each limit: where it applies, and what it is counted in. The name in the file is the name here. */
export const LIMITS = {
  helloTimeout: ["router", "duration", "helloTimeoutMs", "From the connection to HELLO."],
  joinTimeout: ["router", "duration", "joinTimeoutMs", "From HELLO to WELCOME."],
  goodbyeTimeout: ["router", "duration", "goodbyeTimeoutMs", "Wait for a peer's GOODBYE."],
  uriLength: ["router", "count", "uriLength", "Characters of a URI."],
  uriComponents: ["router", "count", "uriComponents", "Components of a URI."],
  subscriptions: ["router", "count", "subscriptions", "Subscriptions of one session."],
  patternSubscriptions: ["router", "count", "patternSubscriptions", "Prefix and wildcard subscriptions of one session."],
  registrations: ["router", "count", "registrations", "Registrations of one session."],
  callsPerSession: ["router", "count", "callsPerSession", "Calls of one session that have no answer yet."],
  callsPerRealm: ["router", "count", "callsPerRealm", "Calls of one realm that have no answer yet."],
  listLength: ["router", "count", "listLength", "Items of each exclude and eligible list."],
  testaments: ["router", "count", "testaments", "Testaments of one session."],
  testamentSize: ["router", "size", "testamentSize", "The call that adds a testament."],
  messageSize: ["connection", "size", "messageSize", "A message, after WELCOME."],
  messageSizeBeforeJoin: ["connection", "size", "messageSizeBeforeJoin", "A message, before WELCOME."],
  fragments: ["connection", "count", "fragments", "WebSocket fragments of one message."],
  handshakeTimeout: [
    "connection",
    "duration",
    "handshakeTimeoutMs",
    "From the connection to the end of its TLS, HTTP or RawSocket handshake.",
  ],
  headerSize: ["connection", "size", "headerSize", "All HTTP headers of a request."],
  headerCount: ["connection", "count", "headerCount", "HTTP headers of a request."],
  unjoinedPerAddress: [
    "connection",
    "count",
    "unjoinedPerAddress",
    "Connections of one address that have not joined; loopback and UNIX sockets are exempt.",
  ],
  connectionsPerAddress: [
    "connection",
    "count",
    "connectionsPerAddress",
    "Connections of one address; loopback and UNIX sockets are exempt.",
  ],
  connections: ["connection", "count", "connections", "Connections of one listener."],
  queueSoft: ["connection", "size", "queueSoft", "Outgoing queue of a connection that it may exceed for queueSoftTime only."],
  queueSoftTime: ["connection", "duration", "queueSoftMs", "How long a queue may exceed queueSoft."],
  queueHard: ["connection", "size", "queueHard", "Outgoing queue of a connection that it must not exceed."],
  pingInterval: ["connection", "duration", "pingIntervalMs", "Silence after which a peer is pinged."],
  pingTimeout: ["connection", "duration", "pingTimeoutMs", "Further silence after which it counts as gone."],
  closeTimeout: ["connection", "duration", "closeTimeoutMs", "Wait for a peer's closing handshake."],
} as const satisfies Record<
  string,
  readonly ["router", string, keyof RouterLimits, string] | readonly ["connection", string, keyof ConnectionLimits, string]
>;

const UNITS = { duration, size, count };
const limits = z.strictObject({
  ...(Object.fromEntries(Object.entries(LIMITS).map(([name, [, unit]]) => [name, UNITS[unit].optional()])) as Record<
    keyof typeof LIMITS,
    z.ZodOptional<typeof count>
  >),
  slowConsumer: z.enum(["disconnect", "drop_newest", "drop_oldest", "conflate"]).optional(),
});

export const configSchema = z.strictObject({
  version: z.literal(1),
  listen: z.array(listener).min(1),
  realms: z.record(z.string(), realmSchema).superRefine((realms, context) => {
    for (const [name, { auth, roles }] of Object.entries(realms)) {
      if (!isUri(name))
        context.addIssue({
          code: "custom",
          path: [name],
          message: "the name of a realm is a URI: components without white space and #, joined by dots",
        });
      auth.forEach((method, i) => {
        if (method.method !== "anonymous") return;
        const { role } = method;
        if (!Object.hasOwn(roles, role))
          context.addIssue({
            code: "custom",
            path: [name, "auth", i, "role"],
            message: `the realm has no role ${role}; it has ${Object.keys(roles).join(", ") || "none"}`,
          });
      });
    }
  }),
  limits: limits.prefault({}),
  log: z
    .strictObject({
      level: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
      format: z.enum(["json", "pretty", "auto"]).default("auto"),
    })
    .prefault({}),
});

export type Config = z.output<typeof configSchema>;
export type ListenerConfig = Config["listen"][number];
export type RealmFileConfig = Config["realms"][string];

/** The limits of a configuration as router and connections take them. */
export function limitsOf(config: Pick<Config, "limits">): { router: RouterLimits; connection: ConnectionLimits } {
  const router: Record<string, unknown> = { ...DEFAULT_LIMITS };
  const connection: Record<string, unknown> = { ...DEFAULT_CONNECTION_LIMITS };
  for (const [name, [where, , key]] of Object.entries(LIMITS)) {
    const value = config.limits[name as keyof typeof LIMITS];
    if (value !== undefined) (where === "router" ? router : connection)[key] = value;
  }
  if (config.limits.slowConsumer !== undefined) connection["slowConsumer"] = config.limits.slowConsumer;
  return { router: router as unknown as RouterLimits, connection: connection as unknown as ConnectionLimits };
}
