/** The server's log: one JSON line per event with a stable `event` id, or the same made readable for a terminal. */
import { isatty } from "node:tty";
import type { RouterEvent } from "@junctor/router";
import type { TransportEvent } from "@junctor/transport-node";
import pino, { type DestinationStream, type Logger } from "pino";
import pretty from "pino-pretty";

export type { Logger };

/** Everything that is logged about running sessions and connections. */
export type LogEvent = RouterEvent | TransportEvent | ServerEvent;

export type ServerEvent =
  | { readonly event: "listener.up"; readonly type: string; readonly address: string; readonly tls: boolean }
  | { readonly event: "server.ready"; readonly pid: number; readonly realms: readonly string[] }
  | { readonly event: "server.stopping"; readonly signal: string }
  | { readonly event: "server.stopped" }
  /** Something in an authentication method failed that is not the client's credentials: it was refused (G14). */
  | { readonly event: "auth.error"; readonly method: string; readonly message: string }
  /** A users file has changed: so many users now, and so many sessions ended because of it. */
  | { readonly event: "users.reloaded"; readonly realm: string; readonly file: string; readonly users: number; readonly ended: number }
  /** The same, but it cannot be used: what was read before holds. */
  | { readonly event: "users.rejected"; readonly realm: string; readonly file: string; readonly message: string }
  /** Events cannot be stored. `isFinal`: until the router is started again; else until the disk has room again. */
  | { readonly event: "store.failed"; readonly path: string; readonly message: string; readonly isFinal: boolean }
  | { readonly event: "store.recovered"; readonly path: string };

/** What a disk store tells of itself. */
export type StoreEvent = Extract<ServerEvent, { readonly event: `store.${string}` }>;

/** @param fd where to write: 1 for standard output */
export function createLogger(level: string, format: "json" | "pretty" | "auto", fd = 1): Logger {
  const isPretty = format === "pretty" || (format === "auto" && isatty(fd));
  if (!isPretty) return pino({ level, base: null }, turnwise(fd));
  const colorize = isatty(fd) && process.env["NO_COLOR"] === undefined;
  return pino(
    { level, base: null },
    pretty({ colorize, translateTime: "SYS:HH:MM:ss.l", messageKey: "event", sync: true, destination: fd }),
  );
}

/**
 * Writes the lines of an event-loop turn together when it ends, and those that are left when the process ends: a system call
 * per line was a tenth of what a session that comes and goes costs (bench join).
 */
function turnwise(fd: number): DestinationStream {
  const destination = pino.destination({ dest: fd, sync: true, minLength: LINES_SIZE });
  let isScheduled = false;
  const flush = () => {
    isScheduled = false;
    destination.flushSync();
  };
  process.once("exit", flush);
  return {
    write(line) {
      destination.write(line);
      if (isScheduled) return;
      isScheduled = true;
      setImmediate(flush);
    },
  };
}

/** So many bytes do not wait for the end of the turn. */
const LINES_SIZE = 8 << 10;

/** What goes wrong for somebody is a warning, for everybody an error; what happens in bulk, or was logged with the session, is for debugging. */
export function logEvent(logger: Logger, event: LogEvent): void {
  switch (event.event) {
    case "proto.violation":
    case "join.refused":
    case "slow.consumer":
    case "limit.hit":
    case "authorizer.error":
    case "auth.error":
    case "connection.refused":
      logger.warn(event);
      return;
    case "users.rejected":
    case "store.failed":
      logger.error(event);
      return;
    case "authz.deny":
      logger.debug(event);
      return;
    case "connection.close":
      if (event.hadSession) logger.debug(event);
      else logger.info(event);
      return;
    default:
      logger.info(event);
  }
}
