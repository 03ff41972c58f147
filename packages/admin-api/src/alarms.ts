/** Alarms: what somebody should look after. Each is raised once, and cleared when it is over. */

export type AlarmName = "memory" | "loop_lag" | "file_descriptors" | "store" | "certificate" | "service" | "config";

export type AlarmSeverity = "warning" | "critical";

export interface Alarm {
  readonly name: AlarmName;
  /** Which one, where there may be several: a store's directory, a certificate's file, a service. */
  readonly subject?: string;
  readonly severity: AlarmSeverity;
  readonly message: string;
  readonly raisedAt: number;
}

export interface ClearedAlarm extends Alarm {
  readonly clearedAt: number;
}

export interface AlarmList {
  /** The worst first. */
  readonly active: readonly Alarm[];
  /** The last hundred, the newest first. */
  readonly cleared: readonly ClearedAlarm[];
}
