/** What a listener is told, and what it tells. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket, TlsOptions } from "node:tls";
import type { Receiver, Serializer } from "@junctor/protocol";
import type { RequestOrigin } from "./client-addresses.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionLimits } from "./limits.ts";
import type { RefusalReason } from "./refusal-reason.ts";
import type { TlsChannel } from "./tls-channel.ts";
import type { WebAccess } from "./web-access.ts";

/** What the listener knows of a peer when it connects. */
export interface ConnectionInfo {
  readonly transport: "websocket" | "rawsocket" | "longpoll";
  readonly serializer: string;
  /** WebSocket messages hold several WAMP messages (9.2). */
  readonly isBatched?: boolean;
  /** Absent for UNIX sockets. */
  readonly address?: string;
  /** Present with TLS. */
  readonly tls?: TlsChannel;
  /** What `ListenOptions.cookie` made of the request. */
  readonly cookie?: CookieDigests;
}

/** See `LoginCookie` of the router. */
export interface CookieDigests {
  readonly presented?: string;
  readonly issued?: string;
  readonly browser?: string;
}

export type TransportEvent =
  | {
      readonly event: "connection.close";
      readonly reason: string;
      readonly address: string | undefined;
      readonly durationMs: number;
      readonly dropped: number;
      /** A session had been established on it. */
      readonly hadSession: boolean;
    }
  | { readonly event: "connection.refused"; readonly reason: RefusalReason; readonly message: string; readonly address: string | undefined }
  | { readonly event: "slow.consumer"; readonly action: string; readonly address: string | undefined; readonly queued: number };

export interface ListenOptions extends WebAccess {
  /** What the port speaks: WebSocket and HTTP, RawSocket, or all of them. */
  readonly kind: "web" | "rawsocket" | "universal";
  /** TCP: default 127.0.0.1. */
  readonly host?: string;
  /** TCP: 0 takes any free port. */
  readonly port?: number;
  /** A UNIX socket, instead of host and port. */
  readonly path?: string;
  /** Permissions of the UNIX socket. Default 0o600. */
  readonly mode?: number;
  readonly tls?: TlsOptions;
  /** The path that WebSocket clients use. Default `/ws`; `*` takes any. */
  readonly webSocketPath?: string;
  /**
   * Addresses, networks (`10.0.0.0/8`), `unix` for all who reach the UNIX socket: what these proxies say is where a connection
   * comes from, by `X-Forwarded-For`. Default: none.
   */
  readonly trustedProxies?: readonly string[];
  /** Trusted proxies begin each connection with a PROXY protocol header. Default false. Not for TLS over a UNIX socket. */
  readonly proxyProtocol?: boolean;
  /** Offered in this order of preference where the client has none. Default JSON, MessagePack, CBOR. */
  readonly serializers?: readonly Serializer[];
  /** Compresses WebSocket messages where the client offers it. Default false. */
  readonly deflate?: boolean;
  readonly limits?: Partial<ConnectionLimits>;
  /** Takes a new connection. @returns whom to tell what arrives on it */
  readonly accept: (connection: Connection, info: ConnectionInfo) => Receiver;
  /**
   * Asked for each WebSocket that a page opens, with the page's Cookie header: what it has to tell of it, and what the
   * response sets (`Set-Cookie`). Needs origins that are named one by one; programs that send no Origin are not asked for cookies.
   */
  readonly cookie?: (header: string | undefined) => { readonly digests: CookieDigests; readonly setCookies: readonly string[] };
  /** Answers HTTP requests that open no WebSocket. Default: 404 with a hint. */
  readonly onRequest?: (request: IncomingMessage, response: ServerResponse, origin: RequestOrigin) => void;
  /**
   * Takes a request that asks for another protocol at another path than the WebSocket clients' own, from a page whose origin is
   * allowed, if it is a page. Default: 404.
   */
  readonly onUpgrade?: (request: IncomingMessage, socket: Socket, head: Buffer, origin: RequestOrigin) => void;
  readonly log?: (event: TransportEvent) => void;
  /** Told of an error in the program that a peer's message has met; its connection ends. Default: it is thrown. */
  readonly failed?: (error: unknown) => void;
  /** Milliseconds on a scale that never goes back. Default `performance.now`. */
  readonly now?: () => number;
}

/** What the servers tell the listener that hands them its sockets. */
export interface SetupObserver {
  /** A socket whose TLS handshake is done. */
  secured(socket: TLSSocket): void;
  /** One whose handshake failed. */
  unsecured(error: Error & { code?: string; reason?: string }, socket: TLSSocket): void;
  /** The headers of a WebSocket handshake, before they leave. */
  upgrading(headers: string[]): void;
}
