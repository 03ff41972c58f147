/** `junctor start`: the server, as its configuration says. */
import { resolve } from "node:path";
import { ListenError } from "@junctor/transport-node";
import { checkedConfig } from "../config/check.ts";
import { limitsOf } from "../config/schema.ts";
import { createLogger, type LogEvent, logEvent } from "../log.ts";
import { startServer } from "../server.ts";
import { UserError } from "../user-error.ts";
import { configFile } from "./config.ts";
import { untilSignal } from "./signals.ts";
import { untilUncaught } from "./uncaught.ts";
import { keepYoungGeneration } from "./young-generation.ts";

export interface StartOptions {
  readonly config?: string;
  readonly iKnowThisIsOpen?: boolean;
}

export async function start(options: StartOptions): Promise<void> {
  const file = configFile(options, "start");
  const { config } = checkedConfig(file, { isOpenMeant: options.iKnowThisIsOpen === true });
  const logger = createLogger(config.log.level, config.log.format);
  const log = (event: LogEvent) => logEvent(logger, event);
  const uncaught = untilUncaught(log);
  const { listen, realms, services, web, admin, state } = config;
  const server = await startServer({
    listen,
    realms,
    services,
    web,
    admin,
    state,
    file: resolve(file),
    limits: limitsOf(config),
    log,
  }).catch((error) => {
    throw error instanceof ListenError ? new UserError(error.message, { remedy: `change it under listen in ${file}` }) : error;
  });
  keepYoungGeneration();
  for (const [i, { type, tls }] of config.listen.entries()) {
    log({ event: "listener.up", type, address: server.listeners[i]?.address ?? "?", tls: tls !== undefined });
  }
  log({ event: "server.ready", pid: process.pid, realms: Object.keys(config.realms) });
  const end = await Promise.race([untilSignal(), uncaught]);
  log({ event: "server.stopping", signal: typeof end === "string" ? end : "uncaughtException" });
  await server.close();
  log({ event: "server.stopped" });
  if (typeof end !== "string") throw end;
}
