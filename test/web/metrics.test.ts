// `metrics`: what is counted is what has happened, and every metric has its line on the reference page.
import { readFileSync } from "node:fs";
import { connect } from "@junctor/client";
import { WirePeer } from "@junctor/testkit";
import { expect, test } from "vitest";
import { Site, serve } from "./site.ts";

const REALM = { auth: [{ method: "anonymous", role: "all" }], roles: { all: { allow: { call: ["com.*"], publish: ["com.*"] } } } };

async function scrape(site: Site): Promise<Map<string, number>> {
  const { status, headers, body } = await site.ask("/metrics");
  expect([status, headers["content-type"]]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  const samples = body
    .toString()
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]));
}

test("sessions, calls and events are counted by realm, and go on when a session has ended", async () => {
  await using site = new Site();
  await site.start({ "/metrics": { metrics: true } }, { type: "universal" }, { realms: { app: REALM, quiet: REALM } });
  const dial = site.server.router.dial();
  const [callee, caller] = [await connect({ realm: "app", dial: site.server.router.dial(true) }), await connect({ realm: "app", dial })];
  await callee.register("com.add", () => 5);
  await callee.subscribe("com.news", () => {});
  await caller.call("com.add");
  await caller.publish("com.news", [], {}, { acknowledge: true });
  const before = await scrape(site);
  expect(before.get('wamp_sessions{realm="app"}')).toBe(2);
  expect(before.get('wamp_registrations{realm="app"}')).toBe(1);
  expect(before.get('wamp_subscriptions{realm="app"}')).toBe(1);
  expect(before.get('wamp_calls_total{realm="app"}')).toBe(1);
  expect(before.get('wamp_events_sent_total{realm="app"}')).toBe(1);
  expect(before.get('wamp_sessions{realm="quiet"}')).toBe(0);
  expect(before.get("nodejs_eventloop_lag_p99_seconds")).toBeTypeOf("number");
  await caller.leave();
  const after = await scrape(site);
  expect(after.get('wamp_sessions{realm="app"}')).toBe(1);
  expect(after.get('wamp_calls_total{realm="app"}')).toBe(1);
  expect(after.get('wamp_sessions_closed_total{realm="app"}')).toBe(1);
  expect(after.get('wamp_sessions_ended_total{reason="wamp.close.close_realm"}')).toBe(1);
});

test("refusals and violations are counted by what they were, and no label is a peer's own word", async () => {
  await using site = new Site();
  await site.start({ "/metrics": { metrics: true } }, { type: "universal" }, { realms: { app: REALM } });
  await connect({ realm: "nowhere", url: `tcp://${site.address}` }).catch(() => {});
  const peer = await WirePeer.connect(site.address);
  peer.send([3, {}, "com.example.own_word"]);
  await peer.ended;
  const other = await WirePeer.connect(site.address);
  other.send([99]);
  await other.ended;
  const samples = await scrape(site);
  expect(samples.get('wamp_auth_failures_total{reason="wamp.error.no_such_realm"}')).toBe(1);
  expect(samples.get('wamp_protocol_violations_total{code="MALFORMED_MESSAGE"}')).toBe(1);
  expect([...samples.keys()].join()).not.toContain("own_word");
});

test("alarms are there while they are raised", async () => {
  await using site = await serve({ "/metrics": { metrics: true } });
  site.server.alarms.raise("store", "critical", "the disk is full", "/var/lib/events");
  expect((await scrape(site)).get('wamp_alarms{name="store",severity="critical"}')).toBe(1);
  site.server.alarms.clear("store", "/var/lib/events");
  expect((await scrape(site)).has('wamp_alarms{name="store",severity="critical"}')).toBe(false);
});

test("every metric stands on the reference page, and nothing else does", async () => {
  await using site = await serve({ "/metrics": { metrics: true } });
  const text = (await site.ask("/metrics")).body.toString();
  const served = [...text.matchAll(/^# TYPE (wamp_\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`).sort();
  const page = readFileSync(new URL("../../docs/reference/metrics.md", import.meta.url), "utf8");
  const told = [...page.matchAll(/^\| `(wamp_\w+)[^`]*` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`).sort();
  expect(told).toEqual(served);
});
