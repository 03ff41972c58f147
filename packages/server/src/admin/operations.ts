/** `junctor.reload`, `junctor.drain`, `junctor.undrain`: another configuration, and an orderly end. */
import { z } from "zod";
import type { RunningServer } from "../server.ts";
import { UserError } from "../user-error.ts";

/** The part of the server that they work on. */
type Operated = Pick<RunningServer, "admin" | "reloader" | "drain" | "undrain" | "drainStatus">;

export function provideOperations(server: Operated): void {
  const { api } = server.admin;
  const takes = z.strictObject({ file: z.string().min(1).optional(), isDryRun: z.boolean().optional() });
  api.provide("junctor.reload", takes, ({ file, isDryRun }) => {
    if (server.reloader === undefined)
      throw new UserError("this server was not started from a configuration file", { remedy: "start one with junctor start -c FILE" });
    return server.reloader.reload(file, isDryRun);
  });
  api.provide("junctor.drain", z.strictObject({ overMs: z.number().min(0).max(LONGEST_MS).optional() }), ({ overMs = DRAIN_MS }) =>
    server.drain(overMs),
  );
  api.provide("junctor.drain.status", z.strictObject({}), () => server.drainStatus);
  api.provide("junctor.undrain", z.strictObject({}), () => {
    if (!server.undrain()) throw new UserError("the server is not draining", { remedy: "junctor status says how it is" });
    return server.drainStatus;
  });
}

/** Where nobody says over how long. */
export const DRAIN_MS = 30_000;
const LONGEST_MS = 24 * 60 * 60_000;
