/** The server's log: one JSON line per event with a stable `event` id, or the same made readable for a terminal. */
import { isatty } from "node:tty";
import type { RouterEvent } from "@junctor/router";
import type { TransportEvent } from "@junctor/transport-node";
import pino, { type DestinationStream, type Logger } from "pino";
import { prettyFactory } from "pino-pretty";
import { LogLines, type LogLinesOptions } from "./log-lines.ts";

export type { Logger };

/** Everything that is logged about running sessions and connections. */
export type LogEvent = RouterEvent | TransportEvent | ServerEvent;

export type ServerEvent =
  | { readonly event: "listener.up"; readonly type: string; readonly address: string; readonly tls: boolean }
  /** A reload took it away: its sessions got GOODBYE. */
  | { readonly event: "listener.down"; readonly address: string }
  | { readonly event: "server.ready"; readonly pid: number; readonly realms: readonly string[] }
  /** Nobody joins any more, and so many sessions are sent away over a while. */
  | { readonly event: "server.draining"; readonly sessions: number; readonly overMs: number }
  /** That was taken back, after so many had left. */
  | { readonly event: "server.undrained"; readonly left: number }
  | { readonly event: "server.stopping"; readonly signal: string }
  | { readonly event: "server.stopped" }
  /** systemd could not be told of the server. */
  | { readonly event: "systemd.failed"; readonly message: string }
  /** Somebody has acted on the server, or tried to: `message` says why it failed. */
  | {
      readonly event: "admin.action";
      readonly procedure: string;
      readonly session: number;
      readonly authid: string;
      readonly authrole: string;
      readonly address: string | undefined;
      readonly message: string | undefined;
    }
  /** Something is wrong that somebody should look after; or it is worse or better than it was, but not over. */
  | {
      readonly event: "alarm.raised";
      readonly name: string;
      readonly subject: string | undefined;
      readonly severity: string;
      readonly message: string;
    }
  | { readonly event: "alarm.cleared"; readonly name: string; readonly subject: string | undefined; readonly durationMs: number }
  /** An error in the program that nothing had expected, and what it ended: the connection whose `message` met it, the server (`exception`), nothing (`rejection`). */
  | {
      readonly event: "internal.error";
      readonly where: "message" | "exception" | "rejection";
      readonly message: string;
      readonly stack: string | undefined;
    }
  /** Another configuration is in force: paths of what is different, and sessions by the reason of their end. */
  | {
      readonly event: "config.reloaded";
      readonly file: string;
      readonly applied: readonly string[];
      readonly needsRestart: readonly string[];
      readonly closedSessions: Readonly<Record<string, number>>;
      readonly durationMs: number;
    }
  /** Another configuration cannot be, and nothing has changed. */
  | { readonly event: "config.rejected"; readonly file: string; readonly message: string }
  /** A listener's certificate or key has changed: who connects from now on sees it. */
  | { readonly event: "cert.reloaded"; readonly address: string; readonly cert: string }
  /** The same, but it cannot be used: the one before is shown. */
  | { readonly event: "cert.rejected"; readonly address: string; readonly cert: string; readonly message: string }
  /** So many lines before this one could not be written. */
  | { readonly event: "log.lost"; readonly lines: number }
  /** Something in an authentication method failed that is not the client's credentials: it was refused (G14). */
  | { readonly event: "auth.error"; readonly method: string; readonly message: string }
  /** A users file has changed: so many users now, and so many sessions ended because of it. */
  | { readonly event: "users.reloaded"; readonly realm: string; readonly file: string; readonly users: number; readonly ended: number }
  /** The same, but it cannot be used: what was read before holds. */
  | { readonly event: "users.rejected"; readonly realm: string; readonly file: string; readonly message: string }
  /** Browsers that had logged in have to do so again: their log-ins could not be read from the disk, or written there. */
  | { readonly event: "logins.lost"; readonly file: string; readonly message: string }
  /** A request to a web service whose access is logged. `isComplete`: all of the answer has left. */
  | {
      readonly event: "http.request";
      readonly method: string;
      readonly path: string;
      readonly status: number;
      readonly isComplete: boolean;
      readonly durationMs: number;
      readonly address: string | undefined;
      readonly agent: string | undefined;
    }
  /** A web service failed. */
  | { readonly event: "http.error"; readonly path: string; readonly message: string }
  /** A target of a reverse proxy cannot be reached, or fails its health check; or is back. */
  | {
      readonly event: "proxy.target";
      readonly path: string;
      readonly target: string;
      readonly state: "up" | "down";
      readonly message: string;
    }
  /** Events cannot be stored. `isFinal`: until the router is started again; else until the disk has room again. */
  | { readonly event: "store.failed"; readonly path: string; readonly message: string; readonly isFinal: boolean }
  | { readonly event: "store.recovered"; readonly path: string }
  /** Something that was stored is not what was written; it is left out, or refused to who asks for it. */
  | { readonly event: "store.damaged"; readonly path: string; readonly message: string }
  /** An instance of a service is in another state; why, where there is something to say. */
  | {
      readonly event: "service.state";
      readonly service: string;
      readonly instance: number;
      readonly state: string;
      readonly reason: string;
      readonly pid: number | undefined;
    }
  /** It has been given up, until somebody starts it. */
  | { readonly event: "service.failed"; readonly service: string; readonly instance: number; readonly reason: string }
  /** It has printed a line. */
  | {
      readonly event: "service.output";
      readonly service: string;
      readonly instance: number;
      readonly stream: "stdout" | "stderr";
      readonly line: string;
    }
  /** A process of a service that a server before this one had left behind: it is ended. */
  | { readonly event: "service.stray"; readonly pid: number; readonly group: number }
  /** The record of running services could not be written. */
  | { readonly event: "service.unrecorded"; readonly message: string };

/** What a disk store tells of itself. */
export type StoreEvent = Extract<ServerEvent, { readonly event: `store.${string}` }>;

/** @param fd where to write: 1 for standard output */
export function createLogger(level: string, format: "json" | "pretty" | "auto", fd = 1, options?: LogLinesOptions): Logger {
  const lines = new LogLines(fd, options);
  process.once("exit", () => lines.finish());
  const logger = pino({ level, base: null }, format === "pretty" || (format === "auto" && isatty(fd)) ? prettily(lines, fd) : lines);
  lines.onLost = (lost) => logEvent(logger, { event: "log.lost", lines: lost });
  return logger;
}

function prettily(lines: LogLines, fd: number): DestinationStream {
  const colorize = isatty(fd) && process.env["NO_COLOR"] === undefined;
  const text = prettyFactory({ colorize, translateTime: "SYS:HH:MM:ss.l", messageKey: "event" });
  return { write: (line) => lines.write(text(line)) };
}

export function internalError(where: "message" | "exception" | "rejection", error: unknown): LogEvent {
  return error instanceof Error
    ? { event: "internal.error", where, message: error.message, stack: error.stack }
    : { event: "internal.error", where, message: String(error), stack: undefined };
}

/** What goes wrong for somebody is a warning, for everybody an error; what happens in bulk, or was logged with the session, is for debugging. */
export function logEvent(logger: Logger, event: LogEvent): void {
  switch (event.event) {
    case "proto.violation":
    case "join.refused":
    case "slow.consumer":
    case "limit.hit":
    case "authorizer.error":
    case "authorizer.slow":
    case "auth.error":
    case "proxy.target":
    case "connection.refused":
    case "log.lost":
    case "systemd.failed":
    case "alarm.raised":
    case "service.stray":
    case "service.unrecorded":
      logger.warn(event);
      return;
    case "internal.error":
    case "http.error":
    case "users.rejected":
    case "logins.lost":
    case "cert.rejected":
    case "config.rejected":
    case "store.failed":
    case "store.damaged":
    case "service.failed":
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
