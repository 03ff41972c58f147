// The level of the log can be another one for a while, for one realm or for all.
import { beforeEach, expect, test } from "vitest";
import type { LogEvent, Logger } from "./log.ts";
import { LogLevels } from "./log-levels.ts";

const ORDER = ["trace", "debug", "info", "warn", "error", "silent"];
let lines: string[];
let now: number;
let levels: LogLevels;
beforeEach(() => {
  lines = [];
  now = 0;
  levels = new LogLevels(loggerOf("info"), () => now);
});

/** As pino's, as far as this needs it. */
function loggerOf(level: string): Logger {
  const at = (name: string) => (event: LogEvent) => {
    if (ORDER.indexOf(name) >= ORDER.indexOf(level)) lines.push(`${name} ${"realm" in event ? event.realm : ""}`);
  };
  const child = (_: object, { level: own }: { level: string }) => loggerOf(own);
  return { ...Object.fromEntries(ORDER.map((name) => [name, at(name)])), child } as unknown as Logger;
}

const denied = (realm: string): LogEvent => ({ event: "authz.deny", realm, session: 1, action: "call", uri: "com.app" });

test("more of one realm, until the time is over", () => {
  levels.set("app", "debug", 1_000);
  levels.log(denied("app"));
  levels.log(denied("other"));
  expect(levels.changes).toEqual([{ realm: "app", level: "debug", until: 1_000 }]);
  now = 1_000;
  levels.log(denied("app"));
  expect(lines).toEqual(["debug app"]);
  expect(levels.changes).toEqual([]);
});

test("less of all, but for a realm that has a level of its own", () => {
  levels.set(undefined, "error", 1_000);
  levels.set("app", "debug", 1_000);
  levels.log(denied("app"));
  levels.log({ event: "server.stopped" });
  levels.log({ event: "users.rejected", realm: "other", file: "x", message: "y" });
  expect(lines).toEqual(["debug app", "error other"]);
});
