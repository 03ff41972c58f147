/**
 * From a request to the service that answers it: the longest path wins, by whole components. What holds for every service is
 * done here, before it: the form of the path, headers of the entry.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { RequestOrigin } from "@junctor/transport-node";
import { refuse, refuseUpgrade } from "./refusal.ts";
import { normalPath, originForm, splitTarget } from "./request-path.ts";
import type { WebService } from "./web-service.ts";

export interface WebRoute {
  /** In normal form; `/` for all. */
  readonly path: string;
  readonly service: WebService;
  /** Sent with each of its answers; the service may set others. */
  readonly headers?: Readonly<Record<string, string>>;
}

interface Found {
  readonly route: WebRoute;
  readonly rest: string;
}

export class WebRoutes {
  /** Longest path first. */
  #routes: readonly WebRoute[] = [];

  constructor(routes: Iterable<WebRoute>) {
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
    const path = pathOf(request);
    if (path === undefined) return refuse(request, response, 400, BAD_PATH);
    const found = this.#find(path);
    if (found === undefined) return refuse(request, response, 404, "There is nothing at this address.");
    const { service, headers } = found.route;
    for (const name in headers) response.setHeader(name, headers[name] as string);
    service.handle(request, response, found.rest, origin);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, origin: RequestOrigin): void {
    const path = pathOf(request);
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

/** Brings the request's URL into normal form. @returns its path */
function pathOf(request: IncomingMessage): string | undefined {
  const target = originForm(request.url ?? "", request.headers.host);
  if (target === undefined) return undefined;
  const [path, query] = splitTarget(target);
  const normal = normalPath(path);
  if (normal !== undefined && normal !== request.url) request.url = normal + query;
  return normal;
}

const BAD_PATH =
  "The path of the address is not one that this server takes: see that it has no empty or dot components and no odd escapes.";
