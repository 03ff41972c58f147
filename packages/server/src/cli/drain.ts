/** `junctor drain` and `junctor undrain`: the orderly end of a running server, and its taking back. */
import type { DrainStatus } from "@junctor/admin-api";
import { parseDuration } from "../config/units.ts";
import { Exit, UserError } from "../user-error.ts";
import { type AdminOptions, withAdmin } from "./admin-client.ts";
import { jsonText, line } from "./print.ts";
import { duration } from "./table.ts";

export interface DrainOptions extends AdminOptions {
  readonly over?: string;
  readonly wait?: boolean;
}

export async function drain({ over, wait = false, ...options }: DrainOptions): Promise<void> {
  const overMs = over === undefined ? undefined : parseDuration(over);
  if (over !== undefined && overMs === undefined)
    throw new UserError(`${over} is no duration`, { remedy: "for example --over 2m; units are ms, s, m and h", exitCode: Exit.usage });
  await withAdmin(options, async (admin) => {
    const status = await admin.call("junctor.drain", overMs === undefined ? {} : { overMs });
    print(status, options.json);
    if (wait) await admin.session.closed; // the administration is the last to go
  });
}

export async function undrain(options: AdminOptions): Promise<void> {
  await withAdmin(options, async (admin) => {
    print(await admin.call("junctor.undrain", {}), options.json);
  });
}

function print(status: DrainStatus, isJson: boolean | undefined): void {
  if (isJson === true) return line(jsonText(status));
  const { isDraining, sessions, leftMs } = status;
  line(
    isDraining
      ? `draining: ${sessions} ${sessions === 1 ? "session" : "sessions"} over ${duration(leftMs)}`
      : "not draining: sessions may join",
  );
}
