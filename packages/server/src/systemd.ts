/**
 * What systemd is told of the server (sd_notify): that it is ready, reloads, stops and lives. Its socket takes datagrams, which
 * Node.js cannot send over UNIX sockets, so that `systemd-notify`, which is wherever systemd is, says it. The watchdog's sign of
 * life is given from the event loop: a server that hangs gives none.
 */
import { execFile } from "node:child_process";
import type { LogEvent } from "./log.ts";

/** Runs `systemd-notify` with assignments such as `READY=1`. */
export type Notify = (assignments: readonly string[], socket: string) => Promise<void>;

export class Systemd {
  readonly #socket: string | undefined;
  readonly #notify: Notify;
  readonly #log: (event: LogEvent) => void;
  /** One after another, in their order. */
  #last: Promise<void> = Promise.resolve();
  #hasFailed = false;
  readonly #watchdog: NodeJS.Timeout | undefined;

  /** @param environment what systemd has set is taken out of it: the services' processes are not to speak for the server */
  constructor(environment: NodeJS.ProcessEnv, log: (event: LogEvent) => void, notify: Notify = systemdNotify) {
    const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: period } = environment;
    for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete environment[name];
    this.#socket = socket === "" ? undefined : socket;
    this.#notify = notify;
    this.#log = log;
    const periodMs = Number(period) / 1_000;
    if (this.#socket !== undefined && periodMs > 0) {
      this.#watchdog = setInterval(() => this.#tell("WATCHDOG=1"), periodMs / 2);
      this.#watchdog.unref();
    }
  }

  ready(status: string): Promise<void> {
    return this.#tell("READY=1", `STATUS=${status}`);
  }

  reloading(): Promise<void> {
    return this.#tell("RELOADING=1");
  }

  stopping(): Promise<void> {
    clearInterval(this.#watchdog);
    return this.#tell("STOPPING=1");
  }

  #tell(...assignments: readonly string[]): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) return Promise.resolve();
    this.#last = this.#last.then(() => this.#notify(assignments, socket)).catch((error: unknown) => this.#failed(error));
    return this.#last;
  }

  /** Said once: it will not get better by itself. */
  #failed(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#log({ event: "systemd.failed", message: error instanceof Error ? error.message : String(error) });
  }
}

function systemdNotify(assignments: readonly string[], socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const environment = { ...process.env, NOTIFY_SOCKET: socket };
    execFile("systemd-notify", assignments, { env: environment, timeout: LONGEST_MS }, (error) => (error ? reject(error) : resolve()));
  });
}

const LONGEST_MS = 5_000;
