// Alarms are raised once and cleared when they are over; values that come and go near a threshold do not make them flicker.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TEST_CERTIFICATE } from "@junctor/testkit";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { LogEvent } from "../log.ts";
import { Alarms } from "./alarms.ts";
import { certificate, certificateEnd, fileDescriptors, judge, loopLag, memory } from "./process-watch.ts";

let log: LogEvent[];
let now: number;
let alarms: Alarms;
beforeEach(() => {
  log = [];
  now = 1_000;
  alarms = new Alarms(
    (event) => log.push(event),
    () => now,
  );
});

test("an alarm is told once, and again when it becomes worse", () => {
  alarms.raise("service", "warning", "it crashed", "web");
  alarms.raise("service", "warning", "it crashed twice", "web");
  now = 2_000;
  alarms.raise("service", "critical", "it has failed", "web");
  expect(log.map((event) => event.event === "alarm.raised" && event.message)).toEqual(["it crashed", "it has failed"]);
  expect(alarms.active).toEqual([{ name: "service", subject: "web", severity: "critical", message: "it has failed", raisedAt: 1_000 }]);
});

test("an alarm that is over is kept with when that was; clearing what is not raised says nothing", () => {
  alarms.raise("service", "critical", "it has failed", "web");
  alarms.clear("service", "other");
  alarms.clear("service");
  now = 5_000;
  alarms.clear("service", "web");
  alarms.clear("service", "web");
  expect(log.slice(1)).toEqual([{ event: "alarm.cleared", name: "service", subject: "web", durationMs: 4_000 }]);
  expect(alarms.list).toMatchObject({ active: [], cleared: [{ subject: "web", raisedAt: 1_000, clearedAt: 5_000 }] });
  for (let i = 0; i < 150; i++) {
    alarms.raise("service", "warning", "", String(i));
    alarms.clear("service", String(i));
  }
  expect(alarms.list.cleared).toHaveLength(100);
  expect(alarms.list.cleared[0]).toMatchObject({ subject: "149" });
});

test("the worst comes first, then the oldest", () => {
  alarms.raise("memory", "warning", "");
  now++;
  alarms.raise("store", "critical", "", "b");
  now++;
  alarms.raise("store", "critical", "", "a");
  expect(alarms.active.map(({ name, subject }) => `${name} ${subject}`)).toEqual(["store b", "store a", "memory undefined"]);
});

test("a disk store that fails is an alarm until it takes events again", () => {
  alarms.noticed({ event: "store.failed", path: "/data", message: "no space left", isFinal: false });
  expect(alarms.active).toMatchObject([{ name: "store", subject: "/data", severity: "critical", message: "no space left" }]);
  alarms.noticed({ event: "store.recovered", path: "/data" });
  expect(alarms.active).toEqual([]);
});

test("a configuration that was refused is an alarm until one is in force", () => {
  alarms.noticed({ event: "config.rejected", file: "config.yaml", message: "it has 3 errors" });
  expect(alarms.active).toMatchObject([{ name: "config", subject: "config.yaml", severity: "warning" }]);
  const report = { applied: [], needsRestart: [], closedSessions: {}, durationMs: 1 };
  alarms.noticed({ event: "config.reloaded", file: "config.yaml", ...report });
  expect(alarms.active).toEqual([]);
});

test("a service that has failed is an alarm until it is ready again, or stopped on purpose", () => {
  const told = { service: "web", instance: 2, reason: "it crashed five times", pid: undefined };
  alarms.noticed({ event: "service.failed", ...told });
  expect(alarms.active).toMatchObject([{ name: "service", subject: "web 2", severity: "critical" }]);
  alarms.noticed({ event: "service.state", ...told, state: "starting" });
  expect(alarms.active).toHaveLength(1);
  alarms.noticed({ event: "service.state", ...told, state: "ready" });
  expect(alarms.active).toEqual([]);
});

describe("a value", () => {
  test.each([
    ["how late the loop is", [99, 100, 499, 500], loopLag],
    ["the heap", [84, 85, 94, 95], (percent: number) => memory(percent, 100)],
    ["connections for their file descriptors", [79, 80, 94, 95], (count: number) => fileDescriptors(count, 100)],
    ["days until a certificate ends", [22, 21, 8, 7], (days: number) => certificate("cert.pem", days * 86_400_000, 0)],
  ])("%s raises an alarm by two thresholds", (_, values, level) => {
    const severities = values.map((value) => {
      const each = new Alarms(() => {});
      judge(each, "memory", level(value));
      return each.active[0]?.severity;
    });
    expect(severities).toEqual([undefined, "warning", "warning", "critical"]);
  });

  test("has to be well below the threshold before the alarm is over", () => {
    for (const lag of [100, 95, 101, 91]) judge(alarms, "loop_lag", loopLag(lag));
    expect(log).toHaveLength(1);
    judge(alarms, "loop_lag", loopLag(89));
    expect(log.map(({ event }) => event)).toEqual(["alarm.raised", "alarm.cleared"]);
  });
});

test("a certificate's end is read from its file; of what is none, nothing is said", () => {
  const folder = mkdtempSync(join(tmpdir(), "junctor-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "cert.pem");
  writeFileSync(file, TEST_CERTIFICATE);
  expect(certificateEnd(file)).toBeGreaterThan(Date.UTC(2026, 0, 1));
  writeFileSync(file, "half a certi");
  expect(certificateEnd(file)).toBeUndefined();
  expect(certificateEnd(join(tmpdir(), "no-such-file.pem"))).toBeUndefined();
});
