/** A configuration file, read again while the server runs: by SIGHUP, by `junctor reload`, with the same outcome in the log. */
import type { ReloadReport } from "@junctor/admin-api";
import { ListenError } from "@junctor/transport-node";
import { notListening } from "../config/check.ts";
import { type Config, limitsOf } from "../config/schema.ts";
import type { LogEvent } from "../log.ts";
import type { RunningServer, ServerConfig } from "../server.ts";
import type { UserError } from "../user-error.ts";

export class Reloader {
  readonly #server: Pick<RunningServer, "apply" | "lastReload">;
  readonly #file: string;
  readonly #load: (file: string) => Config;
  readonly #log: (event: LogEvent) => void;

  /** @param load reads a file and finds its errors */
  constructor(
    server: Pick<RunningServer, "apply" | "lastReload">,
    file: string,
    load: (file: string) => Config,
    log: (event: LogEvent) => void,
  ) {
    this.#server = server;
    this.#file = file;
    this.#load = load;
    this.#log = log;
  }

  /**
   * @param file another one than that of the start
   * @param isDryRun tells what would become of it, and neither does nor logs anything
   * @throws {UserError} it has errors, or cannot be put into force: nothing has changed
   */
  async reload(file = this.#file, isDryRun = false): Promise<ReloadReport> {
    const begun = performance.now();
    try {
      const report = await this.#server.apply(serverConfig(this.#load(file)), isDryRun);
      const { applied, needsRestart, closedSessions } = report;
      const durationMs = Math.round(performance.now() - begun);
      const paths = (changes: ReloadReport["applied"]) => changes.map(({ path }) => path);
      if (!isDryRun)
        this.#log({
          event: "config.reloaded",
          file,
          applied: paths(applied),
          needsRestart: paths(needsRestart),
          closedSessions,
          durationMs,
        });
      return report;
    } catch (error) {
      const problem = error instanceof ListenError ? listenProblem(error, file) : error;
      if (isDryRun) throw problem;
      const message = problem instanceof Error ? problem.message : String(problem);
      this.#server.lastReload = { at: Date.now(), ok: false, message };
      this.#log({ event: "config.rejected", file, message });
      throw problem;
    }
  }
}

/** What a server takes of a configuration file. */
export function serverConfig({ limits, log, ...rest }: Config): ServerConfig {
  return { ...rest, limits: limitsOf({ limits }), logging: log };
}

export function listenProblem(error: ListenError, file: string): UserError {
  return notListening(error, file);
}
