// `health`: what a load balancer is told of a server that drains, or that has an alarm.
import { expect, test } from "vitest";
import { type Site, serve } from "./site.ts";

const WEB = { "/livez": { health: "live" }, "/readyz": { health: "ready" }, "/healthz": { health: "all" } };

async function told(site: Site, path: string): Promise<[number, unknown]> {
  const { status, body } = await site.ask(path);
  return [status, JSON.parse(body.toString()).checks];
}

test("a server that is well is live and ready", async () => {
  await using site = await serve(WEB);
  expect(await told(site, "/livez")).toEqual([200, [{ name: "loop_lag", isOk: true }]]);
  expect(await told(site, "/readyz")).toEqual([
    200,
    [
      { name: "draining", isOk: true },
      { name: "store", isOk: true },
    ],
  ]);
  expect(await told(site, "/healthz")).toEqual([200, [{ name: "draining", isOk: true }]]);
  expect((await site.ask("/readyz", { method: "HEAD" })).status).toBe(200);
  expect((await site.ask("/readyz", { method: "POST" })).status).toBe(405);
  expect((await site.ask("/readyz/below")).status).toBe(404);
});

test("a server that drains is live and not ready, until it does not drain any more", async () => {
  await using site = await serve(WEB);
  site.server.drain(60_000);
  expect((await told(site, "/readyz"))[0]).toBe(503);
  expect((await told(site, "/livez"))[0]).toBe(200);
  expect(site.server.undrain()).toBe(true);
  expect((await told(site, "/readyz"))[0]).toBe(200);
});

test("a critical alarm fails the check that it concerns, a warning is told", async () => {
  await using site = await serve(WEB);
  const { alarms } = site.server;
  alarms.raise("store", "critical", "the disk is full", "/var/lib/events");
  alarms.raise("loop_lag", "warning", "late by 200 ms");
  expect(await told(site, "/readyz")).toMatchObject([503, [{ isOk: true }, { name: "store", isOk: false, reason: "the disk is full" }]]);
  expect((await told(site, "/livez"))[0]).toBe(200);
  expect(await told(site, "/healthz")).toMatchObject([503, [{}, { name: "store", isOk: false }, { name: "loop_lag", isOk: true }]]);
  alarms.raise("loop_lag", "critical", "late by 2 000 ms");
  expect((await told(site, "/livez"))[0]).toBe(503);
  alarms.clear("loop_lag");
  alarms.clear("store", "/var/lib/events");
  expect((await told(site, "/healthz"))[0]).toBe(200);
});
