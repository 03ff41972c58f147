/**
 * Where a reverse proxy sends requests: the target with the fewest of them in flight, of those that are not known to be down.
 * A target is down for a while when it cannot be reached, for longer each time; and while its health check fails.
 */
import { Agent as HttpAgent, type RequestOptions } from "node:http";
import { Agent as HttpsAgent } from "node:https";

export interface Target {
  /** As it was written, for people. */
  readonly name: string;
  readonly protocol: "http:" | "https:";
  /** Host and port, or the path of a UNIX socket. */
  readonly place: Pick<RequestOptions, "host" | "port" | "socketPath">;
  /** As a Host header has it. */
  readonly authority: string;
  /** Before each path; empty, or starting with `/` and without one at its end. */
  readonly base: string;
  readonly agent: HttpAgent;
  inFlight: number;
  /** In a row. */
  failures: number;
  /** It is asked again then. */
  downUntil: number;
  /** What the health check says. */
  isHealthy: boolean;
}

export class Targets {
  readonly #now: () => number;
  readonly #changed: (target: Target, isUp: boolean, reason: string) => void;
  #targets: readonly Target[] = [];
  #turn = 0;

  constructor(now: () => number, changed: (target: Target, isUp: boolean, reason: string) => void) {
    this.#now = now;
    this.#changed = changed;
  }

  get all(): readonly Target[] {
    return this.#targets;
  }

  /** Those that stay keep their connections and what is known of them. */
  replace(names: readonly string[]): void {
    const before = new Map(this.#targets.map((target) => [target.name, target]));
    this.#targets = names.map((name) => before.get(name) ?? targetOf(name));
    for (const target of before.values()) if (!this.#targets.includes(target)) target.agent.destroy();
  }

  /** @param tried only if there is no other. @returns `undefined`: there is none */
  choose(tried: readonly Target[]): Target | undefined {
    const now = this.#now();
    let best: Target | undefined;
    for (let i = 0; i < this.#targets.length; i++) {
      const target = this.#targets[(this.#turn + i) % this.#targets.length] as Target;
      if (best === undefined || rank(target, tried, now) < rank(best, tried, now)) best = target;
    }
    this.#turn = (this.#turn + 1) % Math.max(1, this.#targets.length);
    return best;
  }

  failed(target: Target, reason: string): void {
    target.failures++;
    target.downUntil = this.#now() + Math.min(FIRST_PAUSE_MS * 2 ** (target.failures - 1), LONGEST_PAUSE_MS);
    if (target.failures === 1) this.#changed(target, false, reason);
  }

  answered(target: Target): void {
    if (target.failures === 0) return;
    target.failures = 0;
    target.downUntil = 0;
    this.#changed(target, true, "it answers again");
  }

  /** @param problem what a health check has found; `undefined` for none */
  checked(target: Target, problem: string | undefined): void {
    const isHealthy = problem === undefined;
    if (isHealthy === target.isHealthy) return;
    target.isHealthy = isHealthy;
    this.#changed(target, isHealthy, problem ?? "its health check passes");
  }

  close(): void {
    for (const { agent } of this.#targets) agent.destroy();
  }
}

/** The lower the better. Where all are down, the one that is due first is asked: it may be back. */
function rank(target: Target, tried: readonly Target[], now: number): number {
  const { isHealthy, downUntil, inFlight } = target;
  return (tried.includes(target) ? 1e15 : 0) + (isHealthy ? 0 : 1e12) + (downUntil > now ? 1e9 + downUntil - now : 0) + inFlight;
}

/** @param name a URL of http or https, or `unix:/path/of/a.sock` */
function targetOf(name: string): Target {
  const state = { name, inFlight: 0, failures: 0, downUntil: 0, isHealthy: true };
  // Idle connections end before servers end them: a request on a connection that is just being closed is lost.
  const pool = { keepAlive: true, maxSockets: MOST_CONNECTIONS, maxFreeSockets: 64, timeout: IDLE_MS };
  if (name.startsWith("unix:"))
    return {
      ...state,
      protocol: "http:",
      place: { socketPath: name.slice(5) },
      authority: "localhost",
      base: "",
      agent: new HttpAgent(pool),
    };
  const { protocol, hostname, port, host, pathname } = new URL(name);
  const isTls = protocol === "https:";
  return {
    ...state,
    protocol: isTls ? "https:" : "http:",
    place: { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? (isTls ? 443 : 80) : Number(port) },
    authority: host,
    base: pathname.replace(/\/$/, ""),
    agent: isTls ? new HttpsAgent(pool) : new HttpAgent(pool),
  };
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const IDLE_MS = 4_000;
/** To one target; further requests wait for one. */
const MOST_CONNECTIONS = 1_024;
