/** `junctor services`: lists services, starts, stops and restarts them, shows what they print. */
import type { ServiceInfo, ServiceLine } from "@junctor/admin-api";
import { type AdminClient, type AdminOptions, withAdmin } from "./admin-client.ts";
import { jsonText, line, oneLine, style } from "./print.ts";
import { duration, table } from "./table.ts";
import { parseNumber } from "./values.ts";

export async function listServices(options: AdminOptions): Promise<void> {
  await withAdmin(options, async (admin) => print(await admin.call("junctor.service.list", {}), options));
}

/** Does not wait until it is done: what is under way shows as such. */
export async function changeService(action: "start" | "stop" | "restart", service: string, options: AdminOptions): Promise<void> {
  await withAdmin(options, async (admin) => print([await admin.call(`junctor.service.${action}`, { service })], options));
}

export async function showOutput(service: string, options: AdminOptions & { lines: string; follow?: boolean }): Promise<void> {
  const limit = parseNumber(options.lines, "--lines");
  await withAdmin(options, async (admin) => {
    let last = printLines(await admin.call("junctor.service.logs", { service, limit }), 0, options);
    try {
      while (options.follow === true) last = printLines(await linesAfter(admin, service, last), last, options);
    } catch (error) {
      if (!admin.signal.aborted) throw error; // Ctrl-C is its regular end
    }
  });
}

/** Asks again and again: an answer is due before the client gives the call up. */
function linesAfter(admin: AdminClient, service: string, after: number): Promise<readonly ServiceLine[]> {
  return admin.call("junctor.service.logs", { service, after, limit: 1_000, wait: WAIT_MS });
}

function print(services: readonly ServiceInfo[], { json }: AdminOptions): void {
  if (json === true) return line(jsonText(services));
  const now = Date.now();
  table(
    services.flatMap(({ service, realm, role, instances }) => instances.map((instance) => ({ service, realm, role, ...instance }))),
    [
      { title: "SERVICE", of: ({ service }) => service },
      { title: "#", of: ({ instance }) => instance, isNumber: true },
      { title: "STATE", of: ({ state }) => state },
      { title: "FOR", of: ({ since }) => duration(now - since), isNumber: true },
      { title: "PID", of: ({ pid }) => pid, isNumber: true },
      { title: "RESTARTS", of: ({ restarts }) => restarts, isNumber: true },
      { title: "JOINS", of: ({ realm, role }) => (realm === undefined ? undefined : `${realm} as ${role}`) },
      { title: "WHY", of: ({ reason }) => reason },
    ],
    "no services",
  );
}

/** @returns the sequence number of the last line */
function printLines(lines: readonly ServiceLine[], last: number, { json }: AdminOptions): number {
  for (const each of lines) {
    const time = new Date(each.time).toISOString().slice(11, 23);
    const text = each.stream === "stderr" ? style("red", oneLine(each.line)) : oneLine(each.line);
    line(json === true ? jsonText(each) : `${style("dim", `${time} ${each.instance}`)} ${text}`);
  }
  return lines.at(-1)?.sequence ?? last;
}

const WAIT_MS = 2_000;
