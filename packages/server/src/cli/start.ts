/** `junctor start`: the server, as its configuration says. */
import { resolve } from "node:path";
import { ListenError } from "@junctor/transport-node";
import { DRAIN_MS } from "../admin/operations.ts";
import { checkedConfig } from "../config/check.ts";
import { createLogger } from "../log.ts";
import { LogLevels } from "../log-levels.ts";
import { listenProblem, Reloader, serverConfig } from "../reload/reloader.ts";
import { startServer } from "../server.ts";
import { Systemd } from "../systemd.ts";
import { UserError } from "../user-error.ts";
import { configFile } from "./config.ts";
import { onSignal, untilSignal } from "./signals.ts";
import { untilUncaught } from "./uncaught.ts";
import { keepYoungGeneration } from "./young-generation.ts";

export interface StartOptions {
  readonly config?: string;
  readonly iKnowThisIsOpen?: boolean;
}

export async function start(options: StartOptions): Promise<void> {
  const file = configFile(options, "start");
  const load = (file: string) => checkedConfig(file, { isOpenMeant: options.iKnowThisIsOpen === true }).config;
  const config = load(file);
  const logger = createLogger(config.log.level, config.log.format);
  const levels = new LogLevels(logger);
  const { log } = levels;
  const uncaught = untilUncaught(log);
  const systemd = new Systemd(process.env, log);
  const server = await startServer({ ...serverConfig(config), file: resolve(file), log, levels, logger }).catch((error) => {
    throw error instanceof ListenError ? listenProblem(error, file) : error;
  });
  keepYoungGeneration();
  const reloader = new Reloader(server, file, load, (event) => {
    log(event);
    server.alarms.noticed(event);
  });
  const isReady = () => systemd.ready(`listening on ${server.listeners.map(({ address }) => address).join(", ")}`);
  onSignal("SIGHUP", () => {
    void systemd.reloading();
    void reloader.reload().catch(bugsOnly).finally(isReady);
  });
  onSignal("SIGUSR2", () => void server.drain(DRAIN_MS));
  server.reloader = reloader;
  log({ event: "server.ready", pid: process.pid, realms: Object.keys(config.realms) });
  void isReady();
  const end = await Promise.race([untilSignal(), uncaught, server.drained.then(() => "drain")]);
  log({ event: "server.stopping", signal: typeof end === "string" ? end : "uncaughtException" });
  void systemd.stopping();
  await server.close();
  log({ event: "server.stopped" });
  if (typeof end !== "string") throw end;
}

/** What the user can mend is in the log. */
function bugsOnly(error: unknown): void {
  if (!(error instanceof UserError)) throw error;
}
