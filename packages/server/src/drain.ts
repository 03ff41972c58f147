/**
 * Emptying a server before it ends or is taken away: nobody joins any more, sessions are sent away evenly over a while, and
 * calls in flight are waited for. Who offers procedures goes last, so that there is somebody to answer. Until it is over it
 * can be taken back.
 */
import { ADMIN_REALM, type DrainStatus } from "@junctor/admin-api";
import { type Dict, Uri } from "@junctor/protocol";
import type { Realm, Router, Session } from "@junctor/router";
import type { LogEvent } from "./log.ts";
import { SERVICE } from "./service/service-tickets.ts";

export interface DrainSurroundings {
  readonly router: Router;
  /** Milliseconds on a scale that never goes back. */
  readonly now: () => number;
  readonly timers: { set(task: () => void, ms: number): unknown; clear(timer: unknown): void };
  readonly log: (event: LogEvent) => void;
  /** All have gone. */
  readonly drained: () => void;
}

export class Drain {
  readonly #surroundings: DrainSurroundings;
  #begunAt = 0;
  #overMs = 0;
  /** When it began. */
  #total = 0;
  #sent = 0;
  #timer: unknown = undefined;
  #state: "idle" | "draining" | "over" = "idle";

  constructor(surroundings: DrainSurroundings) {
    this.#surroundings = surroundings;
  }

  get status(): DrainStatus {
    const isDraining = this.#state !== "idle";
    return { isDraining, sessions: isDraining ? this.#sessions().length : 0, leftMs: isDraining ? this.#leftMs : 0 };
  }

  /** Begins; or, where it has begun, goes on with another window. */
  begin(overMs: number): void {
    if (this.#state === "over") return;
    const { now, log, timers } = this.#surroundings;
    timers.clear(this.#timer);
    this.#state = "draining";
    this.#begunAt = now();
    this.#overMs = overMs;
    this.#total = this.#sessions().length;
    this.#sent = 0;
    log({ event: "server.draining", sessions: this.#total, overMs });
    this.#step();
  }

  /** Lets everybody in again. @returns false: it is over, or had not begun */
  undo(): boolean {
    if (this.#state !== "draining") return false;
    this.#surroundings.timers.clear(this.#timer);
    this.#state = "idle";
    for (const realm of this.#realms()) realm.refusal = undefined;
    this.#surroundings.log({ event: "server.undrained", left: this.#sent });
    return true;
  }

  #step(): void {
    const { now, timers, drained } = this.#surroundings;
    const elapsed = now() - this.#begunAt;
    for (const realm of this.#realms()) realm.refusal = { reason: Uri.systemShutdown, message: MESSAGE, details: this.#hint };
    const left = this.#sessions();
    const isTimeUp = elapsed >= this.#overMs + CALL_GRACE_MS;
    // So many are due to have gone by now; who is in the middle of a call lets others go first.
    const due = elapsed >= this.#overMs ? left.length : Math.floor((this.#total * elapsed) / this.#overMs) - this.#sent;
    const ready = isTimeUp ? left : [...left.filter(isIdleClient), ...left.filter(isIdleCallee)];
    for (const session of ready.slice(0, Math.max(0, due))) {
      this.#sent++;
      session.realm.kill(session, Uri.systemShutdown, MESSAGE, this.#hint);
    }
    if (elapsed >= this.#overMs && this.#sessions().length === 0) {
      this.#state = "over";
      drained();
      return;
    }
    this.#timer = timers.set(
      () => this.#step(),
      Math.min(LONGEST_STEP_MS, Math.max(SHORTEST_STEP_MS, this.#overMs / Math.max(1, this.#total))),
    );
  }

  /** For clients that connect again by themselves: not before this server is gone. */
  get #hint(): Dict {
    return { retry: true, retry_after_ms: Math.round(this.#leftMs) + 1_000 };
  }

  get #leftMs(): number {
    return Math.max(0, this.#begunAt + this.#overMs - this.#surroundings.now());
  }

  /** Administration goes on: by it the drain is watched, and taken back. */
  #realms(): Realm[] {
    return [...this.#surroundings.router.realms].filter(({ name }) => name !== ADMIN_REALM);
  }

  /** The server's own services end with it. */
  #sessions(): Session[] {
    return this.#realms().flatMap((realm) =>
      [...realm.sessions.values()].filter(({ isTrusted, authprovider }) => !isTrusted && authprovider !== SERVICE),
    );
  }
}

function isIdleClient(session: Session): boolean {
  return !session.isCallee && !session.hasCallsInFlight;
}

function isIdleCallee(session: Session): boolean {
  return session.isCallee && !session.hasCallsInFlight;
}

const MESSAGE = "the router is about to shut down: connect again";
/** Calls that are still in flight when the window is over are waited for so long. */
const CALL_GRACE_MS = 10_000;
const SHORTEST_STEP_MS = 10;
const LONGEST_STEP_MS = 250;
