/**
 * Looks after the process itself: memory, how late its event loop is, file descriptors, and the certificates that it shows.
 * Raises alarms; an alarm is cleared when the value is well below what raised it, so that none flickers.
 */
import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import type { AlarmName } from "@junctor/admin-api";
import type { Alarms } from "./alarms.ts";

export interface Watched {
  /** Files of certificates. */
  certificates(): readonly string[];
  /** How many there are now, each with a file descriptor. */
  connections(): number;
}

export class ProcessWatch {
  readonly #alarms: Alarms;
  readonly #watched: Watched;
  #delay: IntervalHistogram | undefined = undefined;
  #timers: NodeJS.Timeout[] = [];

  constructor(alarms: Alarms, watched: Watched) {
    this.#alarms = alarms;
    this.#watched = watched;
  }

  start(): void {
    this.#delay = monitorEventLoopDelay({ resolution: 20 });
    this.#delay.enable();
    this.#timers = [setInterval(() => this.#look(), LOOK_MS), setInterval(() => this.#lookAtCertificates(), CERTIFICATES_MS)];
    for (const timer of this.#timers) timer.unref();
    this.#lookAtCertificates();
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#delay?.disable();
  }

  #look(): void {
    const lateMs = (this.#delay?.percentile(99) ?? 0) / 1e6;
    this.#delay?.reset();
    const { used_heap_size, heap_size_limit } = getHeapStatistics();
    const limit = fileDescriptorLimit();
    for (const [name, level] of [
      ["loop_lag", loopLag(lateMs)],
      ["memory", memory(used_heap_size, heap_size_limit)],
      ["file_descriptors", limit === undefined ? undefined : fileDescriptors(this.#watched.connections(), limit)],
    ] as const)
      if (level !== undefined) judge(this.#alarms, name, level);
  }

  #lookAtCertificates(): void {
    for (const file of this.#watched.certificates()) {
      const end = certificateEnd(file);
      if (end !== undefined) judge(this.#alarms, "certificate", certificate(file, end, Date.now()), file);
    }
  }
}

/** A value that only gets worse by growing. */
export interface Level {
  readonly value: number;
  readonly warning: number;
  readonly critical: number;
  readonly message: string;
}

/** Raises, keeps or clears an alarm by where a value lies. */
export function judge(alarms: Alarms, name: AlarmName, { value, warning, critical, message }: Level, subject?: string): void {
  const isRaised = alarms.active.some((alarm) => alarm.name === name && alarm.subject === subject);
  if (value >= critical) alarms.raise(name, "critical", message, subject);
  else if (value >= warning) alarms.raise(name, "warning", message, subject);
  else if (!isRaised || value < warning - Math.abs(warning) * SLACK) alarms.clear(name, subject);
}

export function loopLag(lateMs: number): Level {
  return {
    value: lateMs,
    warning: 100,
    critical: 500,
    message: `what is due starts ${Math.round(lateMs)} ms late (99 % of the last ${LOOK_MS / 1_000} s): the processor is not enough for the load`,
  };
}

export function memory(used: number, limit: number): Level {
  const share = used / limit;
  return {
    value: share,
    warning: 0.85,
    critical: 0.95,
    message: `${Math.round(share * 100)} % of the heap that Node.js may have is in use (${Math.round(limit / 2 ** 20)} MiB): --max-old-space-size gives it more`,
  };
}

export function fileDescriptors(connections: number, limit: number): Level {
  const share = connections / limit;
  return {
    value: share,
    warning: 0.8,
    critical: 0.95,
    message: `${connections} connections, and the process may have ${limit} open files: ulimit -n, or LimitNOFILE of its unit, gives it more`,
  };
}

export function certificate(file: string, end: number, now: number): Level {
  const days = (end - now) / DAY_MS;
  const message = days < 0 ? `the certificate in ${file} has expired` : `the certificate in ${file} expires in ${Math.floor(days)} days`;
  return { value: -days, warning: -21, critical: -7, message };
}

/** When the certificate of a file ends, in milliseconds since 1970. */
export function certificateEnd(file: string): number | undefined {
  try {
    const end = Date.parse(new X509Certificate(readFileSync(file)).validTo);
    return Number.isNaN(end) ? undefined : end;
  } catch {
    return undefined; // whoever loads it says what is wrong with it
  }
}

/** `undefined` where the system does not say. */
export function fileDescriptorLimit(): number | undefined {
  if (!existsSync(LIMITS_FILE)) return undefined;
  const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync(LIMITS_FILE, "utf8")) ?? [];
  return limit === undefined ? undefined : Number(limit);
}

const LIMITS_FILE = "/proc/self/limits";
const LOOK_MS = 5_000;
const CERTIFICATES_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** How much better than the warning it has to be. */
const SLACK = 0.1;
