/**
 * `proxy`: hands requests on to another server, and WebSocket upgrades. The server is one that the configuration names, whatever
 * a request says; each request that comes in is one that goes out, framed anew by what the parser understood (T38).
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions, type ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { RequestOrigin } from "@junctor/transport-node";
import { grouped, type RawHeaders, requestHeaders, responseHeaders } from "./forwarding.ts";
import { refuse, refuseUpgrade } from "./refusal.ts";
import { splitTarget } from "./request-path.ts";
import type { Target, Targets } from "./targets.ts";
import type { WebService } from "./web-service.ts";

export interface ProxyOptions {
  /** Takes the entry's own path off before the request goes on. */
  readonly stripPath: boolean;
  /** Whose Host header the target sees. */
  readonly host: "client" | "target";
  readonly connectTimeout: number;
  /** From the end of the request to the headers of the response. */
  readonly responseTimeout: number;
}

export class ReverseProxy implements WebService {
  readonly #targets: Targets;
  readonly #options: ProxyOptions;
  readonly #path: string;
  readonly #onClose: () => void | Promise<void>;
  readonly #tunnels = new Set<Duplex>();

  /**
   * @param path the entry's own
   * @param onClose ends what knows the targets
   */
  constructor(targets: Targets, options: ProxyOptions, path: string, onClose: () => void | Promise<void> = () => {}) {
    this.#targets = targets;
    this.#options = options;
    this.#path = path === "/" ? "" : path;
    this.#onClose = onClose;
  }

  async close(): Promise<void> {
    for (const socket of this.#tunnels) socket.destroy();
    this.#targets.close();
    await this.#onClose();
  }

  handle(request: IncomingMessage, response: ServerResponse, rest: string, origin: RequestOrigin): void {
    const { method = "GET" } = request;
    if (method === "TRACE" || method === "CONNECT") return refuse(request, response, 405, "This method goes no further.");
    const framing = framingOf(request);
    if (framing === undefined) return refuse(request, response, 400, "The length of the body is not clear.", { Connection: "close" });
    this.#forward(request, response, rest, origin, framing, []);
  }

  #forward(
    request: IncomingMessage,
    response: ServerResponse,
    rest: string,
    origin: RequestOrigin,
    framing: RawHeaders,
    tried: readonly Target[],
  ): void {
    const target = this.#targets.choose(tried);
    if (target === undefined) return refuse(request, response, 503, NOT_RUNNING, { "Retry-After": "1" });
    const { responseTimeout } = this.#options;
    const upstream = this.#request(request, target, rest, origin, framing);
    let isSent = false;
    let hasAnswer = false;
    let isOver = false;
    const over = () => {
      if (isOver) return;
      isOver = true;
      target.inFlight--;
      timer.stop();
    };
    const timer = new Timer(() => upstream.destroy(new Late("response")));
    upstream.on("error", (error) => {
      over();
      if (hasAnswer || response.destroyed) return; // what has begun ends with the answer; without a client there is no reason to ask
      const isStale = isStaleConnection(upstream, error);
      if (!isStale) this.#targets.failed(target, error.message);
      // Nothing of the request has been read yet, or it has no body and changes nothing: it may be sent once more.
      const mayAgain = !isSent || (isStale && framing.length === 0 && SAFE.has(request.method ?? ""));
      if (mayAgain && tried.length < MOST_ATTEMPTS) return this.#forward(request, response, rest, origin, framing, [...tried, target]);
      if (error instanceof Late) refuse(request, response, 504, "The server behind this one does not answer in time.");
      else refuse(request, response, 502, "The server behind this one cannot be reached, or gave no answer.");
    });
    upstream.on("connected", () => {
      isSent = true;
      timer.start(responseTimeout);
      if (framing.length === 0) return void upstream.end();
      request.on("data", () => timer.start(responseTimeout));
      request.pipe(upstream);
    });
    upstream.on("response", (answer) => {
      hasAnswer = true;
      timer.stop();
      if (response.headersSent || response.destroyed) return void upstream.destroy(); // the request was cut off
      this.#targets.answered(target);
      answer.on("error", () => response.destroy());
      // What ends before its end must not look whole to the client.
      answer.on("aborted", () => response.destroy());
      answer.on("close", over);
      const headers = responseHeaders(answer);
      const vary = response.getHeader("vary"); // of CORS
      if (vary !== undefined) headers.push("Vary", String(vary));
      response.statusCode = answer.statusCode ?? 502;
      if (request.httpVersionMajor === 1 && answer.statusMessage) response.statusMessage = answer.statusMessage;
      response.writeHead(response.statusCode, grouped(headers));
      answer.pipe(response);
    });
    response.on("close", () => {
      over();
      if (!response.writableFinished) upstream.destroy();
    });
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, rest: string, origin: RequestOrigin): void {
    const isWebSocket = request.method === "GET" && request.headers.upgrade?.toLowerCase() === "websocket";
    if (!isWebSocket || framingOf(request)?.length !== 0)
      return refuseUpgrade(socket, 400, "Only WebSocket connections are upgraded here.");
    const target = this.#targets.choose([]);
    if (target === undefined) return refuseUpgrade(socket, 503, NOT_RUNNING);
    const upstream = this.#request(request, target, rest, origin, ["Connection", "Upgrade", "Upgrade", "websocket"]);
    const timer = new Timer(() => upstream.destroy(new Late("response")));
    this.#tunnels.add(socket);
    socket.on("close", () => {
      this.#tunnels.delete(socket);
      target.inFlight--;
      timer.stop();
      upstream.destroy();
    });
    socket.on("error", () => upstream.destroy());
    upstream.on("connected", () => {
      timer.start(this.#options.responseTimeout);
      upstream.end();
    });
    upstream.on("error", (error) => {
      if (socket.destroyed || socket.writableEnded) return;
      this.#targets.failed(target, error.message);
      refuseUpgrade(socket, error instanceof Late ? 504 : 502, "The server behind this one cannot be reached, or gave no answer.");
    });
    upstream.on("response", (answer) => {
      timer.stop();
      this.#targets.answered(target);
      const headers = [...responseHeaders(answer), "Connection", "close"];
      socket.write(headOf(answer, headers));
      answer.on("aborted", () => socket.destroy());
      answer.pipe(socket);
    });
    upstream.on("upgrade", (answer: IncomingMessage, other: Socket, first: Buffer) => {
      timer.stop();
      this.#targets.answered(target);
      if (answer.headers.upgrade?.toLowerCase() !== "websocket") {
        other.destroy();
        return refuseUpgrade(socket, 502, "The server behind this one speaks another protocol than it was asked for.");
      }
      socket.write(headOf(answer, [...responseHeaders(answer), "Connection", "Upgrade", "Upgrade", "websocket"]));
      other.setNoDelay(true);
      other.setKeepAlive(true, KEEP_ALIVE_MS);
      if (head.length > 0) other.write(head);
      if (first.length > 0) socket.write(first);
      other.on("error", () => socket.destroy());
      other.on("close", () => socket.destroy());
      socket.on("close", () => other.destroy());
      other.pipe(socket);
      socket.pipe(other);
    });
  }

  /** Emits "connected" when what is written goes to the target. */
  #request(request: IncomingMessage, target: Target, rest: string, origin: RequestOrigin, framing: RawHeaders): ClientRequest {
    const { stripPath, host, connectTimeout } = this.#options;
    const [path, query] = splitTarget(request.url ?? "/");
    const options: RequestOptions = {
      ...target.place,
      agent: target.agent,
      method: request.method ?? "GET",
      path: `${target.base}${(stripPath ? rest : path) || "/"}${query}`,
      setHost: false,
      headers: [
        ...requestHeaders(request, origin, {
          host: (host === "client" ? request.headers.host : undefined) ?? target.authority,
          prefix: stripPath ? this.#path : undefined,
        }),
        ...framing,
      ],
    };
    target.inFlight++;
    const upstream = (target.protocol === "https:" ? httpsRequest : httpRequest)(options);
    const timer = new Timer(() => upstream.destroy(new Late("connection")));
    timer.start(connectTimeout);
    upstream.on("close", () => timer.stop());
    upstream.on("socket", (socket) => {
      const connected = () => {
        timer.stop();
        upstream.emit("connected");
      };
      if (!socket.connecting) connected();
      else socket.once(target.protocol === "https:" ? "secureConnect" : "connect", connected);
    });
    return upstream;
  }
}

/**
 * How the body is framed for the target: as it came, by length or in chunks; empty for none.
 *
 * @returns `undefined` for what should not have passed the parser
 */
function framingOf({ headers, httpVersionMajor, method }: IncomingMessage): RawHeaders | undefined {
  const length = headers["content-length"];
  const encoding = headers["transfer-encoding"];
  if (encoding !== undefined)
    return encoding.toLowerCase() === "chunked" && length === undefined ? ["Transfer-Encoding", "chunked"] : undefined;
  if (length !== undefined) return /^\d{1,15}$/.test(length) ? ["Content-Length", length] : undefined;
  if (SAFE.has(method ?? "") || method === "DELETE") return [];
  // HTTP/2 needs no length: a body may follow.
  return httpVersionMajor === 2 ? ["Transfer-Encoding", "chunked"] : ["Content-Length", "0"];
}

/** A kept connection was closed by the other side while the request was on its way. */
function isStaleConnection(upstream: ClientRequest, error: Error): boolean {
  return upstream.reusedSocket && "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");
}

function headOf({ statusCode, statusMessage }: IncomingMessage, headers: RawHeaders): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

class Late extends Error {
  constructor(what: string) {
    super(`no ${what} in time`);
  }
}

/** Of which at most one runs. */
class Timer {
  readonly #ring: () => void;
  #timeout: NodeJS.Timeout | undefined = undefined;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  start(ms: number): void {
    if (this.#timeout === undefined) this.#timeout = setTimeout(this.#ring, ms);
    else this.#timeout.refresh();
  }

  stop(): void {
    clearTimeout(this.#timeout);
    this.#timeout = undefined;
  }
}

const NOT_RUNNING = "The application is not running at the moment.";
/** They change nothing (RFC 9110, 9.2.1). */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
const MOST_ATTEMPTS = 3;
const KEEP_ALIVE_MS = 30_000;
