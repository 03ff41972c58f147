/** The administration of a server: the realm `junctor`, its procedures, and the control socket. */
import type { Router } from "@junctor/router";
import type { ConnectionLimits, Listener } from "@junctor/transport-node";
import type { AuthEnvironment } from "../auth/from-config.ts";
import type { AdminConfig } from "../config/admin-schema.ts";
import type { LogEvent } from "../log.ts";
import type { LogLevels } from "../log-levels.ts";
import { AdminApi } from "./admin-api.ts";
import { adminRealm } from "./admin-realm.ts";
import type { Alarms } from "./alarms.ts";
import { type ClosedSessions, provideSlow } from "./closed-sessions.ts";
import { openControlSocket } from "./control-socket.ts";
import { provideLogLevels } from "./log-level.ts";
import { providePatterns } from "./patterns.ts";
import { ProcessWatch } from "./process-watch.ts";
import { provideSessions } from "./sessions.ts";
import { makeStateDirectory, newNodeId, nodeIdIn } from "./state-directory.ts";
import { provideStatus, type ServerView } from "./status.ts";
import { Traces } from "./trace.ts";

export interface AdminOptions {
  readonly router: Router;
  /** Who gets in by other ways than the control socket. */
  readonly config: AdminConfig | undefined;
  readonly auth: AuthEnvironment;
  /** Where the control socket is; `undefined`: there is none, nor anything else that is kept. */
  readonly state: string | undefined;
  readonly limits: ConnectionLimits;
  readonly log: (event: LogEvent) => void;
  readonly alarms: Alarms;
  readonly closed: ClosedSessions;
  /** `undefined`: whoever embeds the server logs as they like. */
  readonly levels: LogLevels | undefined;
  readonly view: Omit<ServerView, "router" | "node">;
}

export class Admin {
  /** Takes the procedures of other parts. */
  readonly api: AdminApi;
  readonly #watch: ProcessWatch;
  readonly #traces: Traces;
  readonly #options: AdminOptions;

  /** @throws {UserError} a users file or key cannot be read, or has errors; the state directory cannot be used */
  constructor(options: AdminOptions) {
    const { router, config, auth, log, state, view, alarms, closed, levels } = options;
    this.#options = options;
    if (state !== undefined) makeStateDirectory(state);
    const node = state === undefined ? newNodeId() : nodeIdIn(state);
    router.addRealm(adminRealm(config, auth));
    this.api = new AdminApi(router, log);
    provideStatus(this.api, { ...view, router, node });
    provideSessions(this.api, router);
    providePatterns(this.api, router);
    alarms.provide(this.api);
    closed.provide(this.api);
    provideSlow(this.api, router);
    provideLogLevels(this.api, levels, router);
    this.#traces = new Traces(this.api, router);
    this.#watch = new ProcessWatch(alarms, {
      certificates: view.certificates,
      connections: () => view.listeners().reduce((sum, { connections }) => sum + connections, 0),
    });
  }

  /** @returns the control socket, to be closed with the listeners. @throws {UserError} */
  async open(): Promise<Listener | undefined> {
    const { state, router, limits, log } = this.#options;
    await this.api.open();
    if (state !== undefined) this.#watch.start(); // else whoever embeds the server looks after the process
    return state === undefined ? undefined : openControlSocket(state, router, limits, log);
  }

  close(): void {
    this.#watch.stop();
    this.#traces.close();
  }
}
