/** `junctor reload`: has a running server read its configuration again, and says what is different. */
import { resolve } from "node:path";
import type { ReloadReport } from "@junctor/admin-api";
import { type AdminOptions, withAdmin } from "./admin-client.ts";
import { jsonText, line, oneLine, style } from "./print.ts";

export interface ReloadOptions extends AdminOptions {
  readonly from?: string;
  readonly dryRun?: boolean;
}

export async function reload({ from, dryRun = false, ...options }: ReloadOptions): Promise<void> {
  await withAdmin(options, async (admin) => {
    const report = await admin.call("junctor.reload", { isDryRun: dryRun, ...(from !== undefined && { file: resolve(from) }) });
    if (options.json === true) return line(jsonText(report));
    for (const text of told(report, dryRun)) line(text);
  });
}

function* told({ applied, needsRestart, closedSessions, revoked }: ReloadReport, isDryRun: boolean): IterableIterator<string> {
  if (applied.length + needsRestart.length === 0) return yield "nothing is different";
  yield style("green", isDryRun ? "this could be applied; nothing has changed" : "applied");
  for (const { path, what } of applied) yield `  ${what.padEnd(7)}  ${oneLine(path)}`;
  if (needsRestart.length > 0) yield style("bold", "waits for a restart");
  for (const { path, what } of needsRestart) yield `  ${what.padEnd(7)}  ${oneLine(path)}`;
  for (const [reason, count] of Object.entries(closedSessions))
    yield `${count} ${count === 1 ? "session" : "sessions"} ${isDryRun ? "would end" : "ended"}: ${oneLine(reason)}`;
  const { subscriptions, registrations } = revoked;
  if (subscriptions + registrations > 0) yield `${subscriptions} subscriptions and ${registrations} registrations of other sessions ended`;
}
