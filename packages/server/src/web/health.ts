/**
 * `health`: whether the server is well, for load balancers, orchestrators and people.
 *
 *     web: {/livez: {health: live}, /readyz: {health: ready}, /healthz: {health: all}}
 *
 * `live`: it would be wrong to restart it. `ready`: it takes sessions; not while it drains, nor without a store that it needs.
 * `all`: each check with its reason. The status is 200, or 503 where a check fails.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Alarm } from "@junctor/admin-api";
import { refuse } from "./refusal.ts";
import type { WebService } from "./web-service.ts";

export interface Condition {
  readonly isDraining: boolean;
  /** Active ones. */
  readonly alarms: readonly Alarm[];
}

export type HealthKind = "live" | "ready" | "all";

interface Check {
  readonly name: string;
  readonly isOk: boolean;
  /** What is wrong. */
  readonly reason?: string;
  /** Milliseconds since 1970. */
  readonly since?: number;
}

export class Health implements WebService {
  readonly #kind: HealthKind;
  readonly #condition: () => Condition;

  constructor(kind: HealthKind, condition: () => Condition) {
    this.#kind = kind;
    this.#condition = condition;
  }

  handle(request: IncomingMessage, response: ServerResponse, rest: string): void {
    if (rest !== "" && rest !== "/") return refuse(request, response, 404, "There is nothing at this address.");
    if (request.method !== "GET" && request.method !== "HEAD")
      return refuse(request, response, 405, "This can only be read.", { Allow: "GET, HEAD" });
    const checks = checksOf(this.#kind, this.#condition());
    const isOk = checks.every((check) => check.isOk);
    const body = Buffer.from(`${JSON.stringify({ isOk, checks })}\n`);
    response.writeHead(isOk ? 200 : 503, {
      "Content-Type": "application/json",
      "Content-Length": body.length,
      "Cache-Control": "no-store",
    });
    response.end(request.method === "HEAD" ? undefined : body);
  }
}

function checksOf(kind: HealthKind, { isDraining, alarms }: Condition): Check[] {
  const draining: Check = { name: "draining", isOk: !isDraining, ...(isDraining && { reason: "the server drains: it takes no sessions" }) };
  const critical = alarms.filter(({ severity }) => severity === "critical");
  switch (kind) {
    case "live":
      return named(critical, "loop_lag");
    case "ready":
      return [draining, ...named(critical, "store")];
    case "all":
      return [draining, ...alarms.map(checkOf)];
  }
}

/** The alarms of this name, or that there is none. */
function named(alarms: readonly Alarm[], name: Alarm["name"]): Check[] {
  const raised = alarms.filter((alarm) => alarm.name === name);
  return raised.length === 0 ? [{ name, isOk: true }] : raised.map(checkOf);
}

/** A warning is worth telling, and nothing is wrong yet. */
function checkOf({ name, severity, message, raisedAt }: Alarm): Check {
  return { name, isOk: severity !== "critical", reason: message, since: raisedAt };
}
