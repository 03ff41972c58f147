// An error in the router's own program, whoever finds out how to bring it about, ends as little as can be (T45).
import { EventEmitter } from "node:events";
import { startRouter, type TransportName } from "@junctor/testkit";
import { expect, test, vi } from "vitest";
import { untilUncaught } from "../../packages/server/src/cli/uncaught.ts";
import type { LogEvent } from "../../packages/server/src/log.ts";

test.each(["tcp", "ws", "ws deflate", "ws batched"] satisfies TransportName[])(
  "that a message meets ends the connection that it came by, and no other (%s)",
  async (transport) => {
    const bug = new Error("a bug");
    const failures: unknown[] = [];
    await using router = await startRouter({
      connection: { name: transport, transport, serializer: "json" },
      listen: { failed: (error) => failures.push(error) },
    });
    const [victim, finder] = [await router.join(), await router.join()];
    const realm = router.router.realm("realm1");
    if (realm === undefined) throw new Error("no realm");
    const publish = vi.spyOn(realm.broker, "publish").mockImplementationOnce(() => {
      throw bug;
    });
    const closed = finder.closed;
    await finder.publish("t", []);
    await closed;
    expect(failures).toEqual([bug]);
    const ending = await router.log.until(({ event }) => event === "connection.close");
    expect(ending.at(-1)).toMatchObject({ reason: "internal_error" });
    expect(realm.sessions.size).toBe(1);
    expect(await victim.call("wamp.session.count")).toMatchObject({ args: [1] });
    publish.mockRestore();
  },
);

test("that nothing has caught is logged; an exception stops the server, a rejection does not", async () => {
  const process = new EventEmitter();
  const logged: LogEvent[] = [];
  const uncaught = untilUncaught(
    (event) => logged.push(event),
    process,
    () => {},
  );
  process.emit("unhandledRejection", new Error("nobody waits"));
  process.emit("unhandledRejection", "no error at all");
  let isStopping = false;
  uncaught.then(() => {
    isStopping = true;
  });
  await null;
  await null;
  expect(isStopping).toBe(false);
  const error = new Error("half done");
  process.emit("uncaughtException", error);
  process.emit("uncaughtException", new Error("and again, while it stops"));
  expect(await uncaught).toBe(error);
  expect(logged.map((event) => event.event === "internal.error" && [event.where, event.message])).toEqual([
    ["rejection", "nobody waits"],
    ["rejection", "no error at all"],
    ["exception", "half done"],
    ["exception", "and again, while it stops"],
  ]);
});
