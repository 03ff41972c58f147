/** `junctor status`: what server runs here, and how it is. */
import { type AdminOptions, withAdmin } from "./admin-client.ts";
import { jsonText, line, oneLine, style } from "./print.ts";
import { ago, duration, facts } from "./table.ts";

export async function status(options: AdminOptions): Promise<void> {
  await withAdmin(options, async (admin) => {
    const status = await admin.call("junctor.status", {});
    if (options.json === true) return line(jsonText(status));
    const { version, nodeVersion, node, pid, uptimeMs, isDraining, config, realms, listeners } = status;
    line(`${style("green", `junctor ${oneLine(version)}`)} ${isDraining ? "is draining" : "is running"}`);
    const reload = config?.lastReload;
    facts(
      [
        ["process", `${pid}, up ${duration(uptimeMs)}, Node.js ${nodeVersion}`],
        ["node", node],
        ["configuration", config && `${config.file}, loaded ${ago(config.loadedAt)}`],
        ["last reload", reload && `${ago(reload.at)}: ${reload.ok ? "done" : `refused, ${reload.message ?? ""}`}`],
        ...listeners.map(({ type, address, tls, connections }): [string, string] => [
          "listener",
          `${type} ${address}${tls ? " (TLS)" : ""}: ${number(connections, "connection")}`,
        ]),
        ...realms.map(({ name, sessions, subscriptions, registrations, callsInFlight }): [string, string] => [
          "realm",
          `${name}: ${number(sessions, "session")}, ${number(subscriptions, "subscription")}, ${number(registrations, "registration")}, ${number(callsInFlight, "call")} in flight`,
        ]),
      ],
      "  ",
    );
  });
}

function number(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
