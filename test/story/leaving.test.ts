// How sessions end, by whichever side, and what becomes of what they held (requirements 2.2, 3.2; SES-20 to SES-24, G4).
import { JoinError, SessionClosedError, Uri } from "@junctor/client";
import { connections, hear, Inbox, startRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => Promise.reject(new Error("expected a failure")),
    (error: unknown) => error,
  );

describe.each(connections)("over $name", (connection) => {
  test("leaving is answered; what waits is rejected, and nothing can be asked any more (SES-20, AMB-04)", async () => {
    await using router = await startRouter({ connection });
    const session = await router.join();
    const other = await router.join();
    await other.register("town.never", () => new Promise(() => {}));
    const call = failure(session.call("town.never"));
    const left = session.leave();
    expect(session.isOpen).toBe(false);
    expect(await left).toEqual({ reason: Uri.goodbyeAndOut, message: undefined, wasClean: true });
    expect(await session.closed).toBe(await left);
    expect(await call).toMatchObject({ name: "SessionClosedError", sent: true });
    const late = await failure(session.call("town.never"));
    expect(late).toBeInstanceOf(SessionClosedError);
    expect(late).toMatchObject({ sent: false });
    const [opened, closed] = ["session.open", "session.close"].map((event) =>
      router.log.all.filter((entry) => entry.event === event && "session" in entry && entry.session === session.id),
    );
    expect([opened?.length, closed]).toMatchObject([1, [{ reason: Uri.closeRealm }]]);
  });

  test("what a session held is free when it has left: its subscriptions and its procedures (SES-24)", async () => {
    await using router = await startRouter({ connection });
    const [session, other] = [await router.join(), await router.join()];
    const heard = await hear(session, "town.news");
    await session.register("town.time", () => 1);
    await session.leave();
    await other.register("town.time", () => 2);
    expect((await other.call("town.time")).value).toBe(2);
    await other.publish("town.news", ["nobody hears"], {}, { acknowledge: true });
    expect(heard.all).toEqual([]);
    const realm = router.router.realm("realm1");
    expect([realm?.sessions.size, realm?.broker.subscriptionCount, realm?.dealer.registrationCount]).toEqual([1, 0, 1]);
  });

  test("a router that shuts down tells its sessions (SES-23, AMB-134)", async () => {
    await using router = await startRouter({ connection });
    const session = await router.join();
    const call = failure(session.call("town.none").then(() => session.call("town.none")));
    router.router.close();
    expect(await session.closed).toMatchObject({ reason: Uri.systemShutdown, message: "the router shuts down", wasClean: true });
    await call;
    expect(router.router.realm("realm1")?.sessions.size).toBe(0);
  });

  test("a realm that is not there is refused with its reason (SES-14)", async () => {
    await using router = await startRouter({ connection });
    const refused = await failure(router.join({ realm: "nowhere" }));
    expect(refused).toBeInstanceOf(JoinError);
    expect(refused).toMatchObject({ reason: Uri.noSuchRealm, message: expect.stringContaining("nowhere") as string });
  });
});

describe.each(connections.filter(({ transport }) => transport !== "memory"))("over $name", (connection) => {
  test("a callee whose connection breaks off fails its calls at once, and its procedure is free (RPC-12, AMB-41, G4)", async () => {
    await using router = await startRouter({ connection });
    const [caller, callee] = [await router.join(), await router.join()];
    const started = new Inbox<void>();
    const stopped = new Inbox<unknown>();
    await callee.register("work.slow", ({ signal }) => {
      started.push();
      return new Promise(() => signal.addEventListener("abort", () => stopped.push(signal.reason)));
    });
    const call = failure(caller.call("work.slow"));
    await started.next();
    router.connectionOf(callee).destroy("test.cut");
    expect(await call).toMatchObject({ uri: Uri.canceled });
    expect(await stopped.next()).toMatchObject({ name: "SessionClosedError" });
    expect(await callee.closed).toMatchObject({ wasClean: false });
    expect(await failure(caller.call("work.slow"))).toMatchObject({ uri: Uri.noSuchProcedure });
  });

  test("a caller whose connection breaks off has its callee told, and its promise rejected (RPC-10, AMB-56)", async () => {
    await using router = await startRouter({ connection });
    const [caller, callee] = [await router.join(), await router.join()];
    const started = new Inbox<void>();
    const stopped = new Inbox<void>();
    await callee.register("work.slow", ({ signal }) => {
      started.push();
      return new Promise((resolve) =>
        signal.addEventListener("abort", () => {
          stopped.push();
          resolve(1);
        }),
      );
    });
    const call = failure(caller.call("work.slow"));
    await started.next();
    router.connectionOf(caller).destroy("test.cut");
    expect(await call).toMatchObject({ name: "SessionClosedError", sent: true });
    await stopped.next();
    expect(callee.isOpen).toBe(true);
    expect(router.router.realm("realm1")?.counters.callsInFlight).toBe(0);
  });

  test("every connection that ends is logged once, with its reason", async () => {
    await using router = await startRouter({ connection });
    const [left, cut] = [await router.join(), await router.join()];
    router.connectionOf(cut).destroy("test.cut");
    await Promise.all([cut.closed, left.leave()]);
    const closed = await router.log.until(
      (entry) => router.log.all.filter(({ event }) => event === "connection.close").length === 2 && entry.event === "connection.close",
    );
    const reasons = closed.filter(({ event }) => event === "connection.close").map((entry) => "reason" in entry && entry.reason);
    expect(reasons.sort()).toEqual([connection.transport.includes("ws") ? "transport.closed.1000" : "transport.closed", "test.cut"].sort());
  });
});
