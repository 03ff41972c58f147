/**
 * `junctor doctor`: looks at what a server needs of its machine and its configuration, and says what to mend. It changes nothing, and
 * needs no server that runs.
 */
import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, resolve } from "node:path";
import { getHeapStatistics } from "node:v8";
import { certificateEnd, fileDescriptorLimit } from "../admin/process-watch.ts";
import { loadConfig } from "../config/load.ts";
import { STATE } from "../config/paths.ts";
import type { Config } from "../config/schema.ts";
import { ExitWith, UserError } from "../user-error.ts";
import { type AdminOptions, withAdmin } from "./admin-client.ts";
import { explain } from "./explain.ts";
import { jsonText, line, oneLine, style } from "./print.ts";
import { bytes } from "./table.ts";

export interface Finding {
  readonly about: string;
  readonly status: "ok" | "hint" | "problem";
  readonly message: string;
  readonly remedy?: string;
}

export async function doctor(options: AdminOptions): Promise<void> {
  const findings = [node(process.versions.node), ...fileLimit(fileDescriptorLimit()), ...memory(), ...clock()];
  const config = options.config === undefined ? undefined : read(options.config, findings);
  const running = await server(options, findings);
  const state = config?.state ?? resolve(options.state ?? STATE);
  findings.push(...disk("state directory", state));
  if (config !== undefined) findings.push(...certificates(config), ...(await listeners(config, running)), ...stores(config));
  if (options.json === true) line(jsonText(findings));
  else for (const finding of findings) print(finding);
  if (findings.some(({ status }) => status === "problem")) throw new ExitWith(1);
}

function print({ about, status, message, remedy }: Finding): void {
  const mark = { ok: style("green", "✓"), hint: style("bold", "!"), problem: style("red", "✗") }[status];
  line(`${mark} ${about}: ${oneLine(message)}`);
  if (remedy !== undefined) line(`    ${oneLine(remedy)}`);
}

export function node(version: string): Finding {
  const about = "Node.js";
  const [major = 0] = version.split(".").map(Number);
  if (major >= 22) return { about, status: "ok", message: version };
  return {
    about,
    status: "hint",
    message: `${version} works, and gets no security fixes any more since April 2026`,
    remedy: "use Node.js 22 or 24",
  };
}

export function fileLimit(limit: number | undefined): readonly Finding[] {
  if (limit === undefined) return [];
  const about = "open files";
  if (limit >= 10_000) return [{ about, status: "ok", message: `the limit is ${limit}` }];
  return [
    {
      about,
      status: "hint",
      message: `the limit is ${limit}: each connection takes one`,
      remedy: "ulimit -n 65536, or LimitNOFILE=65536 in the unit",
    },
  ];
}

function memory(): readonly Finding[] {
  const heap = getHeapStatistics().heap_size_limit;
  const allowed = process.constrainedMemory();
  const about = "memory";
  // Without a limit systems answer with 0, or with more than there can be.
  if (allowed === 0 || allowed > 2 ** 50 || heap < allowed * 0.9)
    return [{ about, status: "ok", message: `Node.js may have a heap of ${bytes(heap)}` }];
  return [
    {
      about,
      status: "hint",
      message: `the process may have ${bytes(allowed)}, and Node.js would take a heap of ${bytes(heap)}: the system would end it`,
      remedy: `NODE_OPTIONS=--max-old-space-size=${Math.floor((allowed * 0.75) / 2 ** 20)}`,
    },
  ];
}

function clock(): readonly Finding[] {
  const about = "clock";
  // Tokens, certificates and log lines go by it.
  if (!existsSync("/run/systemd/timesync")) return [];
  return existsSync("/run/systemd/timesync/synchronized")
    ? [{ about, status: "ok", message: "it is kept in time" }]
    : [{ about, status: "hint", message: "nobody keeps it in time: tokens and certificates go by it", remedy: "timedatectl set-ntp true" }];
}

function read(file: string, findings: Finding[]): Config | undefined {
  try {
    const config = loadConfig(file);
    findings.push({ about: "configuration", status: "ok", message: file });
    return config;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    findings.push({
      about: "configuration",
      status: "problem",
      message: error.message,
      ...(error.remedy !== undefined && { remedy: error.remedy }),
    });
    return undefined;
  }
}

/** @returns whether one runs */
async function server(options: AdminOptions, findings: Finding[]): Promise<boolean> {
  const about = "server";
  try {
    await withAdmin(options, async (admin) => {
      const [{ pid, version, isDraining }, { active }] = [
        await admin.call("junctor.status", {}),
        await admin.call("junctor.alarms.list", {}),
      ];
      findings.push({ about, status: "ok", message: `${version} ${isDraining ? "drains" : "runs"} as process ${pid}` });
      for (const { name, severity, message } of active)
        findings.push({ about: `alarm ${name}`, status: severity === "critical" ? "problem" : "hint", message });
    });
    return true;
  } catch (error) {
    const problem = explain(error, options);
    if (problem === undefined) throw error;
    findings.push({ about, status: "hint", message: problem.message, ...(problem.remedy !== undefined && { remedy: problem.remedy }) });
    return false;
  }
}

export function disk(about: string, directory: string): readonly Finding[] {
  const there = nearest(directory);
  try {
    accessSync(there, constants.W_OK);
  } catch {
    return [
      {
        about,
        status: "problem",
        message: `this user may not write to ${there}`,
        remedy: "give it to the user of the server, or name another one",
      },
    ];
  }
  const { bavail, blocks, bsize } = statfsSync(there);
  const free = bavail * bsize;
  const message = `${directory}: ${bytes(free)} free`;
  if (free > 2 ** 30 || bavail > blocks / 10) return [{ about, status: "ok", message }];
  return [{ about, status: "hint", message, remedy: "make room: what cannot be stored is refused" }];
}

/** Of a directory that may not be there yet, the one that it would be made in. */
function nearest(path: string): string {
  for (let each = path; ; each = dirname(each))
    if (existsSync(each) || each === dirname(each)) return statSync(each).isDirectory() ? each : dirname(each);
}

function stores({ realms }: Config): readonly Finding[] {
  return Object.entries(realms).flatMap(([name, { events }]) =>
    events.store === undefined ? [] : disk(`events of ${name}`, events.store.path),
  );
}

function certificates({ listen }: Config): readonly Finding[] {
  const files = new Set(listen.flatMap(({ tls }) => (tls === undefined ? [] : [tls.cert])));
  return [...files].map((file): Finding => {
    const end = certificateEnd(file);
    const about = "certificate";
    if (end === undefined) return { about, status: "problem", message: `${file} holds no certificate that can be read` };
    const days = Math.floor((end - Date.now()) / 86_400_000);
    const message = days < 0 ? `${file} has expired` : `${file} is valid for ${days} days`;
    return days >= 21
      ? { about, status: "ok", message }
      : { about, status: days < 0 ? "problem" : "hint", message, remedy: "put a new one in its place" };
  });
}

async function listeners({ listen }: Config, isRunning: boolean): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  for (const { host, port, tls, type } of listen) {
    if (port === undefined) continue;
    const about = `listener ${type} ${host}:${port}`;
    const isLocal = host === "localhost" || host === "::1" || host.startsWith("127.");
    if (!isLocal && tls === undefined) {
      found.push({
        about,
        status: "hint",
        message: "whoever is on the way reads everything: it is open beyond this machine, without TLS",
        remedy: "give it tls: {cert, key}, or let it listen on 127.0.0.1 behind a proxy that has",
      });
    } else found.push({ about, status: "ok", message: isLocal ? "for this machine only" : "TLS" });
    if (isRunning || port === 0) continue;
    const problem = await whyTaken(host, port);
    if (problem !== undefined)
      found.push({ about, status: "problem", message: problem, remedy: "choose another port, or end the program that has it" });
  }
  return found;
}

function whyTaken(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", ({ code }: NodeJS.ErrnoException) =>
      resolve(code === "EADDRINUSE" ? "another program has it" : `it cannot be had: ${code}`),
    );
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}
