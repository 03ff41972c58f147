/**
 * What answers at a path of the web: one file per kind in this directory, named under `web` in the configuration.
 *
 * A new kind is
 * 1. a file here with a class that implements `WebService`, and its test over a real socket;
 * 2. its options: a line among `webKinds` in config/web-schema.ts;
 * 3. a line in the table of kinds.ts, which the compiler demands then.
 *
 * What all of them need is done before: requests whose path is not in normal form never arrive (request-path.ts), and common
 * options of an entry are obeyed by web-routes.ts.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Router } from "@junctor/router";
import type { ConnectionLimits, RequestOrigin } from "@junctor/transport-node";
import type { LogEvent } from "../log.ts";
import type { ServiceManager } from "../service/service-manager.ts";
import type { Condition } from "./health.ts";

export interface WebService {
  /**
   * Answers a request at its path or below; any method, a body that may still be on its way. It answers refusals with
   * `refuse` (refusal.ts) and does not throw for what a client can send.
   *
   * @param rest what of the path follows the service's own: empty, or starting with `/`; percent-encoded, in normal form,
   *   without the query, which `request.url` has
   */
  handle(request: IncomingMessage, response: ServerResponse, rest: string, origin: RequestOrigin): void;
  /** Takes a WebSocket upgrade that is not the router's own. Absent: refused. */
  upgrade?(request: IncomingMessage, socket: Duplex, head: Buffer, rest: string, origin: RequestOrigin): void;
  /** The server ends, or the entry has gone: what it holds open, processes and idle connections, ends. */
  close?(): Promise<void>;
}

/** What a service is part of. */
export interface WebEnvironment {
  /** Its own path, in normal form; `/` for all. */
  readonly path: string;
  /** The realms, for services that call and publish. */
  readonly router: Router;
  readonly limits: ConnectionLimits;
  /** What runs beside the router, for services that need processes of their own. */
  readonly services: ServiceManager;
  /** How the server is, for those who ask whether it is well. */
  readonly condition: () => Condition;
  /** Tells of everything that is logged, from now on. @returns what ends that */
  readonly observe: (observer: (event: LogEvent) => void) => () => void;
  readonly log: (event: LogEvent) => void;
}
