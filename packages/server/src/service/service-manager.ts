/**
 * The service manager: programs in, running processes out. It carries out what the supervisor decides, and tells it what becomes of
 * the processes; it keeps the record of them, the tickets that they join with, and what they print.
 */
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServiceChange, ServiceInstance, ServiceLine } from "@junctor/admin-api";
import type { Authenticator, Router } from "@junctor/router";
import type { Listener } from "@junctor/transport-node";
import type { LogEvent } from "../log.ts";
import { FolderWatch } from "./folder-watch.ts";
import { identityOf } from "./identity.ts";
import { InstanceRun, type RunObserver } from "./instance-run.ts";
import { OutputLog } from "./output-log.ts";
import { ProcessRecord, recordIn } from "./process-record.ts";
import { residentBytes } from "./process-table.ts";
import type { Program } from "./program.ts";
import { ServiceTickets } from "./service-tickets.ts";
import { type Effect, Supervisor } from "./supervisor.ts";

export interface ServiceManagerOptions {
  readonly router: Router;
  readonly log: (event: LogEvent) => void;
  /** For the record of processes, and sockets; made when it is first needed. Default: a temporary one, and no strays are found. */
  readonly stateDirectory: string | undefined;
  /** Opens a listener of all protocols on a UNIX socket. */
  readonly listen: (path: string, mode: number) => Promise<Listener>;
  /** How often the memory of services that have a limit is measured. Default 2 s. */
  readonly measureAgainMs?: number;
  /** Where clients on this machine reach the router by WebSocket, if anywhere. */
  readonly webSocketUrl: () => string | undefined;
}

export interface InstanceStatus extends ServiceInstance {
  /** Its UNIX socket, of a program that listens on one. */
  readonly socket: string | undefined;
}

interface Entry {
  program: Program;
  readonly runs: Map<number, InstanceRun>;
  readonly output: OutputLog;
  watch: FolderWatch | undefined;
}

export class ServiceManager {
  readonly tickets: ServiceTickets;
  readonly #options: ServiceManagerOptions;
  readonly #supervisor = new Supervisor(Math.random);
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(change: ServiceChange) => void>();
  #record: ProcessRecord | undefined = undefined;
  #prepared: Promise<void> = Promise.resolve();
  #doors: Listener[] = [];
  /** Directories for sockets: of this user alone, and for services that run as others. */
  #own: string | undefined = undefined;
  #shared: string | undefined = undefined;
  #temporary: string | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #measuring: NodeJS.Timeout | undefined = undefined;
  #idle: (() => void) | undefined = undefined;
  /** Where the server ends without having been able to stop them: the second signal, an error in the program. */
  readonly #killAll = () => {
    for (const { runs } of this.#entries.values()) for (const run of runs.values()) run.kill();
  };

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
    this.tickets = new ServiceTickets(options.router);
  }

  /** Services log in to a realm before its own methods are asked. */
  authenticator(realm: string, methods: Authenticator): Authenticator {
    return this.tickets.before(realm, methods);
  }

  /**
   * Prepares for programs: ends what a server before this one has left behind, and opens what they connect to.
   *
   * @throws {UserError} they cannot be started on this machine, or the state directory cannot be used
   */
  prepare(programs: readonly Program[]): Promise<void> {
    const prepared = this.#prepared.then(() => this.#makeReady(programs)); // one after another: each makes what is not there yet
    this.#prepared = prepared.catch(() => {});
    return prepared;
  }

  async #makeReady(programs: readonly Program[]): Promise<void> {
    for (const { name, launch } of programs) if (launch.kind === "process") identityOf(name, launch.user, launch.group);
    const { stateDirectory, log } = this.#options;
    if (programs.length === 0 && (stateDirectory === undefined || !existsSync(recordIn(stateDirectory)))) return;
    if (stateDirectory === undefined) this.#temporary ??= mkdtempSync(join(tmpdir(), "junctor-"));
    const directory = stateDirectory ?? this.#temporary ?? "";
    if (this.#record === undefined) {
      this.#record = await ProcessRecord.begin(directory, ({ pid, group }) => log({ event: "service.stray", pid, group }));
      process.on("exit", this.#killAll);
    }
    for (const program of programs) {
      if (program.login === undefined && program.listens !== true) continue;
      if (isShared(program)) this.#shared ??= await this.#openDoor(mkdtempSync(join(tmpdir(), "junctor-")), true);
      else this.#own ??= await this.#openDoor(directory, false);
    }
  }

  /** Adds a program, or puts one in the place of that with its name. It has to be prepared for. */
  put(program: Program, isEnabled = true): void {
    const known = this.#entries.get(program.name);
    known?.watch?.close();
    const entry = known ?? { program, runs: new Map(), output: new OutputLog(program.output.keep), watch: undefined };
    entry.program = program;
    entry.watch =
      program.watch.length === 0 ? undefined : new FolderWatch(program.watch, (file) => this.restart(program.name, `${file} has changed`));
    this.#entries.set(program.name, entry);
    this.#do(this.#supervisor.put(program, isEnabled, now()));
  }

  /** Stops it and forgets it. */
  remove(name: string): void {
    this.#entries.get(name)?.watch?.close();
    this.#do(this.#supervisor.remove(name, now()));
  }

  get names(): string[] {
    return this.#supervisor.specs.map(({ name }) => name);
  }

  program(name: string): Program | undefined {
    return this.#entries.get(name)?.program;
  }

  start(name: string): void {
    this.#do(this.#supervisor.start(name, now()));
  }

  stop(name: string): void {
    this.#do(this.#supervisor.stop(name, now()));
  }

  /** An instance at a time. */
  restart(name: string, reason: string): void {
    this.#do(this.#supervisor.restart(name, reason, now()));
  }

  instances(name: string): readonly InstanceStatus[] {
    return this.#supervisor.instancesOf(name).map(({ number, state, reason, since, restarts }) => {
      const run = this.#entries.get(name)?.runs.get(number);
      return {
        instance: number,
        state,
        ...(reason !== "" && { reason }),
        since: Math.round(Date.now() - (now() - since)),
        ...(run?.pid !== undefined && { pid: run.pid }),
        socket: run?.socket === "" ? undefined : run?.socket,
        restarts,
        sessions: run?.sessions ?? 0,
      };
    });
  }

  /** What it has printed after a line. @param after its sequence number; 0 for all that is kept */
  lines(name: string, after: number, most: number): readonly ServiceLine[] {
    return this.#entries.get(name)?.output.after(after, most) ?? [];
  }

  /** Settles when it has printed another line, or after a while. */
  async nextLine(name: string, ms: number): Promise<void> {
    await this.#entries.get(name)?.output.next(ms);
  }

  /** @returns what ends it */
  observe(listener: (change: ServiceChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Stops everything, services after those that need them. */
  async close(): Promise<void> {
    for (const { watch, output } of this.#entries.values()) {
      watch?.close();
      output.close();
    }
    this.#do(this.#supervisor.close(now()));
    if (!this.#supervisor.isIdle) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    clearTimeout(this.#timer);
    clearInterval(this.#measuring);
    process.off("exit", this.#killAll);
    await Promise.all(this.#doors.map((door) => door.close(0)));
    this.#record?.close();
    for (const directory of [this.#shared, this.#temporary])
      if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  }

  #do(effects: readonly Effect[]): void {
    for (const effect of effects) {
      const entry = this.#entries.get(effect.service);
      if (entry === undefined) continue;
      switch (effect.kind) {
        case "spawn":
          this.#spawn(entry, effect.instance);
          break;
        case "stop":
        case "kill":
          entry.runs.get(effect.instance)?.[effect.kind]();
          break;
        case "changed":
          this.#changed(effect, entry);
      }
    }
    for (const name of this.#entries.keys()) if (this.#supervisor.instancesOf(name).length === 0) this.#entries.delete(name);
    clearTimeout(this.#timer);
    const wait = this.#supervisor.deadline - now();
    if (wait < Number.POSITIVE_INFINITY)
      this.#timer = setTimeout(() => this.#do(this.#supervisor.wake(now())), Math.min(Math.max(1, Math.ceil(wait)), LONGEST_TIMER));
    if (this.#idle !== undefined && this.#supervisor.isIdle) this.#idle();
  }

  #spawn(entry: Entry, instance: number): void {
    const { name } = entry.program;
    const { router, webSocketUrl } = this.#options;
    let run: InstanceRun | undefined;
    const observer: RunObserver = {
      ready: () => this.#do(this.#supervisor.ready(name, instance, now())),
      exited: (ending, hasRemnants) => {
        if (!hasRemnants) this.#forget(entry, instance, run);
        this.#do(this.#supervisor.exited(name, instance, ending, hasRemnants, now()));
      },
      vanished: () => {
        this.#forget(entry, instance, run);
        this.#do(this.#supervisor.vanished(name, instance, now()));
      },
      printed: (stream, line) => {
        entry.output.add(Date.now(), instance, stream, line);
        if (entry.program.output.isLogged) this.#options.log({ event: "service.output", service: name, instance, stream, line });
      },
    };
    try {
      run = new InstanceRun(
        entry.program,
        instance,
        this.#socketFor(entry.program, instance),
        {
          router,
          tickets: this.tickets,
          serverId: this.#record?.id ?? "",
          door: doorOf((isShared(entry.program) ? this.#shared : this.#own) ?? ""),
          webSocketUrl: webSocketUrl(),
          now,
        },
        observer,
      );
    } catch (error) {
      const ending = { code: null, signal: null, error: `cannot be started: ${text(error)}` };
      setImmediate(() => this.#do(this.#supervisor.exited(name, instance, ending, false, now())));
      return;
    }
    entry.runs.set(instance, run);
    if (run.pid !== undefined) this.#note(() => this.#record?.started(name, instance, run?.pid ?? 0));
    if (entry.program.memoryLimit !== undefined)
      this.#measuring ??= setInterval(() => void this.#measure(), this.#options.measureAgainMs ?? MEASURE_AGAIN_MS).unref();
  }

  #forget(entry: Entry, instance: number, run: InstanceRun | undefined): void {
    if (entry.runs.get(instance) === run) entry.runs.delete(instance);
    const pid = run?.pid;
    if (pid !== undefined) this.#note(() => this.#record?.ended(pid));
  }

  /** Without a record a stray is found by its environment only; that is no reason for services not to run. */
  #note(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#options.log({ event: "service.unrecorded", message: text(error) });
    }
  }

  #changed({ service, instance, state, reason }: Extract<Effect, { readonly kind: "changed" }>, entry: Entry): void {
    const pid = entry.runs.get(instance)?.pid;
    const { log } = this.#options;
    if (state === "failed") log({ event: "service.failed", service, instance, reason });
    else if (state !== "waiting") log({ event: "service.state", service, instance, state, reason, pid });
    for (const listener of this.#listeners) listener({ service, instance, state, reason });
  }

  async #measure(): Promise<void> {
    for (const [name, { program, runs }] of this.#entries) {
      const { memoryLimit } = program;
      if (memoryLimit === undefined) continue;
      for (const [instance, run] of runs) {
        const bytes = run.pid === undefined ? 0 : await residentBytes(run.pid);
        if (bytes > memoryLimit && runs.get(instance) === run)
          this.#do(
            this.#supervisor.condemn(
              name,
              instance,
              `had ${mebibytes(bytes)} of memory, above its limit of ${mebibytes(memoryLimit)}`,
              now(),
            ),
          );
      }
    }
  }

  async #openDoor(directory: string, isShared: boolean): Promise<string> {
    // Others may go through, and see nothing of it.
    if (isShared) chmodSync(directory, 0o711);
    this.#doors.push(await this.#options.listen(doorOf(directory), isShared ? 0o666 : 0o600));
    return directory;
  }

  /** A directory of its own for each socket: what is left there from before goes with it. */
  #socketFor(program: Program, instance: number): string {
    if (program.listens !== true || program.launch.kind !== "process") return "";
    const parent = (isShared(program) ? this.#shared : this.#own) ?? "";
    const directory = join(parent, `${program.name.replace(/[^\w-]+/g, "_")}-${instance}`);
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { mode: 0o700 });
    const { uid, gid } = identityOf(program.name, program.launch.user, program.launch.group);
    if (uid !== undefined || gid !== undefined) chownSync(directory, uid ?? -1, gid ?? -1);
    return join(directory, "listen.sock");
  }
}

/** It runs as somebody else, who cannot reach what is in the state directory. */
function isShared({ launch }: Program): boolean {
  return launch.kind === "process" && (launch.user ?? launch.group) !== undefined;
}

function doorOf(directory: string): string {
  return join(directory, "services.sock");
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / (1 << 20))} MiB`;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const now = () => performance.now();
const LONGEST_TIMER = 0x7fffffff; // longer ones go off at once
const MEASURE_AGAIN_MS = 2_000;
