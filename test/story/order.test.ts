// What the protocol promises about order (requirements 3.3), over every transport and serializer.
import { connections, Heard, Inbox, startRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

describe.each(connections)("over $name", (connection) => {
  test("events of one publisher arrive in the order of publishing, across topics and patterns (ORD-01)", async () => {
    await using router = await startRouter({ connection });
    const [publisher, subscriber] = [await router.join(), await router.join()];
    const heard = new Heard();
    const exact = ["a.one", "a.two", "b.three"];
    for (const topic of exact) await subscriber.subscribe(topic, (event) => heard.push(event));
    await subscriber.subscribe("c.", (event) => heard.push(event), { match: "prefix" });
    await subscriber.subscribe(".d", (event) => heard.push(event), { match: "wildcard" });
    const topics = [...exact, "c.four", "five.d"];
    const sent: unknown[][] = [];
    for (let i = 0; i < 300; i++) {
      const topic = topics[(i * 7) % topics.length] as string;
      sent.push([topic, i]);
      // Some large: they must not be overtaken.
      void publisher.publish(topic, [i, i % 50 === 7 ? "x".repeat(100_000) : ""]);
    }
    await heard.count(sent.length);
    expect(heard.all.map(({ topic, args }) => [topic, args[0]])).toEqual(sent);
  });

  test("SUBSCRIBED comes before the first event of the subscription (ORD-02)", async () => {
    await using router = await startRouter({ connection });
    const [publisher, subscriber] = [await router.join(), await router.join()];
    for (let i = 0; i < 20; i++) {
      const topic = `race.${i}`;
      const heard = new Heard();
      // An event before SUBSCRIBED would belong to no subscription and be lost; the client drops it (AMB-87).
      const [subscription] = await Promise.all([
        subscriber.subscribe(topic, (event) => heard.push(event)),
        publisher.publish(topic, ["early"]),
        publisher.publish(topic, ["early"]),
      ]);
      await publisher.publish(topic, ["end"]);
      const values = await heard.untilValue("end");
      expect(values.slice(0, -1).every((value) => value === "early")).toBe(true);
      await subscription.unsubscribe();
    }
  });

  test("invocations of one caller arrive in the order of calling, across procedures, and follow REGISTERED (ORD-03, ORD-04)", async () => {
    await using router = await startRouter({ connection });
    const [caller, callee] = [await router.join(), await router.join()];
    const arrived: unknown[] = [];
    const procedures = ["p.one", "p.two", "q.three"];
    for (const procedure of procedures) await callee.register(procedure, ({ args }) => void arrived.push([procedure, args[0]]));
    const sent: unknown[] = [];
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 200; i++) {
      const procedure = procedures[(i * 5) % 3] as string;
      sent.push([procedure, i]);
      calls.push(caller.call(procedure, [i, i % 40 === 3 ? "x".repeat(100_000) : ""]));
    }
    await Promise.all(calls);
    expect(arrived).toEqual(sent);
  });

  test("replies of one session keep the order of its requests where one procedure answers at once, and calls to oneself work (ORD-06, AMB-69)", async () => {
    await using router = await startRouter({ connection });
    const self = await router.join();
    const log = new Inbox<unknown>();
    await self.register("echo", ({ args }) => args[0]);
    for (let i = 0; i < 50; i++) void self.call("echo", [i]).then(({ value }) => log.push(value));
    await log.count(50);
    expect(log.all).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });
});
