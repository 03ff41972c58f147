/** What may be another thing while a listener listens: its options, and the servers that are made of them and handed its sockets. */
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import { chooseSubprotocol, type Serializer } from "@junctor/protocol";
import { type ServerOptions, WebSocketServer, type Server as WebSocketServerOf } from "ws";
import { isLoopbackHost } from "./address.ts";
import { ServerWebSocket } from "./compressed-connection.ts";
import { nodeSerializers } from "./encodings.ts";
import type { ConnectionLimits } from "./limits.ts";
import type { ListenOptions, SetupObserver } from "./listen-options.ts";
import { TrustedProxies } from "./trusted-proxies.ts";
import { WebAccessList } from "./web-access.ts";
import { DEFLATE } from "./websocket-handshake.ts";

export interface ListenerSetup {
  readonly options: ListenOptions;
  readonly serializers: readonly Serializer[];
  readonly access: WebAccessList;
  readonly proxies: TrustedProxies;
  readonly tls: TlsServer | undefined;
  /** For those who compress. */
  readonly webSockets: WebSocketServerOf<typeof ServerWebSocket> | undefined;
}

export const DEFAULT_HOST = "127.0.0.1";
/** Connections that the system keeps until they are accepted; it may keep fewer. One that finds no room is tried again a second later. */
export const BACKLOG = 4_096;

/**
 * @param sameTls TLS that is to go on as it is, so that its sessions can be resumed
 * @throws {TypeError} an origin, host or proxy that is none; what TLS cannot use
 */
export function listenerSetup(
  options: ListenOptions,
  limits: ConnectionLimits,
  observer: SetupObserver,
  sameTls: TlsServer | undefined,
): ListenerSetup {
  const { serializers = nodeSerializers, path, host = DEFAULT_HOST, tls } = options;
  const access = new WebAccessList(options, path === undefined && isLoopbackHost(host));
  if (options.cookie !== undefined && !access.namesOrigins)
    throw new TypeError("cookies need origins that are named one by one: any page could use them otherwise");
  if (options.proxyProtocol === true && path !== undefined && tls !== undefined)
    throw new TypeError("proxyProtocol cannot be used with TLS over a UNIX socket");
  return {
    options,
    serializers,
    access,
    proxies: new TrustedProxies(options.trustedProxies ?? []),
    tls: sameTls ?? tlsServer(options, limits, observer),
    webSockets: options.deflate === true ? webSocketServer(limits, serializers, observer) : undefined,
  };
}

function tlsServer(
  { tls, kind, onRequest }: ListenOptions,
  { handshakeTimeoutMs }: ConnectionLimits,
  observer: SetupObserver,
): TlsServer | undefined {
  if (tls === undefined) return undefined;
  // A client that offers no protocol, as those of RawSocket do, is taken as it comes.
  const protocols = kind === "rawsocket" || onRequest === undefined ? {} : { ALPNProtocols: ["h2", "http/1.1"] };
  const options = { minVersion: "TLSv1.2", handshakeTimeout: handshakeTimeoutMs, ...protocols, ...tls } as const;
  const server = createTlsServer(options, (socket) => observer.secured(socket));
  server.on("tlsClientError", (error, socket) => observer.unsecured(error, socket));
  return server;
}

function webSocketServer(
  { messageSize, fragments, closeTimeoutMs }: ConnectionLimits,
  serializers: readonly Serializer[],
  observer: SetupObserver,
): WebSocketServerOf<typeof ServerWebSocket> {
  const options: ServerOptions<typeof ServerWebSocket> & { closeTimeout: number } = {
    noServer: true,
    WebSocket: ServerWebSocket,
    clientTracking: false,
    autoPong: false, // what leaves stands in one queue
    maxPayload: messageSize,
    maxFragments: fragments,
    closeTimeout: closeTimeoutMs,
    skipUTF8Validation: true, // the serializers check it
    perMessageDeflate: DEFLATE,
    handleProtocols: (offered) => chooseSubprotocol(offered, serializers)?.name ?? false,
  };
  const server: WebSocketServerOf<typeof ServerWebSocket> = new WebSocketServer(options);
  server.on("headers", (headers: string[]) => observer.upgrading(headers));
  return server;
}

/** Options of an HTTP server when it is made, and properties of it afterwards. */
export function httpLimits({ headerSize, headerCount, handshakeTimeoutMs }: ConnectionLimits) {
  return {
    maxHeaderSize: headerSize,
    maxHeadersCount: headerCount + 1, // what is more is left out: one too many is enough to know
    headersTimeout: handshakeTimeoutMs,
    requestTimeout: Math.max(handshakeTimeoutMs, REQUEST_TIMEOUT_MS), // Node.js takes no shorter one
  };
}

/** From the first octet of a request to the last of its body: what Node.js has as default. */
const REQUEST_TIMEOUT_MS = 300_000;
