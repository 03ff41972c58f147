/** `junctor status`: what server runs here, and how it is. */
import { type AdminOptions, withAdmin } from "./admin-client.ts";
import { jsonText, line, oneLine, style } from "./print.ts";
import { ago, duration, facts, table } from "./table.ts";

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

export async function realms(options: AdminOptions): Promise<void> {
  await withAdmin(options, async (admin) => {
    const realms = await admin.call("junctor.realms.list", {});
    if (options.json === true) return line(jsonText(realms));
    table(
      realms,
      [
        { title: "REALM", of: ({ name }) => name },
        { title: "SESSIONS", of: ({ sessions }) => sessions, isNumber: true },
        { title: "SUBSCRIPTIONS", of: ({ subscriptions }) => subscriptions, isNumber: true },
        { title: "REGISTRATIONS", of: ({ registrations }) => registrations, isNumber: true },
        { title: "IN FLIGHT", of: ({ callsInFlight }) => callsInFlight, isNumber: true },
        { title: "CALLS", of: ({ counters }) => counters["calls"], isNumber: true },
        { title: "PUBLICATIONS", of: ({ counters }) => counters["publications"], isNumber: true },
        { title: "EVENTS", of: ({ counters }) => counters["eventsSent"], isNumber: true },
        { title: "DROPPED", of: ({ counters }) => counters["eventsDropped"], isNumber: true },
      ],
      "no realms",
    );
  });
}
