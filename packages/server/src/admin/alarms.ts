/**
 * The alarms of a server: what somebody should look after, each raised once and cleared when it is over. Whoever finds
 * something wrong raises; nothing here looks for itself (`process-watch.ts` does).
 */
import type { Alarm, AlarmList, AlarmName, AlarmSeverity, ClearedAlarm } from "@junctor/admin-api";
import { z } from "zod";
import type { LogEvent } from "../log.ts";
import type { AdminApi } from "./admin-api.ts";

export class Alarms {
  readonly #log: (event: LogEvent) => void;
  readonly #date: () => number;
  /** By name and subject. */
  readonly #active = new Map<string, Alarm>();
  readonly #cleared: ClearedAlarm[] = [];
  #api: AdminApi | undefined = undefined;

  /** @param date milliseconds since 1970 */
  constructor(log: (event: LogEvent) => void, date: () => number = Date.now) {
    this.#log = log;
    this.#date = date;
  }

  /** Raises an alarm. One that is raised already changes, and is told again only where its severity does. */
  raise(name: AlarmName, severity: AlarmSeverity, message: string, subject?: string): void {
    const key = keyOf(name, subject);
    const before = this.#active.get(key);
    const raisedAt = before?.raisedAt ?? this.#date();
    const alarm = { name, ...(subject !== undefined && { subject }), severity, message, raisedAt };
    this.#active.set(key, alarm);
    if (before?.severity === severity) return;
    this.#log({ event: "alarm.raised", name, subject, severity, message });
    this.#api?.publish("junctor.alarm.on_raised", alarm);
  }

  /** It is over, if it was raised at all. */
  clear(name: AlarmName, subject?: string): void {
    const key = keyOf(name, subject);
    const before = this.#active.get(key);
    if (before === undefined) return;
    this.#active.delete(key);
    const alarm = { ...before, clearedAt: this.#date() };
    this.#cleared.unshift(alarm);
    if (this.#cleared.length > KEPT) this.#cleared.pop();
    this.#log({ event: "alarm.cleared", name, subject, durationMs: alarm.clearedAt - alarm.raisedAt });
    this.#api?.publish("junctor.alarm.on_cleared", alarm);
  }

  /** What is logged anyway may be an alarm as well. */
  noticed(event: LogEvent): void {
    switch (event.event) {
      case "store.failed":
        this.raise("store", "critical", event.isFinal ? `${event.message}; until the server is started again` : event.message, event.path);
        return;
      case "store.recovered":
        this.clear("store", event.path);
        return;
      case "config.rejected":
        this.raise("config", "warning", `what was before holds: ${event.message}`, event.file);
        return;
      case "config.reloaded":
        this.clear("config", event.file);
        return;
      case "service.failed":
        this.raise("service", "critical", `${event.service} is not started any more: ${event.reason}`, instanceOf(event));
        return;
      case "service.state":
        if (event.state === "ready" || event.state === "stopped") this.clear("service", instanceOf(event));
    }
  }

  get active(): readonly Alarm[] {
    return [...this.#active.values()].sort((a, b) => rank(a) - rank(b) || a.raisedAt - b.raisedAt);
  }

  get list(): AlarmList {
    return { active: this.active, cleared: this.#cleared };
  }

  provide(api: AdminApi): void {
    this.#api = api;
    api.provide("junctor.alarms.list", z.strictObject({}), () => this.list);
  }
}

function instanceOf({ service, instance }: { readonly service: string; readonly instance: number }): string {
  return instance === 1 ? service : `${service} ${instance}`;
}

function keyOf(name: AlarmName, subject: string | undefined): string {
  return subject === undefined ? name : `${name} ${subject}`;
}

function rank({ severity }: Alarm): number {
  return severity === "critical" ? 0 : 1;
}

/** Of those that are over. */
const KEPT = 100;
