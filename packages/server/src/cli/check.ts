/**
 * `junctor check`: one look at one thing, for monitoring: Nagios and its kin, Prometheus' text format, or JSON. Its exit codes are
 * theirs: 0 ok, 1 warning, 2 critical, 3 unknown.
 */
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { connect as connectTls } from "node:tls";
import { JoinError } from "@junctor/client";
import { Exit, ExitWith, UserError } from "../user-error.ts";
import { type AdminOptions, withAdmin } from "./admin-client.ts";
import { explain } from "./explain.ts";
import { jsonText, line, oneLine } from "./print.ts";
import { withSession } from "./session.ts";
import { parseSeconds, parseValue } from "./values.ts";

export interface CheckOptions extends AdminOptions {
  readonly warn?: string;
  readonly crit?: string;
  readonly format?: string;
}

const STATUSES = ["OK", "WARNING", "CRITICAL", "UNKNOWN"] as const;
export type CheckStatus = (typeof STATUSES)[number];

export interface CheckResult {
  readonly check: string;
  readonly status: CheckStatus;
  readonly message: string;
  readonly value?: number;
  readonly unit?: string;
  readonly warn: number;
  readonly crit: number;
}

interface Measured {
  readonly value: number;
  readonly message: string;
}

interface Check {
  readonly unit: string;
  readonly warn: number;
  readonly crit: number;
  /** The smaller the worse. */
  readonly isFalling?: boolean;
  /** @throws what it is critical for, or a mistake of the user's */
  readonly measure: (args: readonly string[], options: CheckOptions) => Promise<Measured>;
}

const CHECKS: Readonly<Record<string, Check>> = {
  connection: { unit: "ms", warn: 500, crit: 2_000, measure: (_, options) => timed(options, "the router answers") },
  auth: { unit: "ms", warn: 500, crit: 2_000, measure: (_, options) => timed(options, undefined) },
  call: { unit: "ms", warn: 500, crit: 2_000, measure: call },
  cert: { unit: "d", warn: 21, crit: 7, isFalling: true, measure: certificate },
  alarms: { unit: "", warn: 1, crit: 2, measure: alarms },
  sessions: { unit: "", warn: Number.POSITIVE_INFINITY, crit: Number.POSITIVE_INFINITY, measure: sessions },
};

export async function check(what: string, args: readonly string[], options: CheckOptions): Promise<void> {
  const found = Object.hasOwn(CHECKS, what) ? CHECKS[what] : undefined;
  if (found === undefined) throw usage(`there is no check ${what}`, `choose ${Object.keys(CHECKS).join(", ")}`);
  const format = options.format ?? (options.json === true ? "json" : "nagios");
  if (format !== "nagios" && format !== "prom" && format !== "json")
    throw usage(`there is no format ${format}`, "choose --format nagios, prom or json");
  const warn = options.warn === undefined ? found.warn : parseThreshold(options.warn, "--warn");
  const crit = options.crit === undefined ? found.crit : parseThreshold(options.crit, "--crit");
  const result = await resultOf(what, found, warn, crit, args, options);
  for (const text of FORMATS[format](result)) line(text);
  if (result.status !== "OK") throw new ExitWith(STATUSES.indexOf(result.status));
}

async function resultOf(
  name: string,
  check: Check,
  warn: number,
  crit: number,
  args: readonly string[],
  options: CheckOptions,
): Promise<CheckResult> {
  try {
    const { value, message } = await check.measure(args, options);
    return { check: name, status: statusOf(value, warn, crit, check.isFalling === true), message, value, unit: check.unit, warn, crit };
  } catch (error) {
    const problem = explain(error, options);
    if (problem === undefined || problem.exitCode === Exit.usage) throw error;
    return { check: name, status: "CRITICAL", message: problem.message, warn, crit };
  }
}

export function statusOf(value: number, warn: number, crit: number, isFalling: boolean): CheckStatus {
  const isAt = (threshold: number) => (isFalling ? value <= threshold : value >= threshold);
  return isAt(crit) ? "CRITICAL" : isAt(warn) ? "WARNING" : "OK";
}

const FORMATS: Readonly<Record<"nagios" | "prom" | "json", (result: CheckResult) => readonly string[]>> = {
  nagios: ({ check, status, message, value, unit = "", warn, crit }) => [
    `${status} - ${check}: ${oneLine(message).replaceAll("|", "/")}${
      value === undefined ? "" : ` | ${check}=${value}${unit === "d" ? "" : unit};${finite(warn)};${finite(crit)}`
    }`,
  ],
  prom: ({ check, status, value, unit = "" }) => [
    "# TYPE junctor_check_status gauge",
    `junctor_check_status{check="${check}"} ${STATUSES.indexOf(status)}`,
    ...(value === undefined ? [] : ["# TYPE junctor_check_value gauge", `junctor_check_value{check="${check}",unit="${unit}"} ${value}`]),
  ],
  json: ({ warn, crit, ...rest }) => [
    jsonText({ ...rest, ...(Number.isFinite(warn) && { warn }), ...(Number.isFinite(crit) && { crit }) }),
  ],
};

function finite(value: number): string {
  return Number.isFinite(value) ? String(value) : "";
}

/** @param refused what is said where the realm lets nobody in; `undefined`: that is what is critical */
async function timed(options: CheckOptions, refused: string | undefined): Promise<Measured> {
  const begun = performance.now();
  const took = () => Math.round(performance.now() - begun);
  try {
    let value = 0;
    await withSession(options, async () => {
      value = took();
    });
    return { value, message: `joined ${options.realm} in ${value} ms` };
  } catch (error) {
    if (refused === undefined || !(error instanceof JoinError)) throw error;
    const value = took();
    return { value, message: `${refused} in ${value} ms: ${error.message}` };
  }
}

async function call([procedure, ...args]: readonly string[], options: CheckOptions): Promise<Measured> {
  if (procedure === undefined) throw usage("which procedure is to be called?", "for example: junctor check call demo.add 2 3");
  let value = 0;
  await withSession(options, async (session, signal) => {
    const begun = performance.now();
    await session.call(procedure, args.map(parseValue), {}, { signal });
    value = Math.round(performance.now() - begun);
  });
  return { value, message: `${procedure} answered in ${value} ms` };
}

async function certificate([named]: readonly string[], options: CheckOptions): Promise<Measured> {
  const end = named !== undefined && existsSync(named) ? endOfFile(named) : await endOfServer(named ?? options.url, options.timeout);
  const value = Math.floor((end - Date.now()) / 86_400_000);
  return { value, message: value < 0 ? `it has expired ${-value} days ago` : `it is valid for ${value} days` };
}

function endOfFile(file: string): number {
  try {
    return Date.parse(new X509Certificate(readFileSync(file)).validTo);
  } catch (error) {
    throw usage(
      `${file} holds no certificate: ${error instanceof Error ? error.message : String(error)}`,
      "name a file in PEM, or a wss:// or tls:// URL",
    );
  }
}

function endOfServer(url: string, timeout = "10"): Promise<number> {
  const { protocol, hostname, port } = URL.canParse(url) ? new URL(url) : { protocol: "", hostname: "", port: "" };
  if (!/^(wss|tls|https):$/.test(protocol))
    throw usage(`${url} has no certificate`, "give --url wss://… or tls://…, or a file: junctor check cert cert.pem");
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve, reject) => {
    // Whether it is trusted is asked elsewhere: this is about its end.
    const socket = connectTls(
      { host, port: Number(port || 443), rejectUnauthorized: false, ...(isIP(host) === 0 && { servername: host }) },
      () => {
        const { valid_to } = socket.getPeerCertificate();
        socket.destroy();
        resolve(Date.parse(valid_to));
      },
    );
    socket.setTimeout(parseSeconds(timeout), () => socket.destroy(new Error("no TLS handshake in time")));
    socket.on("error", (error) => reject(new UserError(`${url}: ${error.message}`, { exitCode: Exit.connect })));
  });
}

async function alarms(_: readonly string[], options: CheckOptions): Promise<Measured> {
  let measured: Measured = { value: 0, message: "no alarms" };
  await withAdmin(options, async (admin) => {
    const { active } = await admin.call("junctor.alarms.list", {});
    if (active.length === 0) return;
    const isCritical = active.some(({ severity }) => severity === "critical");
    measured = { value: isCritical ? 2 : 1, message: active.map(({ name, message }) => `${name}: ${message}`).join("; ") };
  });
  return measured;
}

async function sessions(_: readonly string[], options: CheckOptions): Promise<Measured> {
  let value = 0;
  await withAdmin(options, async (admin) => {
    value = (await admin.call("junctor.sessions.list", { limit: 1 })).total;
  });
  return { value, message: `${value} sessions` };
}

function parseThreshold(text: string, option: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw usage(`${text} is no threshold`, `a number, for example ${option} 500`);
  return Number(text);
}

function usage(message: string, remedy: string): UserError {
  return new UserError(message, { remedy, exitCode: Exit.usage });
}
