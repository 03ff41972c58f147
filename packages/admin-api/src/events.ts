/** The events: their topics, who may subscribe to them, and what they carry, as keyword arguments. */
import type { Alarm, ClearedAlarm } from "./alarms.ts";
import type { AdminRole } from "./roles.ts";

export interface AdminEvents {
  /** Also when it becomes worse, or better without being over. */
  "junctor.alarm.on_raised": Alarm;
  "junctor.alarm.on_cleared": ClearedAlarm;
}

export type AdminEventUri = keyof AdminEvents;

/** The least role for each. */
export const EVENTS: Readonly<Record<AdminEventUri, AdminRole>> = {
  "junctor.alarm.on_raised": "viewer",
  "junctor.alarm.on_cleared": "viewer",
};
