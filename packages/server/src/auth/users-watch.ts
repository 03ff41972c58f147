/** A users file that changes while the server runs: read again, and the sessions end that it does not speak for any more (T31, G13). */
import type { Router } from "@junctor/router";
import type { LogEvent } from "../log.ts";
import { UserError } from "../user-error.ts";
import { FileWatch } from "./file-watch.ts";
import { endRevoked } from "./session-proof.ts";

/** @param reload reads it. @returns how many users there are now */
export function usersWatch(router: Router, log: (event: LogEvent) => void, file: string, realm: string, reload: () => number): FileWatch {
  return new FileWatch(file, () => {
    try {
      const users = reload();
      log({ event: "users.reloaded", realm, file, users, ended: endRevoked(router) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      log({ event: "users.rejected", realm, file, message: error.message }); // [G13]
    }
  });
}
