/**
 * A process of a service: in a group of its own, which gets the signals, so that what it starts ends with it. What it prints
 * is read line by line.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { constants } from "node:os";
import type { Ending } from "./instance.ts";
import { type OutputBudget, OutputReader } from "./output-reader.ts";
import { groupMembers, processStatus } from "./process-table.ts";

export interface ProcessOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly stopSignal: NodeJS.Signals;
  readonly budget: OutputBudget;
}

export interface ProcessObserver {
  /** @param hasRemnants processes of its group are left: `vanished` follows when they are gone */
  exited(ending: Ending, hasRemnants: boolean): void;
  vanished(): void;
  printed(stream: "stdout" | "stderr", line: string): void;
}

export class ServiceProcess {
  /** `undefined` where it could not be started. */
  readonly pid: number | undefined;
  readonly #child: ChildProcess | undefined;
  readonly #options: ProcessOptions;
  readonly #observer: ProcessObserver;
  #hasExited = false;
  #hasVanished = false;

  /** The observer is told of everything later, of a failed start as well. */
  constructor(options: ProcessOptions, observer: ProcessObserver) {
    this.#options = options;
    this.#observer = observer;
    const [file = "", ...args] = options.command;
    const { cwd, env, uid, gid } = options;
    try {
      this.#child = spawn(file, args, {
        cwd,
        env: { ...env },
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
        ...(uid !== undefined && { uid }),
        ...(gid !== undefined && { gid }),
      });
    } catch (error) {
      // Some failures are thrown, others are told: E2BIG, say.
      setImmediate(() => this.#failed(error));
      return;
    }
    this.pid = this.#child.pid;
    this.#child.once("error", (error) => this.#failed(error));
    this.#child.once("exit", (code, signal) => this.#exited({ code, signal }));
    for (const name of ["stdout", "stderr"] as const) {
      const stream = this.#child[name];
      if (stream !== null) new OutputReader(stream, options.budget, (line) => observer.printed(name, line));
    }
  }

  /** Asks the group to end. */
  stop(): void {
    this.#signal(this.#options.stopSignal);
  }

  kill(): void {
    this.#signal("SIGKILL");
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.pid === undefined || this.#hasVanished) return;
    // A group keeps its number taken. One whose number belongs to a process again is another one: ours has gone.
    if (this.#hasExited && processStatus(this.pid) !== undefined) return;
    try {
      process.kill(-this.pid, constants.signals[signal]);
    } catch {
      // Nobody is left.
    }
  }

  #failed(error: unknown): void {
    if (this.pid !== undefined) return; // it runs; a signal could not be sent
    this.#hasExited = true;
    this.#hasVanished = true;
    this.#observer.exited({ code: null, signal: null, error: this.#whyNot(error) }, false);
  }

  #whyNot(error: unknown): string {
    const { command, cwd } = this.#options;
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (!isDirectory(cwd)) return `cannot be started: its directory ${cwd} does not exist`;
    if (code === "ENOENT") return `cannot be started: there is no program ${command[0]}`;
    if (code === "EACCES") return `cannot be started: ${command[0]} may not be executed`;
    if (code === "EPERM") return "cannot be started: only root may start it as another user";
    return `cannot be started: ${code}`;
  }

  #exited(ending: Ending): void {
    this.#hasExited = true;
    const hasRemnants = this.#hasRemnants();
    if (!hasRemnants) this.#hasVanished = true;
    this.#observer.exited(ending, hasRemnants);
    if (hasRemnants) this.#lookLater(FIRST_LOOK_MS);
  }

  #lookLater(ms: number): void {
    setTimeout(() => {
      if (this.#hasRemnants()) return this.#lookLater(Math.min(2 * ms, LONGEST_LOOK_MS));
      this.#hasVanished = true;
      this.#observer.vanished();
    }, ms);
  }

  /** Those that have ended and that nobody asks how, as where the first process of a container does not, are no more. */
  #hasRemnants(): boolean {
    const { pid = 0 } = this;
    try {
      process.kill(-pid, 0);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
    }
    return process.platform !== "linux" || groupMembers(pid).length > 0;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

const FIRST_LOOK_MS = 20;
const LONGEST_LOOK_MS = 500;
