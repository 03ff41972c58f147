/**
 * A router for stories: with sockets, one listener of the kind that the story is told over, and clients that reach it
 * through that listener. Ports are ephemeral, UNIX sockets lie in a directory of their own, and time moves only when the
 * story moves it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectOptions, connect, type Event, type Session, type SubscribeOptions } from "@junctor/client";
import { longPoll } from "@junctor/client/longpoll";
import type { Serializer } from "@junctor/protocol";
import { type RealmConfig, Router, type RouterEvent, type RouterLimits } from "@junctor/router";
import {
  type Connection,
  type ConnectionInfo,
  type ConnectionLimits,
  type Listener,
  type ListenOptions,
  LongPoll,
  listen,
  nodeSerializers,
  type TransportEvent,
} from "@junctor/transport-node";
import { batchedWebSocket } from "./batched-dial.ts";
import { Inbox } from "./inbox.ts";
import { TEST_CERTIFICATE, TEST_KEY } from "./test-certificate.ts";
import { realmConfig } from "./test-router.ts";
import { VirtualClock } from "./virtual-clock.ts";

type Kind = ListenOptions["kind"];

interface TransportKind {
  readonly scheme: "memory" | "http" | "ws" | "wss" | "ws+unix" | "tcp" | "tls" | "unix";
  readonly listen?: Kind;
  readonly deflate?: boolean;
  readonly batched?: boolean;
}

const TRANSPORTS = {
  memory: { scheme: "memory" },
  ws: { scheme: "ws", listen: "web" },
  wss: { scheme: "wss", listen: "web" },
  "ws+unix": { scheme: "ws+unix", listen: "web" },
  "ws deflate": { scheme: "ws", listen: "web", deflate: true },
  "ws batched": { scheme: "ws", listen: "web", batched: true },
  tcp: { scheme: "tcp", listen: "rawsocket" },
  tls: { scheme: "tls", listen: "rawsocket" },
  unix: { scheme: "unix", listen: "rawsocket" },
  longpoll: { scheme: "http", listen: "web" },
  "universal ws": { scheme: "ws", listen: "universal" },
  "universal tcp": { scheme: "tcp", listen: "universal" },
  "universal wss": { scheme: "wss", listen: "universal" },
  "universal tls": { scheme: "tls", listen: "universal" },
} as const satisfies Record<string, TransportKind>;

export type TransportName = keyof typeof TRANSPORTS;
export type SerializerName = "json" | "msgpack" | "cbor";
export const SERIALIZER_NAMES = ["json", "msgpack", "cbor"] as const satisfies readonly SerializerName[];

/** How a story's clients reach the router. */
export interface StoryConnection {
  readonly name: string;
  readonly transport: TransportName;
  readonly serializer: SerializerName;
}

const transportNames = Object.keys(TRANSPORTS) as TransportName[];

/** Every transport with every serializer; in memory there is none. */
export const connections: readonly StoryConnection[] = transportNames.flatMap((transport): StoryConnection[] =>
  transport === "memory"
    ? [{ name: transport, transport, serializer: "json" }]
    : SERIALIZER_NAMES.map((serializer) => ({ name: `${transport} ${serializer}`, transport, serializer })),
);

/** Every serializer to every serializer. */
export const serializerPairs: readonly (readonly [SerializerName, SerializerName])[] = SERIALIZER_NAMES.flatMap((from) =>
  SERIALIZER_NAMES.map((to) => [from, to] as const),
);

export function serializerNamed(name: SerializerName): Serializer {
  const found = nodeSerializers.find((serializer) => serializer.name === name);
  if (found === undefined) throw new TypeError(`no serializer ${name}`);
  return found;
}

export interface StoryOptions {
  /** Default: RawSocket over TCP with JSON. */
  readonly connection?: StoryConnection;
  readonly realms?: readonly RealmConfig[];
  readonly limits?: Partial<ConnectionLimits>;
  readonly routerLimits?: Partial<RouterLimits>;
  /** More of the listener, where a test needs it. */
  readonly listen?: Partial<ListenOptions>;
}

export async function startRouter(options: StoryOptions = {}): Promise<StoryRouter> {
  const story = new StoryRouter(options);
  await story.open();
  return story;
}

export class StoryRouter implements AsyncDisposable {
  /** The router's, the listener's and the clients' time. */
  readonly clock = new VirtualClock();
  readonly router: Router;
  /** What router and listener logged. */
  readonly log = new Inbox<RouterEvent | TransportEvent>();
  readonly connection: StoryConnection;
  readonly #options: StoryOptions;
  readonly #sessions: Session[] = [];
  /** The router's ends, in the order in which they came. */
  readonly #accepted: Connection[] = [];
  readonly #connectionOf = new Map<Session, Connection>();
  #joining: Promise<unknown> = Promise.resolve();
  #listener: Listener | undefined = undefined;
  #longPoll: LongPoll | undefined = undefined;
  #directory: string | undefined = undefined;

  constructor(options: StoryOptions) {
    this.#options = options;
    this.connection = options.connection ?? { name: "tcp json", transport: "tcp", serializer: "json" };
    this.router = new Router({
      clock: this.clock,
      randomFill: (bytes) => crypto.getRandomValues(bytes),
      random: () => 0.5,
      log: (event) => this.log.push(event),
      limits: options.routerLimits ?? {},
    });
    this.clock.wake = () => this.router.wake();
    for (const realm of options.realms ?? [realmConfig("realm1")]) this.router.addRealm(realm);
  }

  async open(): Promise<void> {
    const { scheme, listen: kind, deflate = false }: TransportKind = TRANSPORTS[this.connection.transport];
    if (kind === undefined) return;
    const edge = {
      limits: this.#options.limits ?? {},
      accept: (connection: Connection, info: ConnectionInfo) => {
        this.#accepted.push(connection);
        return this.router.attach(connection, info);
      },
      log: (event: TransportEvent) => this.log.push(event),
      now: () => this.clock.now(),
    };
    const polls = scheme === "http" ? new LongPoll(edge) : undefined;
    this.#longPoll = polls;
    const isUnix = scheme === "ws+unix" || scheme === "unix";
    if (isUnix) this.#directory = mkdtempSync(join(tmpdir(), "junctor-story-"));
    this.#listener = await listen({
      kind,
      ...(this.#directory === undefined ? { port: 0 } : { path: join(this.#directory, "socket") }),
      ...(scheme === "wss" || scheme === "tls" ? { tls: { cert: TEST_CERTIFICATE, key: TEST_KEY } } : {}),
      deflate,
      ...edge,
      ...(polls && { onRequest: (request, response) => polls.handle(request, response, (request.url ?? "").slice(LONG_POLL_PATH.length)) }),
      ...this.#options.listen,
    });
  }

  get listener(): Listener {
    if (this.#listener === undefined) throw new TypeError(`there is no listener for ${this.connection.name}`);
    return this.#listener;
  }

  /** What a client dials. */
  get url(): string {
    const { scheme } = TRANSPORTS[this.connection.transport];
    const { address } = this.listener;
    switch (scheme) {
      case "http":
        return `http://${address}${LONG_POLL_PATH}`;
      case "ws":
      case "wss":
        return `${scheme}://${address}/ws`;
      case "ws+unix":
        return `ws+unix:${address}:/ws`;
      case "unix":
        return `unix:${address}`;
      default:
        return `${scheme}://${address}`;
    }
  }

  /** A client with a session. Clients join one after another. */
  join(options: { readonly serializer?: SerializerName } & Partial<ConnectOptions> = {}): Promise<Session> {
    const joining = this.#joining.then(() => this.#join(options));
    this.#joining = joining.catch(() => {});
    return joining;
  }

  async #join(options: { readonly serializer?: SerializerName } & Partial<ConnectOptions>): Promise<Session> {
    const { serializer = this.connection.serializer, ...rest } = options;
    const kind: TransportKind = TRANSPORTS[this.connection.transport];
    const before = this.#accepted.length;
    const session = await connect({
      realm: "realm1",
      timers: this.clock,
      ...this.#way(kind, serializerNamed(serializer)),
      ...rest,
    });
    this.#sessions.push(session);
    const connection = this.#accepted[before];
    if (connection !== undefined) this.#connectionOf.set(session, connection);
    return session;
  }

  #way({ scheme, listen, batched, deflate = false }: TransportKind, serializer: Serializer): Partial<ConnectOptions> {
    if (listen === undefined) return { dial: this.router.dial() };
    if (scheme === "http") return { dial: longPoll(this.url, [serializer]) };
    if (batched) return { dial: batchedWebSocket(this.url, serializer) };
    return { url: this.url, serializers: [serializer], tls: { ca: TEST_CERTIFICATE }, deflate };
  }

  /** The router's end of a session's connection. */
  connectionOf(session: Session): Connection {
    const connection = this.#connectionOf.get(session);
    if (connection === undefined) throw new TypeError(`there is no connection of the session in ${this.connection.name}`);
    return connection;
  }

  /** Moves time on, for router, listener and clients. */
  advance(ms: number): void {
    this.clock.advance(ms);
    this.#listener?.tick();
    this.#longPoll?.tick();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.leave()));
    this.router.close();
    await this.#longPoll?.close();
    await this.#listener?.close();
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true });
  }
}

const LONG_POLL_PATH = "/lp";

/** What a subscriber hears. */
export class Heard extends Inbox<Event> {
  /** The first argument of the events up to the one where it is `last`. */
  async untilValue(last: unknown): Promise<unknown[]> {
    return (await this.until((event) => event.args[0] === last)).map((event) => event.args[0]);
  }
}

/** Subscribes, and keeps what comes. */
export async function hear(session: Session, topic: string, options?: SubscribeOptions): Promise<Heard> {
  const heard = new Heard();
  await session.subscribe(topic, (event) => heard.push(event), options);
  return heard;
}
