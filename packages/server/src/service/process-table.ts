/**
 * What the kernel tells of processes, from /proc: who is in a process group, since when a process is there, how much memory a
 * process and its descendants have. Elsewhere than on Linux there is no such thing, and nothing is found.
 */
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

export interface ProcessStatus {
  readonly pid: number;
  /** A zombie: it has ended, and nobody has asked how. */
  readonly hasEnded: boolean;
  readonly group: number;
  /** In ticks since the machine started: with the pid, it names one process of all that there have been since. */
  readonly startTime: string;
}

export function processStatus(pid: number): ProcessStatus | undefined {
  // The name stands in parentheses, and may hold any.
  const text = contents(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, , group] = fields;
  const startTime = fields[19];
  if (state === undefined || group === undefined || startTime === undefined) return undefined;
  return { pid, hasEnded: state === "Z" || state === "X", group: Number(group), startTime };
}

export function pids(): number[] {
  try {
    return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
}

/** Those of a process group that still run. */
export function groupMembers(group: number): ProcessStatus[] {
  return pids().flatMap((pid) => {
    const status = processStatus(pid);
    return status === undefined || status.hasEnded || status.group !== group ? [] : [status];
  });
}

/** A variable of the environment that a process was started with. Empty where there is none, or it may not be looked into. */
export function variableOf(pid: number, name: string): string {
  const start = `${name}=`;
  const entry = contents(`/proc/${pid}/environ`)
    .split("\0")
    .find((text) => text.startsWith(start));
  return entry?.slice(start.length) ?? "";
}

/** Another one since the machine was started anew: pids begin again. Empty where nobody knows. */
export function bootId(): string {
  return contents("/proc/sys/kernel/random/boot_id").trim();
}

/** The resident memory of a process and all its descendants, in bytes; pages that they share count for each of them. */
export async function residentBytes(pid: number): Promise<number> {
  const [status, children] = await Promise.all([later(`/proc/${pid}/status`), later(`/proc/${pid}/task/${pid}/children`)]);
  const own = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024;
  const below = await Promise.all(children.split(" ").map((child) => (child.trim() === "" ? 0 : residentBytes(Number(child)))));
  return below.reduce((sum, bytes) => sum + bytes, own);
}

/** Empty for what is not there any more, or is nobody's business. */
function contents(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

async function later(file: string): Promise<string> {
  return readFile(file, "utf8").catch(() => "");
}
