/** The administration of a server: the realm `junctor`, its procedures, and the control socket. */
import type { Router } from "@junctor/router";
import type { ConnectionLimits, Listener } from "@junctor/transport-node";
import type { AuthEnvironment } from "../auth/from-config.ts";
import type { AdminConfig } from "../config/admin-schema.ts";
import type { LogEvent } from "../log.ts";
import { AdminApi } from "./admin-api.ts";
import { adminRealm } from "./admin-realm.ts";
import { openControlSocket } from "./control-socket.ts";
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
  readonly view: Omit<ServerView, "router" | "node">;
}

export class Admin {
  /** Takes the procedures of other parts. */
  readonly api: AdminApi;
  readonly #options: AdminOptions;

  /** @throws {UserError} a users file or key cannot be read, or has errors; the state directory cannot be used */
  constructor(options: AdminOptions) {
    const { router, config, auth, log, state, view } = options;
    this.#options = options;
    if (state !== undefined) makeStateDirectory(state);
    const node = state === undefined ? newNodeId() : nodeIdIn(state);
    router.addRealm(adminRealm(config, auth));
    this.api = new AdminApi(router, log);
    provideStatus(this.api, { ...view, router, node });
    provideSessions(this.api, router);
  }

  /** @returns the control socket, to be closed with the listeners. @throws {UserError} */
  async open(): Promise<Listener | undefined> {
    const { state, router, limits, log } = this.#options;
    await this.api.open();
    return state === undefined ? undefined : openControlSocket(state, router, limits, log);
  }
}
