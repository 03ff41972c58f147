/**
 * From a request to the service that answers it: the longest path wins, by whole components. What holds for every service is
 * done here, before it: the form of the path, headers, CORS, bodies, the access log.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { RequestOrigin } from "@junctor/transport-node";
import type { LogEvent } from "../log.ts";
import { logRequest } from "./access-log.ts";
import type { Cors } from "./cors.ts";
import { refuse, refuseUpgrade } from "./refusal.ts";
import type { RequestBodies } from "./request-bodies.ts";
import { normalPath, originForm, splitTarget } from "./request-path.ts";
import type { WebService } from "./web-service.ts";

export interface WebRoute {
  /** In normal form; `/` for all. */
  readonly path: string;
  readonly service: WebService;
  /** Names and values by turns, sent with each of its answers; the service may set others. */
  readonly headers: readonly string[];
  /** Strict-Transport-Security, for who came by TLS. */
  readonly hsts: string | undefined;
  readonly cors: Cors | undefined;
  /** The longest body of a request. */
  readonly bodySize: number;
  readonly isLogged: boolean;
}

/** What requests of all listeners have in common. */
export interface WebWatch {
  readonly bodies: RequestBodies;
  readonly log: (event: LogEvent) => void;
}

interface Found {
  readonly route: WebRoute;
  readonly rest: string;
}

export class WebRoutes {
  /** Longest path first. */
  #routes: readonly WebRoute[] = [];

  readonly #watch: WebWatch;

  constructor(routes: Iterable<WebRoute>, watch: WebWatch) {
    this.#watch = watch;
    this.replace(routes);
  }

  get size(): number {
    return this.#routes.length;
  }

  /** From the next request on. */
  replace(routes: Iterable<WebRoute>): void {
    this.#routes = [...routes].sort((a, b) => b.path.length - a.path.length);
  }

  handle(request: IncomingMessage, response: ServerResponse, origin: RequestOrigin): void {
    if (!isClear(request)) return refuse(request, response, 400, UNCLEAR, { Connection: "close" });
    const path = pathOf(request);
    if (path === undefined) return refuse(request, response, 400, BAD_PATH);
    const found = this.#find(path);
    if (found === undefined) return refuse(request, response, 404, "There is nothing at this address.");
    const { service, headers, hsts, cors, bodySize, isLogged } = found.route;
    const { bodies, log } = this.#watch;
    if (isLogged) logRequest(request, response, origin, log);
    for (let i = 0; i + 1 < headers.length; i += 2) response.setHeader(headers[i] as string, headers[i + 1] as string);
    if (hsts !== undefined && origin.isSecure) response.setHeader("Strict-Transport-Security", hsts);
    if (cors?.apply(request, response) === true || !bodies.admit(request, response, bodySize)) return;
    try {
      service.handle(request, response, found.rest, origin);
    } catch (error) {
      log({ event: "http.error", path: found.route.path, message: error instanceof Error ? error.message : String(error) });
      refuse(request, response, 500, "Something went wrong here.");
    }
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, origin: RequestOrigin): void {
    const path = isClear(request) ? pathOf(request) : undefined;
    if (path === undefined) return refuseUpgrade(socket, 400, BAD_PATH);
    const found = this.#find(path);
    if (found?.route.service.upgrade === undefined) return refuseUpgrade(socket, 404, "No WebSocket is served at this address.");
    found.route.service.upgrade(request, socket, head, found.rest, origin);
  }

  #find(path: string): Found | undefined {
    for (const route of this.#routes) {
      if (route.path === "/") return { route, rest: path };
      if (path.startsWith(route.path) && (path.length === route.path.length || path[route.path.length] === "/"))
        return { route, rest: path.slice(route.path.length) };
    }
    return undefined;
  }
}

/** Whether it has one host and is of a version that has headers: Node.js lets others pass (RFC 9112, 3.2). */
function isClear({ httpVersionMajor, rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  return hosts <= 1 && httpVersionMajor >= 1;
}

/** Brings the request's URL into normal form. @returns its path */
function pathOf(request: IncomingMessage): string | undefined {
  const target = originForm(request.url ?? "", request.headers.host);
  if (target === undefined) return undefined;
  const [path, query] = splitTarget(target);
  const normal = normalPath(path);
  if (normal !== undefined && normal !== request.url) request.url = normal + query;
  return normal;
}

const UNCLEAR = "The request is not clear: it names several hosts, or is of a version of HTTP without headers.";
const BAD_PATH =
  "The path of the address is not one that this server takes: see that it has no empty or dot components and no odd escapes.";
