/** The administration of a server: the realm `junctor`, its procedures, and the control socket. */
import type { Router } from "@junctor/router";
import type { ConnectionLimits, Listener } from "@junctor/transport-node";
import type { AuthEnvironment } from "../auth/from-config.ts";
import type { AdminConfig } from "../config/admin-schema.ts";
import type { LogEvent } from "../log.ts";
import { AdminApi } from "./admin-api.ts";
import { adminRealm } from "./admin-realm.ts";
import type { Alarms } from "./alarms.ts";
import { openControlSocket } from "./control-socket.ts";
import { providePatterns } from "./patterns.ts";
import { ProcessWatch } from "./process-watch.ts";
import { provideSessions } from "./sessions.ts";
import { makeStateDirectory, newNodeId, nodeIdIn } from "./state-directory.ts";
import { provideStatus, type ServerView } from "./status.ts";

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
  readonly view: Omit<ServerView, "router" | "node">;
}

export class Admin {
  /** Takes the procedures of other parts. */
  readonly api: AdminApi;
  readonly #watch: ProcessWatch;
  readonly #options: AdminOptions;

  /** @throws {UserError} a users file or key cannot be read, or has errors; the state directory cannot be used */
  constructor(options: AdminOptions) {
    const { router, config, auth, log, state, view, alarms } = options;
    this.#options = options;
    if (state !== undefined) makeStateDirectory(state);
    const node = state === undefined ? newNodeId() : nodeIdIn(state);
    router.addRealm(adminRealm(config, auth));
    this.api = new AdminApi(router, log);
    provideStatus(this.api, { ...view, router, node });
    provideSessions(this.api, router);
    providePatterns(this.api, router);
    alarms.provide(this.api);
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
  }
}
