/** `junctor.log.level`: more or less in the log for a while. */
import { LOG_LEVELS } from "@junctor/admin-api";
import { ApplicationError } from "@junctor/client";
import { Uri } from "@junctor/protocol";
import type { Router } from "@junctor/router";
import { z } from "zod";
import type { LogLevels } from "../log-levels.ts";
import { UserError } from "../user-error.ts";
import type { AdminApi } from "./admin-api.ts";

const change = z.strictObject({
  realm: z.string().exactOptional(),
  level: z.enum(LOG_LEVELS).exactOptional(),
  forMs: z
    .int()
    .min(1)
    .max(24 * 3_600_000)
    .exactOptional(),
});

/** @param levels `undefined`: the server's log is somebody else's */
export function provideLogLevels(api: AdminApi, levels: LogLevels | undefined, router: Router): void {
  api.provide("junctor.log.level", change, ({ realm, level, forMs = 3_600_000 }) => {
    if (levels === undefined) throw new UserError("the log of this server is not its own");
    if (realm !== undefined && router.realm(realm) === undefined)
      throw new ApplicationError(Uri.noSuchRealm, [`there is no realm ${realm}`]);
    if (level !== undefined) levels.set(realm, level, forMs);
    return levels.changes;
  });
}
