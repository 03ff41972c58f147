// Publish and subscribe, told over every transport and serializer (requirements 3.1, 5.1, 5.3).
import { ApplicationError, Uri } from "@junctor/client";
import { connections, hear, startRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

describe.each(connections)("over $name", (connection) => {
  test("an event reaches every subscriber but its publisher, unless it asks for it (PS-EXCL-01)", async () => {
    await using router = await startRouter({ connection });
    const [alice, bob] = [await router.join(), await router.join()];
    const aliceHeard = await hear(alice, "town.news");
    const bobHeard = await hear(bob, "town.news");

    await alice.publish("town.news", ["The bridge is open"]);
    await alice.publish("town.news", ["Good night"], {}, { excludeMe: false });

    // Events of one publisher arrive in order, so "Good night" closes both lists.
    expect(await bobHeard.untilValue("Good night")).toEqual(["The bridge is open", "Good night"]);
    expect(await aliceHeard.untilValue("Good night")).toEqual(["Good night"]);
  });

  test("an acknowledged event has one publication id for its publisher and for all who hear it (PS-07, PS-10)", async () => {
    await using router = await startRouter({ connection });
    const [alice, bob, carol] = [await router.join(), await router.join(), await router.join()];
    const [bobHeard, carolHeard] = [await hear(bob, "town.news"), await hear(carol, "town.news")];
    const publication = await alice.publish("town.news", ["a"], { by: "alice" }, { acknowledge: true, discloseMe: true });
    for (const heard of [bobHeard, carolHeard]) {
      const { args, kwargs, topic, publication: heardPublication, details } = await heard.next();
      expect({ args, kwargs, topic, heardPublication }).toEqual({
        args: ["a"],
        kwargs: { by: "alice" },
        topic: "town.news",
        heardPublication: publication,
      });
      expect(details.publisher).toBe(alice.id);
    }
  });

  test("publishing to a URI that is none fails where an acknowledgement was asked for, and is silent otherwise (PS-07, URI-08)", async () => {
    await using router = await startRouter({ connection });
    const alice = await router.join();
    await alice.publish("no uri");
    const refused = await alice.publish("no uri", [], {}, { acknowledge: true }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApplicationError);
    expect(refused).toMatchObject({ uri: Uri.invalidUri });
    expect(alice.isOpen).toBe(true);
  });

  test("after unsubscribing nothing more is heard, and a session that shares the topic hears on (PS-06, AMB-70)", async () => {
    await using router = await startRouter({ connection });
    const [alice, bob] = [await router.join(), await router.join()];
    const events: unknown[] = [];
    const subscription = await bob.subscribe("town.news", ({ args }) => events.push(args[0]));
    const heard = await hear(bob, "town.news");
    const other = await hear(bob, "town.end");

    await alice.publish("town.news", [1]);
    await heard.next();
    await subscription.unsubscribe();
    await alice.publish("town.news", [2]);
    await alice.publish("town.end");
    await other.next();

    expect(events).toEqual([1]);
    expect(heard.all.map(({ args }) => args[0])).toEqual([1, 2]);
  });

  test("patterns hear the topics they match, and are told which (PS-PAT-04, AMB-84, AMB-85)", async () => {
    await using router = await startRouter({ connection });
    const [alice, bob] = [await router.join(), await router.join()];
    const prefix = await hear(bob, "town.", { match: "prefix" });
    const wildcard = await hear(bob, "town..state", { match: "wildcard" });
    const exact = await hear(bob, "town.hall.state");

    await alice.publish("town.hall.state", [1]);
    await alice.publish("town.hall.door.state", [2]);
    await alice.publish("city.hall.state", [3]);
    await alice.publish("town.end");
    await prefix.until(({ topic }) => topic === "town.end");

    const heard = (inbox: typeof prefix) => inbox.all.map(({ topic, args }) => [topic, args[0]]);
    expect(heard(prefix)).toEqual([
      ["town.hall.state", 1],
      ["town.hall.door.state", 2],
      ["town.end", undefined],
    ]);
    expect(heard(wildcard)).toEqual([["town.hall.state", 1]]);
    expect(heard(exact)).toEqual([["town.hall.state", 1]]);
  });

  test("a large event and a small one after it arrive whole and in order", async () => {
    await using router = await startRouter({ connection });
    const [alice, bob] = [await router.join(), await router.join()];
    const heard = await hear(bob, "town.news");
    const large = "abcdefghijklmno\n".repeat(60_000); // close to the limit of 1 MiB: needs WebSocket's longest length
    await alice.publish("town.news", [large]);
    await alice.publish("town.news", ["x".repeat(300)]); // and its middle one
    await alice.publish("town.news", ["end"]);
    const values = await heard.untilValue("end");
    expect(values.map((value) => String(value).length)).toEqual([large.length, 300, 3]);
    expect(values[0] === large).toBe(true);
  });
});
