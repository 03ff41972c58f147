/**
 * The configuration: one schema for validation, types and defaults. Unknown keys are errors everywhere.
 *
 * The sections at the top stand in this order: version, listen, realms, services, web, admin, metrics, log, limits, state, include.
 * What comes later has its place beside what is here: further methods under `realms.*.auth`, further keys in a role.
 */
import { isUri } from "@junctor/protocol";
import { DEFAULT_LIMITS, type RouterLimits } from "@junctor/router";
import { type ConnectionLimits, DEFAULT_CONNECTION_LIMITS } from "@junctor/transport-node";
import { z } from "zod";
import { usersSchema } from "../auth/users.ts";
import { adminSchema } from "./admin-schema.ts";
import { authSchema, isRecord } from "./auth-schema.ts";
import { callsSchema } from "./calls-schema.ts";
import { eventsSchema } from "./events-schema.ts";
import { STATE } from "./paths.ts";
import { count, duration, hostRule, originRule, procedure, proxy, size, uriPattern } from "./scalars.ts";
import { servicesSchema } from "./services-schema.ts";
import { formatDuration, formatSize } from "./units.ts";
import { listenerWeb, webSchema } from "./web-schema.ts";

const patterns = z.array(uriPattern).prefault([]);
const disclosure = z.enum(["allow", "deny", "force"]);

const rate = {
  rate: z.number().positive().describe("A second, for each session."),
  burst: count.optional().describe("At once. Default: as many as in two seconds."),
};
const permissions = z
  .array(
    z.union([
      uriPattern.transform((uri) => ({ uri, disclose: undefined, rate: undefined, burst: undefined })),
      z.strictObject({
        uri: uriPattern.describe("What it is for."),
        disclose: disclosure.optional().describe("In place of the role's `disclose`."),
        rate: rate.rate.optional().describe("How often a second each session may make use of it."),
        burst: rate.burst,
      }),
    ]),
  )
  .prefault([]);

const allowed = z.strictObject({
  call: permissions.describe("Procedures that it calls: URI patterns, or mappings with a rate or a disclosure of their own."),
  register: permissions.describe("Procedures that it registers."),
  publish: permissions.describe("Topics that it publishes to."),
  subscribe: permissions.describe("Topics that it subscribes to."),
});

const roleLimits = z
  .strictObject({
    sessions: count.optional().describe("Sessions of the role in this realm."),
    subscriptions: count.optional().describe("As in `limits`, for the sessions of this role."),
    patternSubscriptions: count.optional().describe("As in `limits`."),
    registrations: count.optional().describe("As in `limits`."),
    callsPerSession: count.optional().describe("As in `limits`."),
    listLength: count.optional().describe("As in `limits`."),
    uriLength: count.optional().describe("As in `limits`."),
    uriComponents: count.optional().describe("As in `limits`."),
    messages: z
      .strictObject(rate)
      .optional()
      .describe(
        "Calls, publications, subscriptions and registrations of one session. One that sends more is not read until the next second.",
      ),
    bytes: z
      .strictObject({
        rate: size.describe("A second, for each session."),
        burst: size.optional().describe("At once. Default: as many as in two seconds."),
      })
      .optional()
      .describe("Bytes of their payloads."),
  })
  .optional()
  .describe("What its sessions may hold and send. What is more is refused with `junctor.error.limit_exceeded`.");

const byAction = z.strictObject({
  call: patterns.describe("Procedures that it calls."),
  register: patterns.describe("Procedures that it registers."),
  publish: patterns.describe("Topics that it publishes to."),
  subscribe: patterns.describe("Topics that it subscribes to."),
});

const role = z.strictObject({
  authorizer: procedure
    .optional()
    .describe("A procedure that decides in place of allow and deny. Arguments and results as in Crossbar.io."),
  authorizerRealm: z.string().min(1).optional().describe("Where that procedure is registered. Default: this realm."),
  authorizerCache: duration.default(30_000).describe("How long an answer with cache: true holds, for the session that it was given for."),
  limits: roleLimits,
  allow: allowed.prefault({}).describe("What the role may do. Nothing else is allowed; the most specific pattern decides."),
  deny: byAction.prefault({}).describe("Exceptions from what is allowed."),
  disclose: z
    .strictObject({
      caller: disclosure
        .optional()
        .describe(
          "Whether callees are told who calls: on the caller's request (allow), never (deny; a request is refused), or always (force). Default: allow; but callees may ask to be told (disclose_caller) only where allow or force is written here.",
        ),
      publisher: disclosure.optional().describe("The same for publishers and their subscribers. Default: allow."),
    })
    .prefault({})
    .describe("Who learns who calls and publishes."),
});

export const realmSchema = z.strictObject({
  auth: z
    .array(authSchema)
    .min(1)
    .describe("The ways in. Of the methods that a client offers, in its order, the first that stands here is used."),
  users: z
    .union([z.string().min(1), usersSchema])
    .meta({ title: "[users](#users)" })
    .optional()
    .describe("Who may log in: a users file, or its contents."),
  roles: z.record(z.string().min(1), role).describe("What those who have joined may do, by the name of their role."),
  uri: z
    .enum(["loose", "strict"])
    .default("loose")
    .describe(
      "What a component of a URI may consist of: anything but white space, # and dots (loose), or lower-case letters, digits and _ (strict).",
    ),
  calls: callsSchema.prefault({}).describe("What may become of calls: time-outs, policies of shared procedures, waiting, sharding."),
  events: eventsSchema.prefault({}).describe("What becomes of events beyond their delivery: history, retained values, consumer groups."),
  requestIds: z
    .enum(["lenient", "strict"])
    .default("lenient")
    .describe(
      "Whether the ids of a client's requests have to count 1, 2, 3, … (strict), or may be any that no call in flight has (lenient), as those of nexus and xconn are when an application calls from several goroutines.",
    ),
});

// This runs with other errors or without, so that all are told at once: what is there is not known to be right.
function checkNames(realms: unknown, context: z.core.$RefinementCtx): void {
  if (!isRecord(realms)) return;
  const message = "the name of a realm is a URI: components without white space and #, joined by dots";
  for (const name of Object.keys(realms)) if (!isUri(name)) context.addIssue({ code: "custom", path: [name], message });
}

const listener = z
  .strictObject({
    type: z
      .enum(["web", "rawsocket", "universal"])
      .describe("What it speaks: WebSocket and HTTP (web), RawSocket, or all of them (universal): the first octet tells."),
    host: z
      .string()
      .min(1)
      .default("127.0.0.1")
      .describe("Address to listen on: 127.0.0.1 is this machine only, 0.0.0.0 is all of its addresses."),
    port: z.int().min(0).max(65535).meta({ title: "number" }).optional().describe("TCP port; 0 takes any that is free."),
    path: z.string().min(1).optional().describe("UNIX socket, in place of host and port."),
    mode: z
      .string()
      .regex(/^0?[0-7]{3}$/, 'expected permissions in octal as a string, for example "0660"')
      .transform((text) => Number.parseInt(text, 8))
      .optional()
      .describe('Permissions of the UNIX socket, in octal. Default: "0600".'),
    ws: z
      .string()
      .regex(/^(\/.*|\*)$/, 'expected a path that starts with /, or "*" for any')
      .default("/ws")
      .describe('Path at which WebSocket clients connect; "*" takes any.'),
    tls: z
      .strictObject({
        also: z
          .array(
            z.strictObject({
              cert: z.string().describe("File with a further certificate, PEM."),
              key: z.string().describe("File with its private key, PEM."),
            }),
          )
          .default([])
          .describe("Further certificates: a client is shown the first that holds for the name that it asks for (SNI)."),
        cert: z.string().describe("File with the certificate and those above it, PEM."),
        key: z.string().describe("File with its private key, PEM."),
        clientCa: z
          .string()
          .optional()
          .describe("File with the authorities whose client certificates are accepted, PEM. Clients are asked for one then."),
        clientCertificate: z
          .enum(["optional", "required"])
          .default("optional")
          .describe("Whether a client without a certificate may connect."),
      })
      .optional()
      .describe("TLS, 1.2 or newer."),
    serializers: z
      .array(z.enum(["json", "msgpack", "cbor"]))
      .min(1)
      .optional()
      .describe("Serializers that clients may choose. Default: all."),
    deflate: z
      .boolean()
      .default(false)
      .describe("Compresses WebSocket messages for clients that offer it. It costs much CPU time and some memory per connection."),
    origins: z
      .array(originRule)
      .min(1)
      .default(["same-host"])
      .describe(
        "Pages that may open WebSockets here, by their origin: `https://app.example.com`, `https://*.example.com`, `http://example.com:*` for any port; `same-host` for those of the name and port that they connect to, `loopback` for those of this machine, `null` for those without an origin, `*` for all. Programs that are no browsers are not concerned.",
      ),
    hosts: z
      .array(hostRule)
      .optional()
      .describe(
        "Names that web clients may reach the listener by, besides addresses and localhost: `example.com`, `*.example.com`. Default: none where host is a loopback address, any elsewhere.",
      ),
    trustedProxies: z
      .array(proxy)
      .default([])
      .describe(
        "Proxies, by address or network, whose `X-Forwarded-For` is taken for where a client comes from; `unix` for all who reach the UNIX socket.",
      ),
    proxyProtocol: z
      .boolean()
      .default(false)
      .describe("Trusted proxies begin each connection with a PROXY protocol header, of version 1 or 2."),
    cookie: z
      .strictObject({
        sameSite: z
          .enum(["strict", "lax", "none"])
          .default("strict")
          .describe("Whether the browser sends it when a page of another site connects: never, or (none) always."),
        secure: z
          .boolean()
          .optional()
          .describe("Whether it is for TLS only. Default: where the listener has `tls`; set it behind a proxy that has."),
        tracking: z
          .boolean()
          .default(false)
          .describe(
            "Gives each browser a second cookie, which logs nobody in: the log and dynamic authenticators then see which browser it is that comes back.",
          ),
      })
      .optional()
      .describe("Keeps browsers logged in, in realms with the method `cookie`. Needs origins that are named one by one."),
    static: z
      .string()
      .optional()
      .describe("Directory whose files are served over HTTP: short for a static entry of `web` at /, for this listener."),
    web: listenerWeb,
  })
  .superRefine((value, context) => {
    if ((value.port === undefined) === (value.path === undefined)) {
      context.addIssue({ code: "custom", message: "a listener needs either a port (TCP) or a path (UNIX socket)" });
    }
    if (value.path === undefined && value.mode !== undefined)
      context.addIssue({ code: "custom", path: ["mode"], message: "mode is for UNIX sockets: give a path" });
    if (value.proxyProtocol && value.trustedProxies.length === 0)
      context.addIssue({ code: "custom", path: ["proxyProtocol"], message: "proxyProtocol needs trustedProxies: whose headers are taken" });
    if (value.proxyProtocol && value.path !== undefined && value.tls !== undefined)
      context.addIssue({ code: "custom", path: ["proxyProtocol"], message: "on a UNIX socket proxyProtocol goes without tls" });
    if (value.cookie !== undefined && value.origins.some((origin) => !origin.includes("://")))
      context.addIssue({
        code: "custom",
        path: ["cookie"],
        message: "cookies need origins that are named one by one: origins: [https://app.example.com]",
      });
    if (value.cookie?.sameSite === "none" && !(value.cookie.secure ?? value.tls !== undefined))
      context.addIssue({ code: "custom", path: ["cookie", "sameSite"], message: "browsers take sameSite: none from TLS only" });
    if (value.type === "rawsocket" && Array.isArray(value.web))
      context.addIssue({ code: "custom", path: ["web"], message: "a rawsocket listener speaks no HTTP: use type web or universal" });
    if (value.type === "rawsocket" && value.static !== undefined)
      context.addIssue({ code: "custom", path: ["static"], message: "a rawsocket listener speaks no HTTP: use type web or universal" });
  });

/** Each limit: where it applies, and what it is counted in. The name in the file is the name here. */
export const LIMITS = {
  helloTimeout: ["router", "duration", "helloTimeoutMs", "From the connection to HELLO."],
  joinTimeout: ["router", "duration", "joinTimeoutMs", "From HELLO to WELCOME."],
  messagesBeforeJoin: ["router", "count", "messagesBeforeJoin", "Messages before WELCOME: HELLO, and an answer to each challenge."],
  goodbyeTimeout: ["router", "duration", "goodbyeTimeoutMs", "Wait for a peer's GOODBYE."],
  uriLength: ["router", "count", "uriLength", "Characters of a URI."],
  uriComponents: ["router", "count", "uriComponents", "Components of a URI."],
  subscriptions: ["router", "count", "subscriptions", "Subscriptions of one session."],
  patternSubscriptions: ["router", "count", "patternSubscriptions", "Prefix and wildcard subscriptions of one session."],
  registrations: ["router", "count", "registrations", "Registrations of one session."],
  callsPerSession: ["router", "count", "callsPerSession", "Calls of one session that have no answer yet."],
  callsPerRealm: ["router", "count", "callsPerRealm", "Calls of one realm that have no answer yet."],
  heldCallSize: [
    "router",
    "size",
    "heldCallBytes",
    "Payloads that a realm keeps of calls that wait for a callee, or may have to go to another one.",
  ],
  listLength: ["router", "count", "listLength", "Items of each exclude and eligible list."],
  testaments: ["router", "count", "testaments", "Testaments of one session."],
  testamentSize: ["router", "size", "testamentSize", "The call that adds a testament."],
  descriptions: ["router", "count", "descriptions", "Procedures, topics and errors that one session describes for reflection."],
  descriptionSize: ["router", "size", "descriptionSize", "The call that describes one."],
  historyPage: ["router", "count", "historyPage", "Events of one page of history."],
  historyPageSize: ["router", "size", "historyPageSize", "Payloads of one page of history."],
  waitingMessages: ["router", "count", "waitingMessages", "Messages of one session that may wait for an authorizer."],
  messageSize: ["connection", "size", "messageSize", "A message, after WELCOME."],
  messageSizeBeforeJoin: ["connection", "size", "messageSizeBeforeJoin", "A message, before WELCOME."],
  bytesBeforeJoin: ["connection", "size", "bytesBeforeJoin", "All that arrives on a connection before WELCOME."],
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
    "Connections of one address (of a /64, for IPv6) that have not joined; UNIX sockets are exempt, and loopback.",
  ],
  newPerAddress: [
    "connection",
    "count",
    "newPerAddress",
    "New connections of one address a second, and ten times as many at once; UNIX sockets are exempt, and loopback.",
  ],
  unjoined: ["connection", "count", "unjoined", "Connections of one listener that have not joined."],
  connectionsPerAddress: [
    "connection",
    "count",
    "connectionsPerAddress",
    "Connections of one address (of a /64, for IPv6); UNIX sockets are exempt, and loopback.",
  ],
  connections: ["connection", "count", "connections", "Connections of one listener."],
  queueSoft: ["connection", "size", "queueSoft", "Outgoing queue of a connection that it may exceed for queueSoftTime only."],
  queueSoftTime: ["connection", "duration", "queueSoftMs", "How long a queue may exceed queueSoft."],
  queueHard: ["connection", "size", "queueHard", "Outgoing queue of a connection that it must not exceed."],
  pingInterval: ["connection", "duration", "pingIntervalMs", "Silence after which a peer is pinged."],
  pingTimeout: ["connection", "duration", "pingTimeoutMs", "Further silence after which it counts as gone."],
  awaitedPingInterval: [
    "connection",
    "duration",
    "awaitedPingIntervalMs",
    "The same for a peer on another machine that owes an answer to a call.",
  ],
  awaitedPingTimeout: [
    "connection",
    "duration",
    "awaitedPingTimeoutMs",
    "And until that one counts as gone; longer where programs may be too busy to answer a ping.",
  ],
  replyHighMark: [
    "connection",
    "size",
    "replyHighMark",
    "Answers to a peer's own requests that may wait for it; above that, no further requests of it are read.",
  ],
  closeTimeout: ["connection", "duration", "closeTimeoutMs", "Wait for a peer's closing handshake."],
} as const satisfies Record<
  string,
  readonly ["router", string, keyof RouterLimits, string] | readonly ["connection", string, keyof ConnectionLimits, string]
>;

type LimitName = keyof typeof LIMITS;

const UNITS = { duration, size, count };
const TEXTS = { duration: formatDuration, size: formatSize, count: (value: number) => value };

const limit = ([where, unit, key, description]: (typeof LIMITS)[LimitName]) => {
  const standard = where === "router" ? DEFAULT_LIMITS[key] : (DEFAULT_CONNECTION_LIMITS[key] as number);
  return UNITS[unit].prefault(TEXTS[unit](standard) as number).describe(description);
};

const limits = z
  .strictObject({
    ...(Object.fromEntries(Object.entries(LIMITS).map(([name, each]) => [name, limit(each)])) as Record<
      LimitName,
      z.ZodPrefault<typeof count>
    >),
    limitLoopback: z
      .boolean()
      .default(DEFAULT_CONNECTION_LIMITS.limitLoopback)
      .describe("Whether the limits per address hold for loopback, too."),
    slowConsumer: z
      .enum(["disconnect", "drop_newest", "drop_oldest", "conflate"])
      .default(DEFAULT_CONNECTION_LIMITS.slowConsumer)
      .describe(
        "What happens to EVENTs for a peer whose queue is over the limit: its session ends (disconnect), or the newest or oldest are dropped, or the newest of each topic is kept (conflate). Other messages are never dropped: the session ends instead.",
      ),
  })
  .superRefine(({ queueSoft, queueHard, messageSize, messageSizeBeforeJoin, bytesBeforeJoin }, context) => {
    if (queueSoft > queueHard) context.addIssue({ code: "custom", path: ["queueSoft"], message: "queueSoft cannot be above queueHard" });
    if (messageSizeBeforeJoin > messageSize)
      context.addIssue({ code: "custom", path: ["messageSizeBeforeJoin"], message: "messageSizeBeforeJoin cannot be above messageSize" });
    if (messageSizeBeforeJoin > bytesBeforeJoin)
      context.addIssue({
        code: "custom",
        path: ["messageSizeBeforeJoin"],
        message: "messageSizeBeforeJoin cannot be above bytesBeforeJoin",
      });
  });

export const configSchema = z.strictObject({
  $schema: z.string().optional().describe("For editors: `./node_modules/junctor/config.schema.json`. In YAML, a comment says the same."),
  version: z.literal(1).describe("Of the form of this file. There is one."),
  listen: z.array(listener).min(1).describe("Where the server listens."),
  realms: z
    .record(z.string(), realmSchema)
    .superRefine(checkNames, { when: () => true })
    .describe("Name spaces that share nothing, by their names, which are URIs."),
  services: servicesSchema
    .prefault({})
    .describe(
      "Programs that run beside the router, by their names: it starts them, restarts them when they fail, and ends them with itself.",
    ),
  web: webSchema,
  admin: adminSchema,
  log: z
    .strictObject({
      level: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info").describe("The least level that is written."),
      format: z
        .enum(["json", "pretty", "auto"])
        .default("auto")
        .describe("One JSON line per event, or text for people; auto writes text on a terminal and JSON otherwise."),
    })
    .prefault({})
    .describe("The log, on standard output."),
  limits: limits.prefault({}).describe("What a peer may make the server keep, and for how long it may make it wait."),
  state: z
    .string()
    .min(1)
    .default(STATE)
    .describe(
      "Directory for what has to survive a restart, and for the socket by which `junctor` commands reach the server; this user's alone.",
    ),
  include: z
    .array(z.string().min(1))
    .optional()
    .describe(
      "Files of the same form whose sections are added to those of this file, `realms/*.yaml` for example. Paths in them are relative to them. What stands twice is an error.",
    ),
});

export type Config = z.output<typeof configSchema>;
export type ListenerConfig = Config["listen"][number];
export type RealmFileConfig = Config["realms"][string];

/** The limits of a configuration as router and connections take them. */
export function limitsOf({ limits }: Pick<Config, "limits">): { router: RouterLimits; connection: ConnectionLimits } {
  const of = (side: "router" | "connection") =>
    Object.fromEntries(
      Object.entries(LIMITS).flatMap(([name, [where, , key]]) => (where === side ? [[key, limits[name as LimitName]]] : [])),
    );
  return {
    router: { ...DEFAULT_LIMITS, ...of("router") },
    connection: {
      ...DEFAULT_CONNECTION_LIMITS,
      ...of("connection"),
      limitLoopback: limits.limitLoopback,
      slowConsumer: limits.slowConsumer,
    },
  };
}
