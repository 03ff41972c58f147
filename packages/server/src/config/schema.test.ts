// The schema: what a configuration becomes where it says nothing, and limits that cannot go together.
import { DEFAULT_CALL_CONFIG, DEFAULT_LIMITS } from "@junctor/router";
import { DEFAULT_CONNECTION_LIMITS } from "@junctor/transport-node";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { callConfig } from "./calls-schema.ts";
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

describe("calls", () => {
  const calls = (text: string) => {
    const realm = parseConfig(
      `{version: 1, listen: [{type: web, port: 0}], realms: {r: {auth: [{method: anonymous, role: a}], roles: {a: {}}, calls: {${text}}}}}`,
      "config.yaml",
    ).realms["r"];
    return realm === undefined ? undefined : callConfig(realm.calls);
  };

  test("are the router's own, where the configuration says nothing (G8)", () => {
    expect(calls("")).toEqual(DEFAULT_CALL_CONFIG);
  });

  test("reach the realm", () => {
    expect(
      calls(`defaultTimeout: 5s, maximumTimeout: 1m, killTimeout: 2s, pptYieldError: true, forwardMargin: 500ms, invoke: [affinity], queue: 0, reroute: true, sharding: true,
             trust: [{procedure: "com.bank.*", role: clerk, level: 3}]`),
    ).toEqual({
      defaultTimeoutMs: 5_000,
      maximumTimeoutMs: 60_000,
      killTimeoutMs: 2_000,
      pptYieldError: true,
      forwardMarginMs: 500,
      invoke: ["affinity"],
      queueLength: 0,
      reroute: true,
      sharding: true,
      trust: [{ uri: "com.bank.", match: "prefix", role: "clerk", level: 3 }],
    });
  });

  test("that contradict themselves, or name what there is not, are errors at their place", () => {
    expect(() => calls("defaultTimeout: 2m, maximumTimeout: 1m")).toThrow(
      "calls.defaultTimeout: defaultTimeout cannot be above maximumTimeout",
    );
    expect(() => calls("invoke: [fastest]")).toThrow("calls.invoke[0]");
    expect(() => calls('trust: [{procedure: "com.{authid}", level: 1}]')).toThrow("calls.trust[0].procedure: a trust level is for a role");
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
