/**
 * One instance of a service as a state machine, without I/O: it is told what happens and what is wanted, and says what to do
 * with its process. At most one process is there for it at any time.
 *
 *     stopped ──start──► waiting ──admit──► starting ──ready──► ready
 *        ▲                 ▲                   └──────┬───────────┘ ended, too late, too large, stop, restart
 *        │                 │                          ▼
 *        └────────── backing_off, failed ◄──────── stopping: until nothing of its process group is left
 */
import type { ServiceState } from "@junctor/admin-api";
import { RestartHistory, type RestartPolicy } from "./restart-policy.ts";

/** How a process is treated; those of its start hold until its end. */
export interface Terms {
  readonly restart: RestartPolicy;
  readonly readyTimeoutMs: number;
  /** From the stop signal to SIGKILL. */
  readonly stopGraceMs: number;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  /** It could not even be started: why. */
  readonly error?: string;
}

/** What is to be done with the instance's process. */
export type Order = "spawn" | "stop" | "kill";

export interface InstanceObserver {
  /** In [0, 1). */
  readonly random: () => number;
  order(instance: Instance, order: Order): void;
  changed(instance: Instance): void;
}

/** What follows when the process is gone. */
type Sequel = "stop" | "start" | { readonly isFailure: boolean; readonly reason: string };

export class Instance {
  readonly service: string;
  /** From 1. */
  readonly number: number;
  state: ServiceState = "stopped";
  /** Why it is in this state, for people. */
  reason = "";
  /** When it came into this state. */
  since = 0;
  /** When `expired` is to be called. */
  deadline = Number.POSITIVE_INFINITY;
  /** Starts beyond the first, since it is there. */
  restarts = 0;
  lastEnding: Ending | undefined = undefined;
  readonly #observer: InstanceObserver;
  readonly #history = new RestartHistory();
  #terms: Terms | undefined = undefined;
  #sequel: Sequel = "stop";

  constructor(service: string, number: number, observer: InstanceObserver) {
    this.service = service;
    this.number = number;
    this.#observer = observer;
  }

  /** A process of it may be there. */
  get isRunning(): boolean {
    return this.state === "starting" || this.state === "ready" || this.state === "stopping";
  }

  start(now: number): void {
    if (this.state === "stopping") this.#sequel = "start";
    else if (this.state === "stopped" || this.state === "backing_off" || this.state === "failed") {
      this.#history.clear();
      this.#enter("waiting", now, "");
    }
  }

  stop(now: number): void {
    if (this.state === "starting" || this.state === "ready") this.#end("stop", now, "");
    else if (this.state === "stopping") this.#sequel = "stop";
    else if (this.state !== "stopped") this.#enter("stopped", now, "");
  }

  restart(now: number, reason: string): void {
    if (this.state === "starting" || this.state === "ready") {
      this.#history.clear();
      this.#end("start", now, reason);
    } else this.start(now);
  }

  /** It may be started now. */
  admit(terms: Terms, now: number): void {
    this.#terms = terms;
    if (this.lastEnding !== undefined) this.restarts++;
    this.#observer.order(this, "spawn");
    this.#enter("starting", now, "");
    this.deadline = now + terms.readyTimeoutMs;
  }

  ready(now: number): void {
    if (this.state === "starting") this.#enter("ready", now, "");
  }

  /** It has to go, and counts as failed: too much memory, say. */
  condemn(now: number, reason: string): void {
    if (this.state === "starting" || this.state === "ready") this.#end({ isFailure: true, reason }, now, reason);
  }

  /**
   * Its process has ended.
   *
   * @param hasRemnants processes of its group are still there: they are stopped, and `vanished` follows
   */
  exited(ending: Ending, hasRemnants: boolean, now: number): void {
    if (!this.isRunning) return;
    this.lastEnding = ending;
    if (this.state !== "stopping") {
      const sequel = { isFailure: ending.code !== 0, reason: describe(ending) };
      if (hasRemnants) this.#end(sequel, now, `${sequel.reason}, and processes of it are left`);
      else this.#ended(sequel, now);
    } else if (!hasRemnants) this.#ended(this.#sequel, now);
  }

  /** Nothing of its process group is left. */
  vanished(now: number): void {
    if (this.state === "stopping") this.#ended(this.#sequel, now);
  }

  /** To be called when `deadline` has come. */
  expired(now: number): void {
    switch (this.state) {
      case "starting": {
        const reason = `was not ready within ${(this.#terms?.readyTimeoutMs ?? 0) / 1_000} s`;
        this.#end({ isFailure: true, reason }, now, reason);
        return;
      }
      case "stopping":
        this.deadline = now + KILL_AGAIN_MS;
        this.#observer.order(this, "kill");
        return;
      case "backing_off":
        this.#enter("waiting", now, "");
    }
  }

  #end(sequel: Sequel, now: number, reason: string): void {
    this.#sequel = sequel;
    this.#enter("stopping", now, reason);
    this.deadline = now + (this.#terms?.stopGraceMs ?? 0);
    this.#observer.order(this, "stop");
  }

  #ended(sequel: Sequel, now: number): void {
    if (sequel === "stop") this.#enter("stopped", now, "");
    else if (sequel === "start") this.#enter("waiting", now, "");
    else this.#retry(sequel, now);
  }

  #retry({ isFailure, reason }: { readonly isFailure: boolean; readonly reason: string }, now: number): void {
    const policy = this.#terms?.restart;
    if (policy === undefined || policy.when === "never" || (policy.when === "on-failure" && !isFailure)) {
      this.#enter(isFailure ? "failed" : "stopped", now, reason);
      return;
    }
    const delay = this.#history.next(policy, now, this.#observer.random());
    if (delay === undefined) {
      this.#enter("failed", now, `${reason}; started again ${policy.attempts} times within ${policy.windowMs / 1_000} s`);
      return;
    }
    this.#enter("backing_off", now, reason);
    this.deadline = now + delay;
  }

  #enter(state: ServiceState, now: number, reason: string): void {
    this.state = state;
    this.reason = reason;
    this.since = now;
    this.deadline = Number.POSITIVE_INFINITY;
    this.#observer.changed(this);
  }
}

function describe({ code, signal, error }: Ending): string {
  return error ?? (signal === null ? `ended with exit code ${code}` : `ended by ${signal}`);
}

/** A process that is waiting for a disk in the kernel does not even die of SIGKILL at once. */
const KILL_AGAIN_MS = 5_000;
