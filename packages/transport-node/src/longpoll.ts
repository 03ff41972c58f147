/**
 * WAMP over HTTP long-poll, for clients that get no WebSocket through: `open`, `receive`, `send` and `close`, each a POST below
 * one path. It is a request handler; which server and path it is put behind is up to its owner.
 *
 * The id of a transport is what a client proves itself by (AMB-124): 192 random bits, good only together with the Origin and
 * the User-Agent that it was opened with. TLS is not handed on to authentication: each request may come over another
 * connection, so there is no channel to bind to.
 *
 * Spec: requirements 9.4; AMB-121 to AMB-124; T11.
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { batchFormatOf, CloseReason, chooseSubprotocol, type Receiver, type Serializer, subprotocolOf } from "@junctor/protocol";
import { peerAddress } from "./address.ts";
import { Admission } from "./admission.ts";
import type { RequestOrigin } from "./client-addresses.ts";
import type { Connection, ConnectionObserver } from "./connection.ts";
import { encodingOf, nodeSerializers } from "./encodings.ts";
import { longPollFraming } from "./framing.ts";
import { type ConnectionLimits, DEFAULT_CONNECTION_LIMITS } from "./limits.ts";
import type { ConnectionInfo, CookieDigests, TransportEvent } from "./listen-options.ts";
import { type Answer, LongPollConnection } from "./longpoll-connection.ts";
import { RefusalReason } from "./refusal-reason.ts";
import { TrustedProxies } from "./trusted-proxies.ts";
import { WebAccessList } from "./web-access.ts";

export interface LongPollOptions {
  /** Takes a new connection. @returns whom to tell what arrives on it */
  readonly accept: (connection: Connection, info: ConnectionInfo) => Receiver;
  /** Default JSON, MessagePack, CBOR. */
  readonly serializers?: readonly Serializer[];
  readonly limits?: Partial<ConnectionLimits>;
  /** Pages that may use it: see `WebAccess`. Default `same-host`. */
  readonly origins?: readonly string[];
  /** How long a request to receive is held when there is nothing, in ms. Default 10 000. */
  readonly holdMs?: number;
  /** How long a client may leave no request, in ms; then it counts as gone. Default 30 000. */
  readonly silentMs?: number;
  /**
   * What success without content is told by. The specification writes 202; 204 is what it means, what Crossbar.io sends, and all
   * that Autobahn|JS takes (AMB-121). Default 204.
   */
  readonly status?: 202 | 204;
  /** Whether all requests of a transport have to come from one address. Default false: phones change theirs. */
  readonly bindsAddress?: boolean;
  /** See `ListenOptions.cookie`. */
  readonly cookie?: (header: string | undefined) => { readonly digests: CookieDigests; readonly setCookie?: string };
  readonly log?: (event: TransportEvent) => void;
  /** Milliseconds on a scale that never goes back. Default `performance.now`. */
  readonly now?: () => number;
}

interface Client {
  readonly connection: LongPollConnection;
  readonly owner: string;
}

export class LongPoll implements ConnectionObserver {
  readonly #options: LongPollOptions;
  readonly #limits: ConnectionLimits;
  readonly #serializers: readonly Serializer[];
  readonly #log: (event: TransportEvent) => void;
  readonly #now: () => number;
  readonly #access: WebAccessList;
  readonly #admission: Admission;
  readonly #clients = new Map<string, Client>();
  readonly #ids = new Map<Connection, string>();
  readonly #ticker: NodeJS.Timeout;
  #isClosed = false;
  #drained: (() => void) | undefined = undefined;

  /** @throws {TypeError} an origin that is none; a cookie, and origins that are not named one by one */
  constructor(options: LongPollOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_CONNECTION_LIMITS, ...options.limits };
    this.#serializers = options.serializers ?? nodeSerializers;
    this.#log = options.log ?? (() => {});
    this.#now = options.now ?? (() => performance.now());
    this.#access = new WebAccessList(options, false);
    if (options.cookie !== undefined && !this.#access.namesOrigins)
      throw new TypeError("cookies need origins that are named one by one: any page could use them otherwise");
    this.#admission = new Admission(this.#limits, new TrustedProxies([]), this.#now);
    this.#ticker = setInterval(() => this.tick(), TICK_MS);
    this.#ticker.unref();
  }

  get connections(): Iterable<Connection> {
    return this.#ids.keys();
  }

  /**
   * @param rest what of the path follows the one that this is at, with or without a query (TRN-LP-03)
   * @param origin where the request comes from, of whoever knows. Default: its socket's peer
   */
  handle(request: IncomingMessage, response: ServerResponse, rest: string, origin?: RequestOrigin): void {
    const address = origin === undefined ? peerAddress(request.socket) : origin.address;
    const [, first = "", second, more] = (rest.split("?", 1)[0] ?? "").split("/");
    if (more !== undefined || (second === undefined ? first !== "open" : !VERBS.has(second)))
      return respond(response, 404, "WAMP over HTTP long-poll: POST to open, <transport>/receive, <transport>/send, <transport>/close");
    if (!this.#access.allowsOrigin(request.headers)) {
      const text = `Pages of ${request.headers.origin} may not connect here: their origin has to be named`;
      this.#refused(address, RefusalReason.origin, text);
      return respond(response, 403, text);
    }
    if (request.headers.origin !== undefined) allowPage(request.headers.origin, response);
    if (request.method === "OPTIONS") return respond(response, 204);
    if (request.method !== "POST") {
      response.setHeader("Allow", "POST");
      return respond(response, 405, "POST is what it takes");
    }
    if (second === undefined) return this.#open(request, response, address);
    const client = this.#clients.get(first);
    // [TRN-LP-07] What is somebody else's is not there.
    if (client === undefined || client.owner !== this.#ownerOf(request, address))
      return respond(response, 404, "There is no such transport");
    if (second === "receive") this.#receive(client.connection, request, response);
    else if (second === "send") this.#send(client.connection, request, response);
    else {
      client.connection.leave();
      respond(response, this.#success);
    }
  }

  // --- The requests --------------------------------------------------------------------------------------------------------

  #open(request: IncomingMessage, response: ServerResponse, address: string | undefined): void {
    // A form of another page could not say so without asking first.
    if (!JSON_TYPE.test(request.headers["content-type"] ?? JSON_TEXT)) return respond(response, 415, `${JSON_TEXT} is what it takes`);
    const limit = this.#isClosed ? RefusalReason.connections : this.#admission.refusal(address);
    if (limit !== undefined) {
      this.#refused(address, limit, "too many connections");
      return respond(response, 503, `Too many connections; try again later (${limit})`);
    }
    readBody(request, OPEN_SIZE).then(
      (body) => this.#opened(request, response, address, body),
      (error: unknown) => this.#unread(response, error),
    );
  }

  #opened(request: IncomingMessage, response: ServerResponse, address: string | undefined, body: Uint8Array): void {
    const offered = protocolsOf(body);
    if (offered === undefined) return respond(response, 400, 'Expected JSON: {"protocols": ["wamp.2.json"]}'); // [TRN-LP-01]
    const subprotocol = chooseSubprotocol(offered, this.#serializers);
    if (subprotocol === undefined) {
      const text = `Offer a protocol that is supported here: ${this.#serializers.map(subprotocolOf).join(", ")}`;
      this.#refused(address, RefusalReason.subprotocol, text);
      return respond(response, 400, text);
    }
    const { name, serializer, isBatched } = subprotocol;
    const { holdMs = HOLD_MS, silentMs = SILENT_MS, accept } = this.#options;
    const encoding = encodingOf(serializer, longPollFraming(isBatched ? batchFormatOf(serializer) : undefined));
    const connection = new LongPollConnection(encoding, this.#limits, this, address, this.#now, holdMs, silentMs);
    const id = randomBytes(24).toString("base64url"); // [TRN-LP-07]
    this.#clients.set(id, { connection, owner: this.#ownerOf(request, address) });
    this.#ids.set(connection, id);
    this.#admission.entered(address);
    const cookie = request.headers.origin === undefined ? undefined : this.#options.cookie?.(request.headers.cookie); // [T8]
    if (cookie?.setCookie !== undefined) response.setHeader("Set-Cookie", cookie.setCookie);
    connection.receiver = accept(connection, {
      transport: "longpoll",
      serializer: serializer.name,
      ...(address !== undefined && { address }),
      ...(cookie && { cookie: cookie.digests }),
    });
    respond(response, 200, JSON.stringify({ protocol: name, transport: id }), JSON_TEXT);
  }

  #receive(connection: LongPollConnection, request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    let isSent = false;
    const answer: Answer = (body) => {
      isSent = body !== undefined && body.length > 0;
      if (body === undefined) respond(response, 410, "The session is over");
      else if (body.length === 0) respond(response, 204);
      else respond(response, 200, body, typeOf(connection));
    };
    // Of a response that has all left its socket goes on, for now. (HTTP/2 knows of requests that were given up alone.)
    response.once("close", () => {
      if (request.socket.destroyed || request.aborted) connection.givenUp(answer, isSent);
    });
    connection.poll(answer);
  }

  #send(connection: LongPollConnection, request: IncomingMessage, response: ServerResponse): void {
    if (connection.isClosing) return respond(response, 410, "The session is over");
    if (connection.sending >= MOST_SENDS) return respond(response, 429, "Wait for the answer to what was sent before");
    const { messageSize, messageSizeBeforeJoin } = this.#limits;
    const read = () => readBody(request, connection.hasJoined ? messageSize : Math.min(messageSize, messageSizeBeforeJoin));
    connection.push(read).then(
      (isRight) => (isRight ? respond(response, this.#success) : respond(response, 400, "That was no message, and the session ends")),
      (error: unknown) => this.#unread(response, error),
    );
  }

  get #success(): 202 | 204 {
    return this.#options.status ?? 204;
  }

  #unread(response: ServerResponse, error: unknown): void {
    if (!(error instanceof TooLarge)) return void response.destroy(); // the client is gone
    response.setHeader("Connection", "close");
    respond(response, 413, `More than ${error.limit} bytes`);
  }

  /** What has to be the same for all requests of a transport. */
  #ownerOf({ headers }: IncomingMessage, address: string | undefined): string {
    return JSON.stringify([headers.origin, headers["user-agent"], this.#options.bindsAddress === true ? address : undefined]);
  }

  #refused(address: string | undefined, reason: RefusalReason, message: string): void {
    this.#log({ event: "connection.refused", reason, message, address });
  }

  // --- Its connections -------------------------------------------------------------------------------------------------------

  /** Looks after all of them; called once a second. */
  tick(): void {
    const now = this.#now();
    for (const connection of this.#ids.keys()) connection.tick(now);
  }

  joined(connection: Connection, hasJoined: boolean): void {
    this.#admission.known(connection.address, hasJoined);
  }

  closed(connection: Connection, reason: string): void {
    const { address, openedAt, dropped, hasJoined, hadSession } = connection;
    this.#clients.delete(this.#ids.get(connection) ?? "");
    this.#ids.delete(connection);
    if (hasJoined) this.#admission.known(address, false);
    this.#admission.left(address);
    this.#log({ event: "connection.close", reason, address, durationMs: Math.round(this.#now() - openedAt), dropped, hadSession });
    if (this.#ids.size === 0) this.#drained?.();
  }

  slowConsumer(connection: Connection, action: string): void {
    this.#log({ event: "slow.consumer", action, address: connection.address, queued: connection.queued });
  }

  /** Opens nothing more and waits until the connections that there are have ended. What is left after `graceMs` is cut. */
  async close(graceMs = 5_000): Promise<void> {
    this.#isClosed = true;
    if (this.#ids.size > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
        setTimeout(() => {
          for (const connection of this.#ids.keys()) connection.destroy(CloseReason.shutdown);
        }, graceMs).unref();
      });
    }
    clearInterval(this.#ticker);
  }
}

class TooLarge extends Error {
  readonly limit: number;

  constructor(limit: number) {
    super(`more than ${limit} bytes`);
    this.limit = limit;
  }
}

function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else reject(new TooLarge(limit)); // the rest is read and dropped: the client hears of it then
    });
    request.once("end", () => resolve(Buffer.concat(chunks)));
    request.once("close", () => reject(new Error("the request was given up")));
  });
}

function protocolsOf(body: Uint8Array): readonly string[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString());
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("protocols" in value) || !Array.isArray(value.protocols)) return undefined;
  const protocols: readonly unknown[] = value.protocols;
  return protocols.every((name) => typeof name === "string") ? protocols : undefined;
}

function typeOf(connection: LongPollConnection): string {
  return connection.isBatched ? OCTETS : (TYPES[connection.serializerName] ?? OCTETS);
}

const JSON_TEXT = "application/json";
const OCTETS = "application/octet-stream";
const TYPES: Readonly<Record<string, string>> = { json: JSON_TEXT, msgpack: "application/vnd.msgpack", cbor: "application/cbor" };
const JSON_TYPE = /^application\/json *(;|$)/i;

function respond(response: ServerResponse, status: number, body: string | Uint8Array = "", type = "text/plain; charset=utf-8"): void {
  const headers = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };
  if (status === 204) response.writeHead(status, headers).end();
  else {
    const text = typeof body === "string" ? Buffer.from(body) : body;
    response.writeHead(status, { ...headers, "Content-Type": type, "Content-Length": text.length }).end(text);
  }
}

/** CORS: for pages of another origin, which the browser asks with OPTIONS first. */
function allowPage(origin: string, response: ServerResponse): void {
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Access-Control-Allow-Credentials", "true");
  response.setHeader("Access-Control-Allow-Methods", "POST");
  response.setHeader("Access-Control-Allow-Headers", "Content-Type");
  response.setHeader("Access-Control-Max-Age", "600");
  response.setHeader("Vary", "Origin");
}

const VERBS = new Set(["receive", "send", "close"]);
const TICK_MS = 1_000;
const HOLD_MS = 10_000;
const SILENT_MS = 30_000;
/** Longest body of a request to open. */
const OPEN_SIZE = 4 << 10;
/** Requests to send of one transport that wait for each other. */
const MOST_SENDS = 64;
