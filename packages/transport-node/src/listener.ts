/**
 * Listens on a port or a UNIX socket for WebSocket, RawSocket and HTTP, with or without TLS. One port can carry all of
 * them: the first octet tells (TRN-RAW-02).
 *
 * Spec: requirements 9.1, 9.3; AMB-116, AMB-119; reliability 2.1.
 */
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from "node:net";
import { TLSSocket } from "node:tls";
import {
  announceableLength,
  batchFormatOf,
  CloseReason,
  chooseSubprotocol,
  decodeRequest,
  encodeHandshake,
  encodeRefusal,
  HANDSHAKE_SIZE,
  HandshakeError,
  ProtocolError,
  RAWSOCKET_MAGIC,
  subprotocolOf,
} from "@junctor/protocol";
import { addressText, peerAddress } from "./address.ts";
import { Admission } from "./admission.ts";
import { ClientAddresses } from "./client-addresses.ts";
import { CompressedConnection } from "./compressed-connection.ts";
import type { Connection, ConnectionObserver } from "./connection.ts";
import { encodingOf } from "./encodings.ts";
import { rawFraming, webSocketFraming } from "./framing.ts";
import { Http2Door } from "./http2-door.ts";
import { type ConnectionLimits, DEFAULT_CONNECTION_LIMITS } from "./limits.ts";
import { listenError } from "./listen-error.ts";
import type { ConnectionInfo, ListenOptions, SetupObserver, TransportEvent } from "./listen-options.ts";
import { BACKLOG, DEFAULT_HOST, httpLimits, type ListenerSetup, listenerSetup } from "./listener-setup.ts";
import {
  answerHint,
  HTTP_REQUEST,
  plainResponse,
  RAW_HINT,
  requestProblem,
  TLS_HINT,
  TOO_LARGE_HEADERS,
  TOO_MANY,
  tooMany,
} from "./plain-http.ts";
import { parseProxyHeader } from "./proxy-protocol.ts";
import { RawSocketConnection } from "./rawsocket-connection.ts";
import { RefusalReason } from "./refusal-reason.ts";
import { ServedSockets } from "./served-sockets.ts";
import { TlsChannel } from "./tls-channel.ts";
import { claimSocketPath, setSocketMode } from "./unix-socket.ts";
import { isAt, parseUpgrade, pathOf, type UpgradeRequest, WEBSOCKET_PATH } from "./upgrade-request.ts";
import { WebSocketConnection } from "./websocket-connection.ts";
import { deflateWindowBits, handshakeProblem, handshakeResponse, VERSION } from "./websocket-handshake.ts";

/** @throws {ListenError | TypeError} the latter: an origin, host or proxy that is none */
export async function listen(options: ListenOptions): Promise<Listener> {
  const listener = new Listener(options);
  await listener.open();
  listener.start();
  return listener;
}

export class Listener implements ConnectionObserver, SetupObserver {
  #setup: ListenerSetup;
  /** Its connections look at the same object. */
  readonly #limits: ConnectionLimits;
  readonly #log: (event: TransportEvent) => void;
  readonly #now: () => number;
  /** The one that listens; the others are handed their sockets. */
  readonly #server: TcpServer;
  #http: HttpServer | undefined = undefined;
  /** What the last WebSocket handshake agreed on for permessage-deflate; `undefined` for none. */
  #windowBits: number | undefined = undefined;
  /** What is set for the WebSocket that is just being opened. */
  #setCookies: readonly string[] = [];
  readonly #addresses: ClientAddresses;
  readonly #admission: Admission;
  /** As the server accepted them. */
  readonly #sockets = new Set<Socket>();
  /** Sockets, TLS done, that have shown neither a handshake nor a request, and since when. */
  readonly #opening = new Map<Socket, number>();
  readonly #served = new ServedSockets();
  #http2: Http2Door | undefined = undefined;
  readonly #connections = new Set<Connection>();
  /** Sockets that have come before `start`. */
  #held: Socket[] | undefined = [];
  readonly #ticker: NodeJS.Timeout;
  #closed: Promise<void> | undefined = undefined;
  #drained: (() => void) | undefined = undefined;

  constructor(options: ListenOptions) {
    this.#limits = { ...DEFAULT_CONNECTION_LIMITS, ...options.limits };
    this.#log = options.log ?? (() => {});
    this.#now = options.now ?? (() => performance.now());
    this.#setup = listenerSetup(options, this.#limits, this, undefined);
    this.#addresses = new ClientAddresses(this.#setup.proxies);
    this.#admission = new Admission(this.#limits, this.#setup.proxies, this.#now);
    if (options.kind !== "rawsocket") this.#http = this.#createHttpServer();
    this.#server = createTcpServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#ticker = setInterval(() => this.tick(), TICK_MS);
    this.#ticker.unref();
  }

  /** Where it listens: `host:port`, or a path. */
  get address(): string {
    return addressText(this.#server.address());
  }

  /** 0 for a UNIX socket. */
  get port(): number {
    const address = this.#server.address() as AddressInfo | string | null;
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** Binds its port or path. Who connects waits until `start`. */
  async open(): Promise<void> {
    const { path, host = DEFAULT_HOST, port = 0, mode = 0o600 } = this.#setup.options;
    try {
      if (path !== undefined) await claimSocketPath(path);
      await new Promise<void>((resolve, reject) => {
        this.#server.once("error", reject);
        this.#server.listen({ ...(path === undefined ? { host, port } : { path }), backlog: BACKLOG }, () => {
          this.#server.off("error", reject);
          resolve();
        });
      });
      if (path !== undefined) setSocketMode(path, mode);
      // No more file descriptors, for example: the connections that there are go on.
      this.#server.on("error", ({ message }) =>
        this.#log({ event: "connection.refused", reason: RefusalReason.system, message, address: undefined }),
      );
    } catch (error) {
      clearInterval(this.#ticker);
      this.#server.close();
      throw listenError(error, path ?? `${host}:${port}`);
    }
    // A server that does not listen itself checks no time-outs of the requests handed to it.
    this.#http?.emit("listening");
  }

  /** Takes whoever has connected, and whoever will. */
  start(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const socket of held) {
      socket.off("error", ignore);
      if (!socket.destroyed) this.#accept(socket);
    }
  }

  /**
   * Makes ready for other options at the same place: host, port, path and mode stay what they are, and so does where the log goes.
   *
   * @returns puts them into force: for whoever connects from then on, and its limits for all, but for what a handshake agreed on
   * @throws {TypeError} an origin, host or proxy that is none; what TLS cannot use
   */
  prepare(options: ListenOptions): () => void {
    const limits = { ...DEFAULT_CONNECTION_LIMITS, ...options.limits };
    const isSameTls = options.tls === this.#setup.options.tls && limits.handshakeTimeoutMs === this.#limits.handshakeTimeoutMs;
    const setup = listenerSetup(options, limits, this, isSameTls ? this.#setup.tls : undefined);
    const http = this.#http ?? (options.kind === "rawsocket" ? undefined : this.#createHttpServer());
    return () => {
      const isOtherChannel = (setup.tls === undefined) !== (this.#setup.tls === undefined);
      Object.assign(this.#limits, limits);
      this.#setup = setup;
      this.#admission.proxies = setup.proxies;
      this.#addresses.proxies = setup.proxies;
      if (http === undefined) return;
      Object.assign(http, httpLimits(limits));
      if (this.#http === undefined) http.emit("listening");
      this.#http = http;
      if (isOtherChannel) http.closeIdleConnections();
    };
  }

  /**
   * Accepts nothing more and waits until the connections that there are have ended; who owns their sessions ends them.
   * What is left after `graceMs` is cut.
   */
  close(graceMs = 5_000): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  /** Looks after all connections; called once a second. */
  tick(): void {
    const now = this.#now();
    this.#admission.tick(now);
    this.#served.tick(now);
    for (const connection of this.#connections) connection.tick(now);
    for (const [socket, since] of this.#opening) {
      if (now - since >= this.#limits.handshakeTimeoutMs)
        this.#refuse(socket, RefusalReason.handshakeTimeout, `no handshake within ${this.#limits.handshakeTimeoutMs} ms`);
    }
  }

  joined(connection: Connection, hasJoined: boolean): void {
    this.#admission.known(connection.address, hasJoined);
  }

  closed(connection: Connection, reason: string): void {
    const { address, openedAt, dropped, hasJoined, hadSession } = connection;
    this.#connections.delete(connection);
    if (hasJoined) this.#admission.known(address, false);
    this.#log({ event: "connection.close", reason, address, durationMs: Math.round(this.#now() - openedAt), dropped, hadSession });
    if (this.#connections.size === 0) this.#drained?.();
  }

  get failed(): ListenOptions["failed"] {
    return this.#setup.options.failed;
  }

  slowConsumer(connection: Connection, action: string): void {
    this.#log({ event: "slow.consumer", action, address: connection.address, queued: connection.queued });
  }

  // --- Servers ---------------------------------------------------------------------------------------------------------

  secured(socket: TLSSocket): void {
    if (socket.alpnProtocol !== "h2") return this.#begin(socket);
    socket.on("error", ignore);
    this.#serve(socket);
    this.#http2 ??= new Http2Door(this.#limits, (request, response, on) => {
      if (this.#setup.access.allowsHost(request.headers)) this.#answer(request, response, on);
      else response.writeHead(421).end();
    });
    this.#http2.accept(socket);
  }

  unsecured(error: Error & { code?: string; reason?: string }, socket: Socket): void {
    const isLate = error.code === "ERR_TLS_HANDSHAKE_TIMEOUT";
    this.#logRefusal(socket, isLate ? RefusalReason.handshakeTimeout : RefusalReason.tls, error.reason ?? error.message);
    socket.destroy();
  }

  /** Told of the answer just before `handleUpgrade` calls back. */
  upgrading(headers: string[]): void {
    this.#windowBits = deflateWindowBits(headers);
    for (const cookie of this.#setCookies) headers.push(`Set-Cookie: ${cookie}`);
  }

  #createHttpServer(): HttpServer {
    const limits = httpLimits(this.#limits);
    const http = createHttpServer({ ...limits, connectionsCheckingInterval: TICK_MS }, (request, response) => {
      const { socket } = request;
      this.#serve(socket);
      if (this.#hasFewHeaders(request, socket) && this.#isCalledRight(request, socket)) this.#answer(request, response, socket);
    });
    http.maxHeadersCount = limits.maxHeadersCount;
    http.on("upgrade", (request, stream, head) => this.#upgradeRequest(request, stream as Socket, head));
    http.on("clientError", (error: Error & { code?: string; rawPacket?: Buffer }, stream) => this.#refuseRequest(error, stream as Socket));
    return http;
  }

  #answer(request: IncomingMessage, response: ServerResponse, socket: Socket): void {
    const { onRequest = answerHint } = this.#setup.options;
    onRequest(request, response, this.#addresses.originOf(request.headers, socket, this.#setup.tls !== undefined));
  }

  // --- Connections -----------------------------------------------------------------------------------------------------

  /** A socket as the server accepted it. */
  #accept(socket: Socket): void {
    if (this.#held !== undefined) {
      socket.on("error", ignore);
      this.#held.push(socket);
      return;
    }
    this.#sockets.add(socket);
    const address = peerAddress(socket);
    const limit = this.#admission.refusal(address);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#opening.delete(socket);
      if (limit === undefined) this.#admission.left(address);
    });
    if (limit !== undefined) {
      socket.on("error", ignore);
      if (this.#setup.tls === undefined) socket.write(tooMany(this.#setup.options.kind, limit));
      this.#refuse(socket, limit, TOO_MANY);
      return;
    }
    this.#admission.entered(address);
    if (this.#setup.options.proxyProtocol !== true || !this.#setup.proxies.has(address)) this.#open(socket);
    else {
      socket.on("error", ignore);
      this.#await(socket);
      this.#readProxyHeader(socket, undefined);
    }
  }

  /** A socket whose first octets are the client's own. */
  #open(socket: Socket): void {
    if (this.#setup.tls === undefined) this.#begin(socket);
    else this.#setup.tls.emit("connection", socket);
  }

  /** Collects a trusted proxy's PROXY header, and goes on with what follows it. */
  #readProxyHeader(socket: Socket, before: Buffer | undefined): void {
    socket.once("data", (chunk: Buffer) => {
      const octets = before === undefined ? chunk : Buffer.concat([before, chunk]);
      let header: ReturnType<typeof parseProxyHeader>;
      try {
        header = parseProxyHeader(octets);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        this.#refuse(socket, RefusalReason.proxy, error.message);
        return;
      }
      if (header === "more") return this.#readProxyHeader(socket, octets);
      if (header.address !== undefined && !this.#comesFrom(socket, header.address)) return;
      socket.pause();
      socket.off("error", ignore);
      if (octets.length > header.length) socket.unshift(octets.subarray(header.length));
      if (this.#setup.tls !== undefined) this.#opening.delete(socket); // it has a timer of its own
      this.#open(socket);
      if (this.#setup.tls === undefined) socket.resume();
    });
  }

  /** A proxy says where a stranger's socket comes from. @returns false where that is one too many from there, which is refused */
  #comesFrom(socket: Socket, client: string): boolean {
    const before = this.#addresses.of(socket);
    this.#addresses.learn(socket, client, this.#setup.tls !== undefined && !(socket instanceof TLSSocket));
    const limit = this.#admission.moved(before, client);
    if (limit !== undefined) {
      if (this.#setup.tls === undefined || socket instanceof TLSSocket) socket.write(tooMany(this.#setup.options.kind, limit));
      this.#refuse(socket, limit, TOO_MANY);
      return false;
    }
    socket.once("close", () => {
      this.#admission.left(client);
      this.#admission.entered(before); // which is told itself
    });
    return true;
  }

  /** A socket that can be read in clear. */
  #begin(socket: Socket): void {
    this.#await(socket);
    socket.on("error", ignore);
    if (this.#setup.options.kind === "web") socket.once("data", (chunk: Buffer) => this.#readRequest(socket, chunk));
    else this.#handshake(socket, undefined);
  }

  #await(socket: Socket): void {
    if (this.#opening.has(socket)) return;
    this.#opening.set(socket, this.#now());
    if (!this.#sockets.has(socket)) socket.once("close", () => this.#opening.delete(socket)); // the one within TLS
  }

  /** An HTTP request was made on it: it is none that only opens. */
  #serve(socket: Socket): void {
    this.#opening.delete(socket);
    if (!this.#served.add(socket, this.#now())) return;
    const address = this.#addresses.of(socket);
    this.#admission.known(address, true);
    socket.once("close", () => {
      if (this.#served.delete(socket)) this.#admission.known(address, false);
    });
  }

  /** Collects the first four octets, or hands an HTTP request on by its first one. */
  #handshake(socket: Socket, before: Buffer | undefined): void {
    socket.once("data", (chunk: Buffer) => {
      const octets = before === undefined ? chunk : Buffer.concat([before, chunk]);
      if (octets[0] === TLS_HANDSHAKE) this.#refuseTls(socket);
      else if (octets[0] !== RAWSOCKET_MAGIC && this.#setup.options.kind !== "rawsocket") this.#readRequest(socket, octets);
      else if (octets.length < HANDSHAKE_SIZE && octets[0] === RAWSOCKET_MAGIC) this.#handshake(socket, octets);
      else this.#answerHandshake(socket, octets);
    });
  }

  /** The beginning of an HTTP request. */
  #readRequest(socket: Socket, octets: Buffer): void {
    const { headerSize, headerCount } = this.#limits;
    const upgrade = parseUpgrade(octets, headerSize, headerCount);
    const isOurs = upgrade !== undefined && (this.#setup.options.onUpgrade === undefined || this.#isOwnPath(upgrade.request));
    if (isOurs && !this.#compresses(upgrade.request)) {
      this.#upgrade(upgrade.request, socket, octets.subarray(upgrade.length));
      return;
    }
    socket.pause();
    socket.off("error", ignore);
    socket.unshift(octets);
    this.#http?.emit("connection", socket);
    socket.resume();
  }

  #answerHandshake(socket: Socket, octets: Buffer): void {
    let request: ReturnType<typeof decodeRequest>;
    try {
      request = decodeRequest(octets);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      // A browser, or curl: told in its own language what it has reached.
      if (HTTP_REQUEST.test(octets.toString("latin1", 0, 8))) socket.write(plainResponse("400 Bad Request", RAW_HINT));
      this.#refuse(socket, RefusalReason.framing, error.message);
      return;
    }
    if (typeof request === "number") return this.#refuseHandshake(socket, request);
    const { serializer: number, maxLength } = request;
    const serializer = this.#setup.serializers.find(({ rawSocketId }) => rawSocketId === number);
    if (serializer === undefined) return this.#refuseHandshake(socket, HandshakeError.serializerUnsupported);
    const address = this.#addresses.of(socket);
    const ownLength = announceableLength(this.#limits.messageSize);
    socket.write(encodeHandshake({ serializer: number, maxLength: ownLength }));
    socket.off("error", ignore);
    this.#opening.delete(socket);
    const connection = new RawSocketConnection(
      socket,
      encodingOf(serializer, rawFraming),
      this.#limits,
      this,
      address,
      this.#now,
      ownLength,
      maxLength,
    );
    this.#take(connection, socket, { transport: "rawsocket", serializer: serializer.name }, address);
    if (octets.length > HANDSHAKE_SIZE) connection.push(octets.subarray(HANDSHAKE_SIZE));
  }

  /** An upgrade that Node.js's parser has read. */
  #upgradeRequest(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on("error", ignore);
    // It has no session yet, whatever was asked for on it before.
    if (this.#served.delete(socket)) this.#admission.known(this.#addresses.of(socket), false);
    if (this.#hasFewHeaders(request, socket)) this.#upgrade(request, socket, head, request);
  }

  /** @param full the same as Node.js has it, without which nothing is compressed */
  #upgrade(request: UpgradeRequest, socket: Socket, head: Buffer, full?: IncomingMessage): void {
    this.#opening.delete(socket);
    if (!this.#isFromClient(request, socket)) return;
    if (!this.#isCalledRight(request, socket)) return;
    if (!this.#setup.access.allowsOrigin(request.headers)) {
      const text = `Pages of ${request.headers.origin} may not connect here: this listener has to name their origin`;
      return this.#refuseHttp(socket, "403 Forbidden", RefusalReason.origin, text);
    }
    if (!this.#isOwnPath(request)) {
      const { webSocketPath = WEBSOCKET_PATH, onUpgrade } = this.#setup.options;
      if (full !== undefined && onUpgrade !== undefined) {
        this.#serve(socket);
        onUpgrade(full, socket, head, this.#addresses.originOf(full.headers, socket, this.#setup.tls !== undefined));
        return;
      }
      const text = `WebSocket clients connect to ${webSocketPath} here, not to ${pathOf(request)}`;
      return this.#refuseHttp(socket, "404 Not Found", RefusalReason.path, text);
    }
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
    const subprotocol = chooseSubprotocol(offered, this.#setup.serializers);
    if (subprotocol === undefined) {
      // [AMB-116]
      const supported = this.#setup.serializers.map(subprotocolOf).join(", ");
      return this.#refuseHttp(
        socket,
        "400 Bad Request",
        RefusalReason.subprotocol,
        `Offer a WebSocket subprotocol that is supported here: ${supported}`,
      );
    }
    const address = this.#addresses.of(socket);
    const problem = handshakeProblem(request);
    if (problem !== undefined) {
      return this.#refuseHttp(socket, `400 Bad Request\r\nSec-WebSocket-Version: ${VERSION}`, RefusalReason.handshake, problem);
    }
    const { name, serializer, isBatched } = subprotocol;
    const format = isBatched ? batchFormatOf(serializer) : undefined;
    const cookie = request.headers.origin === undefined ? undefined : this.#setup.options.cookie?.(request.headers.cookie); // [T8]
    this.#setCookies = cookie?.setCookies ?? [];
    const info = { transport: "websocket", serializer: serializer.name, isBatched, ...(cookie && { cookie: cookie.digests }) } as const;
    if (full !== undefined && this.#compresses(request)) {
      this.#setup.webSockets?.handleUpgrade(full, socket, head, (webSocket) => {
        socket.off("error", ignore);
        const encoding = encodingOf(serializer, webSocketFraming(serializer.frame, format, this.#windowBits));
        this.#take(new CompressedConnection(webSocket, socket, encoding, this.#limits, this, address, this.#now), socket, info, address);
      });
      return;
    }
    socket.write(handshakeResponse(request, name, this.#setCookies));
    socket.off("error", ignore);
    const encoding = encodingOf(serializer, webSocketFraming(serializer.frame, format));
    const connection = new WebSocketConnection(socket, encoding, this.#limits, this, address, this.#now);
    this.#take(connection, socket, info, address);
    if (head.length > 0) connection.push(head);
  }

  #isOwnPath(request: UpgradeRequest): boolean {
    return isAt(request, this.#setup.options.webSocketPath ?? WEBSOCKET_PATH);
  }

  /** Whether permessage-deflate is wanted on both sides. */
  #compresses({ headers }: UpgradeRequest): boolean {
    return this.#setup.webSockets !== undefined && (headers["sec-websocket-extensions"] ?? "").includes("permessage-deflate");
  }

  #take(connection: Connection, socket: Socket, info: ConnectionInfo, address: string | undefined): void {
    this.#connections.add(connection);
    const tls = TlsChannel.of(socket, true);
    const origin = address === undefined ? info : { ...info, address };
    connection.receiver = this.#setup.options.accept(connection, tls === undefined ? origin : { ...origin, tls });
  }

  #hasFewHeaders(request: IncomingMessage, socket: Socket): boolean {
    const { headerCount } = this.#limits;
    if (request.rawHeaders.length <= 2 * headerCount) return true;
    this.#refuseHttp(socket, TOO_LARGE_HEADERS, RefusalReason.headerCount, `More than ${headerCount} headers`);
    return false;
  }

  /** Whether the request calls the router by a name that it has. */
  #isCalledRight(request: UpgradeRequest, socket: Socket): boolean {
    if (this.#setup.access.allowsHost(request.headers)) return true;
    const text = `Nobody is called ${request.headers.host} here: this listener has to name its hosts`;
    this.#refuseHttp(socket, "421 Misdirected Request", RefusalReason.host, text);
    return false;
  }

  /** Takes a trusted proxy's word for whose request it is. */
  #isFromClient({ headers }: UpgradeRequest, socket: Socket): boolean {
    const address = this.#addresses.of(socket);
    const client = this.#addresses.clientOf(headers, socket);
    return client === undefined || client === address || this.#comesFrom(socket, client);
  }

  /** What arrived is no HTTP request, or none in time. */
  #refuseRequest(error: Error & { code?: string; rawPacket?: Buffer }, socket: Socket): void {
    if (!socket.writable) socket.destroy();
    else if (error.rawPacket?.[0] === TLS_HANDSHAKE) this.#refuseTls(socket);
    else this.#refuseHttp(socket, ...requestProblem(error, this.#limits));
  }

  /** Answered in clear on every kind of port: it is what TLS clients know to mean that there is none ("wrong version number"). */
  #refuseTls(socket: Socket): void {
    this.#refuseHttp(socket, "400 Bad Request", RefusalReason.tls, TLS_HINT);
  }

  #refuseHandshake(socket: Socket, error: HandshakeError): void {
    socket.write(encodeRefusal(error));
    this.#refuse(socket, RefusalReason.handshake, `RawSocket handshake refused with error ${error}`);
  }

  #refuseHttp(socket: Socket, status: string, reason: RefusalReason, text: string): void {
    socket.write(plainResponse(status, text));
    this.#refuse(socket, reason, text);
  }

  #refuse(socket: Socket, reason: RefusalReason, message: string): void {
    this.#logRefusal(socket, reason, message);
    this.#opening.delete(socket);
    socket.end();
    // Whoever keeps his side open is cut a little later.
    const cut = setTimeout(() => socket.destroy(), this.#limits.closeTimeoutMs);
    cut.unref();
    socket.once("close", () => clearTimeout(cut));
    socket.resume();
  }

  #logRefusal(socket: Socket, reason: RefusalReason, message: string): void {
    this.#log({ event: "connection.refused", reason, message, address: this.#addresses.of(socket) });
  }

  async #close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#opening.keys()) socket.destroy();
    for (const socket of this.#held ?? []) socket.destroy();
    this.#http?.closeIdleConnections();
    this.#http2?.closeIdle();
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        const cut = setTimeout(() => {
          for (const connection of this.#connections) connection.destroy(CloseReason.shutdown);
        }, graceMs);
        this.#drained = () => {
          clearTimeout(cut);
          resolve();
        };
      });
    }
    this.#http?.closeAllConnections();
    this.#http?.close(); // the watch over its time-outs
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    clearInterval(this.#ticker);
  }
}

function ignore(): void {}

/** The first octet of a TLS connection (RFC 8446, 5.1). */
const TLS_HANDSHAKE = 0x16;
const TICK_MS = 1_000;
