/** The events: their topics, who may subscribe to them, and what they carry, as keyword arguments. */
import type { Alarm, ClearedAlarm } from "./alarms.ts";
import type { AdminRole } from "./roles.ts";
import type { ServiceChange } from "./services.ts";
import type { TraceEnd, TraceRecord } from "./trace.ts";

export interface AdminEvents {
  /** An instance of a service has come into another state. */
  "junctor.service.on_change": ServiceChange;
  /** Also when it becomes worse, or better without being over. */
  "junctor.alarm.on_raised": Alarm;
  "junctor.alarm.on_cleared": ClearedAlarm;
  /** To whoever started the trace, and to nobody else. */
  "junctor.trace.on_records": { readonly trace: number; readonly records: readonly TraceRecord[] };
  "junctor.trace.on_end": TraceEnd;
}

export type AdminEventUri = keyof AdminEvents;

/** The least role for each. */
export const EVENTS: Readonly<Record<AdminEventUri, AdminRole>> = {
  "junctor.service.on_change": "viewer",
  "junctor.alarm.on_raised": "viewer",
  "junctor.alarm.on_cleared": "viewer",
  "junctor.trace.on_records": "operator",
  "junctor.trace.on_end": "operator",
};
