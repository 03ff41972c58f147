// Calls, told over every transport and serializer (requirements 3.2, 4.1, 4.4).
import { ApplicationError, HANDLER_FAILED, type Result, SessionClosedError, Uri } from "@junctor/client";
import { connections, Inbox, startRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

const failure = (promise: Promise<unknown>) =>
  promise.then(
    (value) => {
      throw new Error(`expected a failure, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );

describe.each(connections)("over $name", (connection) => {
  test("a call is answered with args and kwargs, and two calls answer in any order (RPC-04, RPC-05, ORD-05)", async () => {
    await using router = await startRouter({ connection });
    const [caller, callee] = [await router.join(), await router.join()];
    const gate = new Inbox<void>();
    await callee.register("math.add", ({ args, kwargs }) => Number(args[0]) + Number(args[1]) + Number(kwargs["bias"] ?? 0));
    await callee.register("math.late", async ({ args }) => {
      await gate.next();
      return args[0];
    });
    const late = caller.call("math.late", ["late"]);
    expect((await caller.call("math.add", [2, 3], { bias: 10 })).value).toBe(15);
    gate.push();
    expect((await late).value).toBe("late");
  });

  test("an error arrives with its URI, args and kwargs; what a handler throws otherwise has a URI too (RPC-06)", async () => {
    await using router = await startRouter({ connection });
    const [caller, callee] = [await router.join(), await router.join()];
    await callee.register("shop.buy", ({ args }) => {
      if (args[0] === "bug") throw new TypeError("the till is stuck");
      throw new ApplicationError("shop.error.sold_out", ["only", 3, "left"], { until: "Monday" });
    });
    expect(await failure(caller.call("shop.buy"))).toMatchObject({
      name: "ApplicationError",
      uri: "shop.error.sold_out",
      args: ["only", 3, "left"],
      kwargs: { until: "Monday" },
    });
    expect(await failure(caller.call("shop.buy", ["bug"]))).toMatchObject({ uri: HANDLER_FAILED, args: ["the till is stuck"] });
    expect(await failure(caller.call("shop.sell"))).toMatchObject({ uri: Uri.noSuchProcedure });
  });

  test("a taken procedure is refused, and free again when its callee unregisters (RPC-02)", async () => {
    await using router = await startRouter({ connection });
    const [alice, bob] = [await router.join(), await router.join()];
    const registration = await alice.register("town.time", () => "alice");
    expect(await failure(bob.register("town.time", () => "bob"))).toMatchObject({ uri: Uri.procedureAlreadyExists });
    await registration.unregister();
    await bob.register("town.time", () => "bob");
    expect((await alice.call("town.time")).value).toBe("bob");
  });

  test("progressive results arrive in order, before the final one (RPC-PCR-12)", async () => {
    await using router = await startRouter({ connection });
    const [caller, callee] = [await router.join(), await router.join()];
    await callee.register("count.to", ({ args, progress }) => {
      for (let i = 1; i < Number(args[0]); i++) progress?.([i], { of: args[0] });
      return args[0];
    });
    const heard: Result[] = [];
    const result = await caller.call("count.to", [5], {}, { onProgress: (part) => heard.push(part) });
    expect(heard.map(({ args, kwargs }) => [args[0], kwargs["of"]])).toEqual([1, 2, 3, 4].map((i) => [i, 5]));
    expect(result.value).toBe(5);
    expect((await caller.call("count.to", [3])).value).toBe(3); // without onProgress there is none
  });

  test.each(["kill", "killnowait", "skip"] as const)(
    "a call is cancelled by its signal, mode %s (RPC-CANCEL-03 to 09)",
    async (cancelMode) => {
      await using router = await startRouter({ connection });
      const [caller, callee] = [await router.join(), await router.join()];
      const stages = new Inbox<string>();
      const release = new Inbox<void>();
      await callee.register("work.slow", async ({ signal, progress }) => {
        stages.push("started");
        signal.addEventListener("abort", () => {
          stages.push(`stopped: ${String((signal.reason as Error).message)}`);
          if (cancelMode === "kill") release.push(); // the caller waits for what the callee says to it
        });
        await progress?.(["working"]);
        await release.next();
        signal.throwIfAborted();
      });
      await callee.register("work.quick", () => "done");
      const abort = new AbortController();
      const reason = new Error("changed my mind");
      const parts = new Inbox<Result>();
      const call = failure(caller.call("work.slow", [], {}, { signal: abort.signal, cancelMode, onProgress: (part) => parts.push(part) }));
      await stages.next();
      await parts.next();
      abort.abort(reason);
      expect(await call).toBe(reason);
      // A later call of the same caller reaches the same callee after the cancelling one.
      expect((await caller.call("work.quick")).value).toBe("done");
      expect(stages.all).toEqual(cancelMode === "skip" ? ["started"] : ["started", "stopped: wamp.error.canceled"]);
      release.push();
    },
  );

  test("a callee that leaves fails the calls that wait for it, and its procedure is free (RPC-12, AMB-41)", async () => {
    await using router = await startRouter({ connection });
    const [caller, callee, heir] = [await router.join(), await router.join(), await router.join()];
    const started = new Inbox<unknown>();
    const stopped = new Inbox<unknown>();
    await callee.register("work.slow", ({ signal }) => {
      started.push(signal);
      return new Promise(() => signal.addEventListener("abort", () => stopped.push(signal.reason)));
    });
    const call = failure(caller.call("work.slow"));
    await started.next();
    const left = await callee.leave();
    expect(left).toMatchObject({ reason: Uri.goodbyeAndOut, wasClean: true });
    expect(await call).toMatchObject({ name: "ApplicationError", uri: Uri.canceled });
    expect(await stopped.next()).toBeInstanceOf(SessionClosedError);
    await heir.register("work.slow", () => "heir");
    expect((await caller.call("work.slow")).value).toBe("heir");
  });

  test("a caller that leaves has its callee told, and the answer that comes late is dropped (RPC-10, AMB-56)", async () => {
    await using router = await startRouter({ connection });
    const [caller, callee, other] = [await router.join(), await router.join(), await router.join()];
    const started = new Inbox<void>();
    const stopped = new Inbox<void>();
    await callee.register("work.slow", ({ signal }) => {
      started.push();
      return new Promise((resolve) =>
        signal.addEventListener("abort", () => {
          stopped.push();
          resolve("too late");
        }),
      );
    });
    await callee.register("work.quick", () => "quick");
    const call = failure(caller.call("work.slow"));
    await started.next();
    await caller.leave();
    expect(await call).toMatchObject({ name: "SessionClosedError", sent: true });
    await stopped.next();
    expect((await other.call("work.quick")).value).toBe("quick");
    expect(router.router.realm("realm1")?.counters.callsInFlight).toBe(0);
  });

  test("a pattern registration is told the procedure that was called; an exact one wins (RPC-PAT-07)", async () => {
    await using router = await startRouter({ connection });
    const [caller, callee] = [await router.join(), await router.join()];
    await callee.register("shop.", ({ procedure }) => `prefix ${procedure}`, { match: "prefix" });
    await callee.register("shop..price", ({ procedure }) => `wildcard ${procedure}`, { match: "wildcard" });
    await callee.register("shop.tea.price", () => "exact");
    expect((await caller.call("shop.open")).value).toBe("prefix shop.open");
    expect((await caller.call("shop.tea.price")).value).toBe("exact");
  });

  test("calls are shared by turns (RPC-SHARED-05)", async () => {
    await using router = await startRouter({ connection });
    const [caller, a, b] = [await router.join(), await router.join(), await router.join()];
    await a.register("work.share", () => "a", { invoke: "roundrobin" });
    await b.register("work.share", () => "b", { invoke: "roundrobin" });
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push((await caller.call("work.share")).value);
    expect(answers).toEqual(["a", "b", "a", "b"]);
  });
});
