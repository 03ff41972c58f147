/**
 * The control socket: RawSocket on a UNIX socket that only the user of the server can open, which is what makes whoever is
 * on it an admin. One server has it: a second one with the same state directory is told which one is there.
 */
import { ADMIN_REALM, type Status } from "@junctor/admin-api";
import { connect } from "@junctor/client";
import type { Router } from "@junctor/router";
import { type ConnectionLimits, ListenError, type Listener, listen } from "@junctor/transport-node";
import type { LogEvent } from "../log.ts";
import { UserError } from "../user-error.ts";
import { CONTROL } from "./admin-realm.ts";
import { controlSocketIn, makeStateDirectory } from "./state-directory.ts";

/** @throws {UserError} */
export async function openControlSocket(
  directory: string,
  router: Router,
  limits: ConnectionLimits,
  log: (event: LogEvent) => void,
): Promise<Listener> {
  makeStateDirectory(directory);
  const path = controlSocketIn(directory);
  const accept = (connection: Parameters<Router["attach"]>[0], info: Parameters<Router["attach"]>[1]) =>
    router.attach(connection, { ...info, transport: CONTROL });
  try {
    return await listen({ kind: "rawsocket", path, mode: 0o600, limits, accept, log });
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    if (error.code !== "EADDRINUSE")
      throw new UserError(error.message, {
        remedy: "the control socket lies in the state directory: name another one with state in the configuration",
      });
    throw new UserError(`${await ownerOf(path)} uses the state directory ${directory}`, {
      remedy: "stop it, or give this server another directory: state in the configuration",
    });
  }
}

/** Who answers there. */
async function ownerOf(path: string): Promise<string> {
  try {
    const session = await connect({ url: `unix:${path}`, realm: ADMIN_REALM, timeout: 2_000 });
    try {
      const { pid, config } = (await session.call("junctor.status")).value as Partial<Status>;
      return `another server, process ${pid}${config === undefined ? "" : ` with ${config.file},`}`;
    } finally {
      await session.leave();
    }
  } catch {
    return "another process";
  }
}
