// The schema: what a configuration becomes where it says nothing, and limits that cannot go together.
import { DEFAULT_LIMITS } from "@junctor/router";
import { DEFAULT_CONNECTION_LIMITS } from "@junctor/transport-node";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfig } from "./load.ts";
import { limitsOf } from "./schema.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";

const config = (limits: string) =>
  parseConfig(
    `{version: 1, listen: [{type: web, port: 0}], realms: {r: {auth: [{method: anonymous, role: a}], roles: {a: {}}}}, limits: {${limits}}}`,
    "config.yaml",
  );

describe("limits", () => {
  test("are those of router and transport, where the configuration names none (G8)", () => {
    expect(limitsOf(config(""))).toEqual({ router: DEFAULT_LIMITS, connection: DEFAULT_CONNECTION_LIMITS });
  });

  test("reach the side that they are for", () => {
    const { router, connection } = limitsOf(config("joinTimeout: 3s, queueHard: 2MiB, queueSoft: 64KiB, slowConsumer: conflate"));
    expect(router).toEqual({ ...DEFAULT_LIMITS, joinTimeoutMs: 3_000 });
    expect(connection).toEqual({ ...DEFAULT_CONNECTION_LIMITS, queueHard: 2 << 20, queueSoft: 64 << 10, slowConsumer: "conflate" });
  });

  test("that contradict each other are an error at the place of one of them", () => {
    expect(() => config("queueHard: 512KiB")).toThrow("limits.queueSoft: queueSoft cannot be above queueHard");
    expect(() => config("messageSize: 8KiB")).toThrow("limits.messageSizeBeforeJoin: messageSizeBeforeJoin cannot be above messageSize");
  });
});

test("durations and sizes are read as they are written", () => {
  const whole = fc.integer({ min: 0, max: 2 ** 40 });
  fc.assert(fc.property(whole, (ms) => parseDuration(formatDuration(ms)) === ms));
  fc.assert(fc.property(whole, (bytes) => parseSize(formatSize(bytes)) === bytes));
  expect([parseDuration("1.5h"), parseSize("0.5 MiB"), parseDuration("5"), parseSize("5 mb")]).toEqual([
    5_400_000,
    524_288,
    undefined,
    undefined,
  ]);
});
