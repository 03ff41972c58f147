/** `junctor health`: whether the server that runs here answers and takes sessions, for a container's health check. */
import { ExitWith } from "../user-error.ts";
import { type AdminOptions, withAdmin } from "./admin-client.ts";
import { jsonText, line } from "./print.ts";

export async function health(options: AdminOptions): Promise<void> {
  let isHealthy = false;
  await withAdmin({ ...options, timeout: options.timeout ?? "5" }, async (admin) => {
    const { isDraining, uptimeMs } = await admin.call("junctor.status", {});
    isHealthy = !isDraining;
    line(options.json === true ? jsonText({ isHealthy, isDraining, uptimeMs }) : isHealthy ? "healthy" : "draining");
  });
  if (!isHealthy) throw new ExitWith(1);
}
