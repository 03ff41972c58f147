/**
 * `services.json` in the state directory: which processes this server has started, so that the next one finds what a server
 * that was killed has left behind, and ends that and nothing else.
 *
 * Two things tell a stray: it leads, or is in, a process group whose leader has the recorded pid and the recorded start time,
 * or the environment that it was started with has the id of that server. A pid alone tells nothing: it may be another
 * program's by now. The id is on the disk before the first process is there, so none is missed between a start and its record.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { makeStateDirectory } from "../admin/state-directory.ts";
import { UserError, whyUnreadable } from "../user-error.ts";
import { bootId, groupMembers, type ProcessStatus, pids, processStatus, variableOf } from "./process-table.ts";

/** In the environment of every process of a service: the id of the server that started it. */
export const SERVER_VARIABLE = "JUNCTOR_SERVER_ID";

const recordSchema = z.object({
  boot: z.string(),
  server: z.object({ id: z.string().min(1), pid: z.int(), startTime: z.string() }),
  processes: z.array(z.object({ service: z.string(), instance: z.int(), pid: z.int().min(1), startTime: z.string() })),
});

type RecordFile = z.output<typeof recordSchema>;

export class ProcessRecord {
  readonly id = randomUUID();
  readonly #file: string;
  #processes: RecordFile["processes"] = [];

  private constructor(file: string) {
    this.#file = file;
  }

  /**
   * Begins a record in a directory, once the strays of the one before are gone.
   *
   * @param found told of each stray
   * @param graceMs how long they have to end when they are asked to
   * @throws {UserError} the directory is in use by another server, or cannot be used
   */
  static async begin(directory: string, found: (stray: ProcessStatus) => void, graceMs = GRACE_MS): Promise<ProcessRecord> {
    const file = recordIn(directory);
    const left = read(file);
    if (left !== undefined && left.boot === bootId()) {
      const { pid, startTime } = left.server;
      if (startTime !== "" && processStatus(pid)?.startTime === startTime)
        throw new UserError(`the state directory ${directory} is in use by the server with process id ${pid}`, {
          remedy: "stop that one first, or give this one a directory of its own: state: DIRECTORY",
        });
      await endStrays(left, found, graceMs);
    }
    const record = new ProcessRecord(file);
    makeStateDirectory(directory);
    try {
      record.#write();
    } catch (error) {
      throw new UserError(`cannot use ${file}: ${whyUnreadable(error)}`, {
        remedy: "the state directory is to belong to the user of the server; state in the configuration names another",
      });
    }
    return record;
  }

  /** @throws {Error} it cannot be written; the process can be found by the id all the same */
  started(service: string, instance: number, pid: number): void {
    this.#processes.push({ service, instance, pid, startTime: processStatus(pid)?.startTime ?? "" });
    this.#write();
  }

  /** Nothing is left of it. @throws {Error} as `started` does */
  ended(pid: number): void {
    this.#processes = this.#processes.filter((entry) => entry.pid !== pid);
    this.#write();
  }

  /** All have ended. */
  close(): void {
    rmSync(this.#file, { force: true });
  }

  // Not synced: what ends with the machine needs no finding.
  #write(): void {
    const server = { id: this.id, pid: process.pid, startTime: processStatus(process.pid)?.startTime ?? "" };
    const content: RecordFile = { boot: bootId(), server, processes: this.#processes };
    writeFileSync(`${this.#file}.new`, JSON.stringify(content), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

export function recordIn(directory: string): string {
  return join(directory, "services.json");
}

/** A file that is no record says nothing, and nobody is ended because of it. */
function read(file: string): RecordFile | undefined {
  try {
    const parsed = recordSchema.safeParse(JSON.parse(readFileSync(file, "utf8")));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** Asks them to end, and ends those that do not; and what they start meanwhile. */
async function endStrays(left: RecordFile, found: (stray: ProcessStatus) => void, graceMs: number): Promise<void> {
  const told = new Set<number>();
  const killAt = performance.now() + graceMs;
  for (;;) {
    const strays = straysOf(left);
    const isTimeUp = performance.now() >= killAt;
    if (strays.length === 0 || performance.now() >= killAt + UNKILLABLE_MS) return;
    for (const stray of strays) {
      if (!told.has(stray.pid)) found(stray);
      if (isTimeUp || !told.has(stray.pid)) end(stray, isTimeUp ? "SIGKILL" : "SIGTERM");
      told.add(stray.pid);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

export function straysOf({ server, processes }: RecordFile): ProcessStatus[] {
  const strays = new Map<number, ProcessStatus>();
  for (const { pid, startTime } of processes) {
    if (startTime === "" || processStatus(pid)?.startTime !== startTime) continue;
    for (const member of groupMembers(pid)) strays.set(member.pid, member);
  }
  for (const pid of pids()) {
    if (strays.has(pid) || variableOf(pid, SERVER_VARIABLE) !== server.id) continue;
    const status = processStatus(pid);
    if (status !== undefined && !status.hasEnded) strays.set(pid, status);
  }
  strays.delete(process.pid);
  return [...strays.values()];
}

/** Looks once more whether it is the same one. */
function end({ pid, startTime }: ProcessStatus, signal: NodeJS.Signals): void {
  if (processStatus(pid)?.startTime !== startTime) return;
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile, or is another user's.
  }
}

const GRACE_MS = 5_000;
/** What SIGKILL has not ended by then waits for a disk in the kernel. */
const UNKILLABLE_MS = 2_000;
const LOOK_AGAIN_MS = 50;
