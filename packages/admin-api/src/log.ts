/** What is logged, at run time. */

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogLevelChange {
  /** Absent: for all that has no level of its own. */
  readonly realm?: string;
  readonly level: LogLevel;
  /** Until then; what the configuration says holds again afterwards. */
  readonly until: number;
}
