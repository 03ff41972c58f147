// What becomes of events beyond their delivery, told over every transport and serializer (requirements 5.6 to 5.9).
import { ApplicationError } from "@junctor/client";
import { connections, Heard, hear, realmConfig, startRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

const realms = [{ ...realmConfig("realm1"), events: { history: [{ uri: "town.", match: "prefix" as const }], sharding: true } }];

describe.each(connections)("over $name", (connection) => {
  test("who comes late gets what the topic retains, before what is new (PS-RETAIN-03, PS-RETAIN-04, AMB-71)", async () => {
    await using router = await startRouter({ connection });
    const [alice, bob] = [await router.join(), await router.join()];
    await alice.publish("town.weather", ["rain"], { mm: 3.5 }, { retain: true });
    await alice.publish("town.weather", ["sun"], {}, { retain: true });
    await alice.publish("town.mood", ["good"], {}, { retain: true, acknowledge: true });
    const heard = await hear(bob, "town.weather", { getRetained: true });
    await alice.publish("town.weather", ["wind"]);
    const said = await heard.until(({ args }) => args[0] === "wind");
    expect(said.map(({ args, details }) => [args[0], details.retained])).toEqual([
      ["sun", true],
      ["wind", undefined],
    ]);
    const all = await hear(bob, "town.", { match: "prefix", getRetained: true });
    expect([(await all.next()).topic, (await all.next()).topic]).toEqual(["town.weather", "town.mood"]);
  });

  test("a subscription tells its history, as its events were (PS-HIST-03 to PS-HIST-05)", async () => {
    await using router = await startRouter({ connection, realms });
    const [alice, bob] = [await router.join(), await router.join()];
    const value = [1, 2.5, "€", new Uint8Array([0, 1]), null, { k: [true] }];
    const first = await alice.publish("town.news", value, { by: "alice" }, { acknowledge: true, discloseMe: true });
    router.advance(1_000);
    await alice.publish("town.news", ["second"], {}, { acknowledge: true });
    await alice.publish("town.mood", ["good"], {}, { acknowledge: true });
    const subscription = await bob.subscribe("town.news", () => {});
    const { events, more } = await subscription.history();
    expect(events).toMatchObject([
      { publication: first, topic: "town.news", args: value, kwargs: { by: "alice" }, details: { publisher: alice.id } },
      { topic: "town.news", args: ["second"], kwargs: {} },
    ]);
    expect([more, Number(events[1]?.time) - Number(events[0]?.time)]).toEqual([false, 1_000]);
    const page = await subscription.history({ limit: 1, reverse: true, fromTime: new Date(0) });
    expect([page.events[0]?.args, page.more]).toEqual([["second"], true]);
    const rest = await subscription.history({ reverse: true, beforePublication: page.events[0]?.publication ?? 0 });
    expect([rest.events[0]?.publication, rest.more]).toEqual([first, false]);
  });
});

test("a handler gets what it asked for, and nobody else's retained values (AMB-81)", async () => {
  await using router = await startRouter();
  const [alice, bob] = [await router.join(), await router.join()];
  await alice.publish("town.weather", ["rain"], {}, { retain: true, acknowledge: true });
  const [early, late] = [new Heard(), new Heard()];
  await bob.subscribe("town.weather", (event) => early.push(event));
  const subscription = await bob.subscribe("town.weather", (event) => late.push(event), { getRetained: true });
  expect((await late.next()).details.retained).toBe(true);
  await alice.publish("town.weather", ["sun"]);
  expect(await early.untilValue("sun")).toEqual(["sun"]);
  expect(await late.untilValue("sun")).toEqual(["sun"]);
  expect(subscription.id).toBeGreaterThan(0);
});

test("a history that is not kept is an error with a name", async () => {
  const failure = (promise: Promise<unknown>) => promise.catch((error: unknown) => (error instanceof ApplicationError ? error.uri : error));
  await using none = await startRouter();
  const alone = await (await none.join()).subscribe("town.news", () => {});
  expect(await failure(alone.history())).toBe("wamp.error.no_such_procedure");
  await using some = await startRouter({ realms });
  const other = await (await some.join()).subscribe("village.news", () => {});
  expect(await failure(other.history())).toBe("junctor.error.no_history");
});

test("events of a router that wraps its list once more are read too (AMB-82)", async () => {
  await using router = await startRouter();
  const crossbar = await router.join({ dial: router.router.dial(true), realm: "realm1" });
  const event = { timestamp: "2026-11-25T12:00:00.000Z", subscription: 1, publication: 7, details: {}, args: [1] };
  await crossbar.register("wamp.subscription.get_events", ({ kwargs }) => {
    expect(kwargs).toEqual({ after_publication: 5, limit: 2 });
    return [event, event];
  });
  const subscription = await (await router.join()).subscribe("town.news", () => {});
  const { events } = await subscription.history({ afterPublication: 5, limit: 2 });
  expect(events.map(({ publication, time }) => [publication, time.toISOString()])).toEqual(Array(2).fill([7, event.timestamp]));
});

test("a consumer group shares the events of a topic by their keys (PS-SHARD-01)", async () => {
  await using router = await startRouter({ realms });
  const publisher = await router.join();
  const members = await Promise.all(["a", "b", "c"].map(async (nkey) => hear(await router.join(), "town.orders", { nkey })));
  for (let i = 0; i < 90; i++) await publisher.publish("town.orders", [i], {}, { rkey: `customer-${i % 30}` });
  await publisher.publish("town.orders", ["closed"]); // without a key, for all of them
  const customers: Set<number>[] = [];
  for (const member of members) customers.push(new Set((await member.untilValue("closed")).slice(0, -1).map((i) => Number(i) % 30)));
  expect(customers.reduce((sum, { size }) => sum + size, 0)).toBe(30);
  expect(customers.every(({ size }) => size > 0)).toBe(true);
});

test("a subscription that the router ends tells its program why (PS-REVOKE-03)", async () => {
  await using router = await startRouter();
  const [alice, bob] = [await router.join(), await router.join()];
  const events: unknown[] = [];
  const [first, second] = [
    await bob.subscribe("town.news", ({ args }) => events.push(args[0])),
    await bob.subscribe("town.news", ({ args }) => events.push(args[0])),
  ];
  const boss = await router.join({ dial: router.router.dial(true) });
  await boss.call("wamp.subscription.remove_subscriber", [first.id, bob.id, "town.closed"]);
  expect([await first.revoked, await second.revoked]).toEqual(["town.closed", "town.closed"]);
  const after = await hear(bob, "town.end");
  await alice.publish("town.news", [1]);
  await alice.publish("town.end");
  await after.next();
  expect(events).toEqual([]);
});
