/** Levels of the log that hold for a while, for one realm or for all: what the configuration says is in force again afterwards. */
import type { LogLevel, LogLevelChange } from "@junctor/admin-api";
import { type LogEvent, type Logger, logEvent } from "./log.ts";

interface Change {
  readonly logger: Logger;
  readonly level: LogLevel;
  readonly until: number;
}

export class LogLevels {
  readonly #logger: Logger;
  readonly #date: () => number;
  /** By realm; `undefined` for all that has none of its own. */
  readonly #changes = new Map<string | undefined, Change>();

  /** @param date milliseconds since 1970 */
  constructor(logger: Logger, date: () => number = Date.now) {
    this.#logger = logger;
    this.#date = date;
  }

  readonly log = (event: LogEvent): void => {
    logEvent(this.#changes.size === 0 ? this.#logger : this.#loggerOf(event), event);
  };

  /** @param realm `undefined` for all */
  set(realm: string | undefined, level: LogLevel, forMs: number): void {
    this.#changes.set(realm, { logger: this.#logger.child({}, { level }), level, until: this.#date() + forMs });
  }

  /** Those that are not over. */
  get changes(): readonly LogLevelChange[] {
    this.#forget();
    return [...this.#changes].map(([realm, { level, until }]) => ({ ...(realm !== undefined && { realm }), level, until }));
  }

  #loggerOf(event: LogEvent): Logger {
    this.#forget();
    const realm = "realm" in event && typeof event.realm === "string" ? event.realm : undefined;
    return (this.#changes.get(realm) ?? this.#changes.get(undefined))?.logger ?? this.#logger;
  }

  #forget(): void {
    const now = this.#date();
    for (const [realm, { until }] of this.#changes) if (until <= now) this.#changes.delete(realm);
  }
}
