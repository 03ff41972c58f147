/** `junctor.reload`, `junctor.drain`, `junctor.undrain`: another configuration, and an orderly end. */
import { z } from "zod";
import type { Reloader } from "../reload/reloader.ts";
import type { RunningServer } from "../server.ts";
import { UserError } from "../user-error.ts";

/** The part of the server that they work on. */
type Operated = Pick<RunningServer, "admin" | "drain" | "undrain" | "drainStatus">;

export function provideOperations(server: Operated, reloader: Reloader): void {
  const { api } = server.admin;
  api.provide("junctor.reload", z.strictObject({ file: z.string().min(1).optional(), isDryRun: z.boolean().optional() }), (takes) =>
    reloader.reload(takes.file, takes.isDryRun),
  );
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
