/**
 * HTTP/2 for clients that chose it when TLS began (RFC 9113, 3.2). Each request looks to those who answer it as one of HTTP/1.1;
 * WebSocket and RawSocket clients stay on connections of their own.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Http2Server, type Http2ServerRequest, type Http2ServerResponse, type Http2Session } from "node:http2";
import type { Socket } from "node:net";
import type { ConnectionLimits } from "./limits.ts";

export class Http2Door {
  readonly #server: Http2Server;
  readonly #sockets = new Map<Http2Session, Socket>();

  /** @param serve is told on which socket a request came: what the request itself says is its socket can be asked little */
  constructor(
    { headerSize, headerCount }: ConnectionLimits,
    serve: (request: IncomingMessage, response: ServerResponse, socket: Socket) => void,
  ) {
    const settings = { maxConcurrentStreams: STREAMS, maxHeaderListSize: headerSize, enablePush: false };
    this.#server = createServer({ settings, maxHeaderListPairs: headerCount + PSEUDO_HEADERS });
    this.#server.on("request", (request, response) => {
      const socket = request.stream.session === undefined ? undefined : this.#sockets.get(request.stream.session);
      if (socket === undefined) return; // it ended meanwhile
      if (!namesItsHost(request)) return badRequest(response);
      // What Node.js promises of its compatibility interface, and its types do not say.
      serve(request as unknown as IncomingMessage, response as unknown as ServerResponse, socket);
    });
    this.#server.on("sessionError", () => {}); // the session ends, and with it its socket
  }

  /** A socket on which HTTP/2 begins. */
  accept(socket: Socket): void {
    this.#server.once("session", (session) => {
      this.#sockets.set(session, socket);
      session.once("close", () => this.#sockets.delete(session));
      session.setTimeout(IDLE_MS, () => session.close());
    });
    this.#server.emit("connection", socket);
  }

  /** No more requests; those that there are go on. */
  closeIdle(): void {
    for (const session of this.#sockets.keys()) session.close();
  }
}

/** Puts the name of the host where HTTP/1.1 has it. @returns false where two are named, or none */
function namesItsHost({ headers }: Http2ServerRequest): boolean {
  const { ":authority": authority, host } = headers;
  if (authority !== undefined && host !== undefined && host !== authority) return false;
  headers.host ??= authority;
  return headers.host !== undefined;
}

function badRequest(response: Http2ServerResponse): void {
  response.writeHead(400).end();
}

const STREAMS = 100;
/** Method, scheme, authority and path. */
const PSEUDO_HEADERS = 4;
const IDLE_MS = 65_000;
