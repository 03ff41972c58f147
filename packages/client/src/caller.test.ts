// Calls in pieces, from the caller's side (requirements 4.1 to 4.4).
import { ApplicationError, Chunk, type Invocation, SerializationError, TimeoutError, Uri } from "@junctor/client";
import { MessageType, NO_OPTIONS } from "@junctor/protocol";
import { failure, Inbox, realmConfig, ScriptedRouter, type StoryOptions, startRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

async function town(options: StoryOptions = {}) {
  const router = await startRouter({ connection: { name: "memory", transport: "memory", serializer: "json" }, ...options });
  const [caller, callee] = [await router.join(), await router.join()];
  return { router, caller, callee, [Symbol.asyncDispose]: () => router[Symbol.asyncDispose]() };
}

/** A procedure that answers with all the chunks it was sent. */
const collect = async ({ args, chunks }: Invocation) => {
  const all = [[...args]];
  for await (const chunk of chunks) all.push([...chunk.args]);
  return all;
};

describe("chunks", () => {
  test.each<[string, () => Iterable<unknown> | AsyncIterable<unknown>, unknown]>([
    ["a list", () => [1, 2], [["first"], [1], [2]]],
    ["nothing", () => [], [["first"]]],
    ["a stream of the platform", () => ReadableStream.from(["a", "b"]), [["first"], ["a"], ["b"]]],
    [
      "a generator, whose return value is the last chunk",
      function* () {
        yield new Chunk([1, 2]);
        return "last";
      },
      [["first"], [1, 2], ["last"]],
    ],
  ])("come from %s (RPC-PCI-03)", async (_what, source, expected) => {
    await using place = await town();
    await place.callee.register("com.collect", collect);
    expect((await place.caller.call("com.collect", ["first"], {}, { chunks: source() })).value).toEqual(expected);
  });

  test("come from a function, which sends them one by one; what it returns is the last", async () => {
    await using place = await town();
    await place.callee.register("com.collect", collect);
    const chunks = async (send: (chunk: unknown) => Promise<void>) => {
      await send(1);
      await send(2);
      return 3;
    };
    expect((await place.caller.call("com.collect", [], {}, { chunks })).value).toEqual([[], [1], [2], [3]]);
  });

  test("of a function that has returned are refused, and the call goes on", async () => {
    await using place = await town();
    await place.callee.register("com.collect", collect);
    const late = new Inbox<(chunk: unknown) => Promise<void>>();
    const calling = place.caller.call("com.collect", [], {}, { chunks: (send) => void late.push(send) });
    const send = await late.next();
    expect((await calling).value).toEqual([[]]);
    expect(await failure(send("late"))).toBeInstanceOf(TypeError);
    expect((await place.caller.call("com.collect", [], {}, { chunks: "ab" })).value).toEqual([[], ["a"], ["b"]]);
  });

  test("go to the callee with one CALL id, and carry no options but progress (RPC-PCI-03, RPC-PCI-14)", async () => {
    const { session, router, sent } = await ScriptedRouter.join("progressive_call_invocations", "call_timeout");
    const calling = session.call("com.x", [], {}, { chunks: ["a"], discloseMe: true, timeout: 1_000 });
    expect([await sent.next(), await sent.next(), await sent.next()]).toMatchObject([
      { type: MessageType.Call, request: 1, options: { progress: true, disclose_me: true, timeout: 1_000 } },
      { type: MessageType.Call, request: 1, options: { progress: true }, payload: { args: ["a"] } },
      { type: MessageType.Call, request: 1, options: NO_OPTIONS },
    ]);
    expect(Object.keys((sent.all[2] as { options: object }).options)).toEqual(["progress"]);
    router.result(1);
    await calling;
  });

  test("are not sent any more when the callee has answered, and their source is told (RPC-PCI-09, RPC-PCI-15)", async () => {
    await using place = await town();
    await place.callee.register("com.first", async ({ chunks }) => (await chunks.next()).value.value);
    const closed = new Inbox<string>();
    async function* numbers() {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        closed.push("closed");
      }
    }
    expect((await place.caller.call("com.first", [], {}, { chunks: numbers() })).value).toBe(0);
    await closed.next();
    const failed = new Inbox<unknown>();
    const chunks = async (send: (chunk: unknown) => Promise<void>) => {
      try {
        for (;;) await send(7);
      } catch (error) {
        failed.push(error);
      }
    };
    expect((await place.caller.call("com.first", [], {}, { chunks })).value).toBe(7);
    expect(await failed.next()).toBeInstanceOf(ApplicationError);
  });

  test("whose source fails cancel the call, which rejects with what failed", async () => {
    await using place = await town();
    const stopped = new Inbox<unknown>();
    await place.callee.register("com.collect", async ({ chunks }) => {
      try {
        for await (const _ of chunks);
      } catch (error) {
        stopped.push(error);
        throw error;
      }
    });
    const trouble = new Error("the file is gone");
    async function* source() {
      yield 1;
      throw trouble;
    }
    expect(await failure(place.caller.call("com.collect", [], {}, { chunks: source() }))).toBe(trouble);
    expect(await stopped.next()).toMatchObject({ uri: Uri.canceled });
  });

  test("to a router that does not know them are refused here, and the session lives (FEAT-04, RPC-PCI-04)", async () => {
    const { session, sent } = await ScriptedRouter.join();
    expect(await failure(session.call("com.x", [], {}, { chunks: [] }))).toMatchObject({ uri: Uri.featureNotSupported });
    expect([session.isOpen, sent.all]).toEqual([true, [expect.objectContaining({ type: MessageType.Hello })]]);
  });

  test("wait for the connection: a source is not asked for more than fits", async () => {
    await using place = await town({ connection: { name: "tcp json", transport: "tcp", serializer: "json" } });
    await place.callee.register("com.drop", async ({ chunks }) => {
      let count = 0;
      for await (const _ of chunks) count++;
      return count;
    });
    const chunk = "x".repeat(256 << 10);
    let made = 0;
    let turns = 0;
    async function* source() {
      while (turns < 3) {
        made++;
        yield chunk;
      }
    }
    const counting = setInterval(() => turns++, 1);
    const calling = place.caller.call("com.drop", [], {}, { chunks: source() });
    const { value } = await calling;
    clearInterval(counting);
    // A source that is never done in one turn would starve the timer that ends it, if nothing made it wait.
    expect(value).toBe(made);
  });
});

describe("progressive results", () => {
  test("are read by a loop, and the final one beside it; leaving the loop cancels the call", async () => {
    await using place = await town();
    const stopped = new Inbox<unknown>();
    await place.callee.register("com.count", async function* () {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        stopped.push("stopped");
      }
    });
    const stream = place.caller.stream("com.count");
    for await (const { value } of stream) if (value === 3) break;
    expect(await failure(stream.result)).toMatchObject({ uri: Uri.canceled });
    await stopped.next();
  });

  test("end in the loop with the call's error", async () => {
    await using place = await town();
    // biome-ignore lint/correctness/useYield: a generator that fails before its first result.
    await place.callee.register("com.fail", async function* () {
      throw new ApplicationError("com.error.broken");
    });
    const stream = place.caller.stream("com.fail");
    const loop = async () => {
      for await (const _ of stream);
    };
    expect(await failure(loop())).toMatchObject({ uri: "com.error.broken" });
    expect(await failure(stream.result)).toMatchObject({ uri: "com.error.broken" });
  });

  test("that nobody asked for are not sent, and what a generator returns is the result (RPC-PCR-07)", async () => {
    await using place = await town();
    await place.callee.register("com.count", function* () {
      yield 1;
      yield 2;
      return 3;
    });
    expect((await place.caller.call("com.count")).value).toBe(3);
  });

  test("that a callback cannot take cancel the call with what it threw", async () => {
    await using place = await town();
    await place.callee.register("com.count", async function* () {
      yield 1;
      return 2;
    });
    const trouble = new Error("no");
    const onProgress = () => {
      throw trouble;
    };
    expect(await failure(place.caller.call("com.count", [], {}, { onProgress }))).toBe(trouble);
  });

  test("that have no form in the serializer fail in the handler that sends them", async () => {
    await using place = await town({ connection: { name: "tcp json", transport: "tcp", serializer: "json" } });
    const seen = new Inbox<unknown>();
    const cycle: unknown[] = [];
    cycle.push(cycle);
    await place.callee.register("com.bad", ({ progress }) => {
      try {
        progress?.(cycle);
      } catch (error) {
        seen.push(error);
      }
      return "done";
    });
    expect((await place.caller.call("com.bad", [], {}, { onProgress: () => {} })).value).toBe("done");
    expect(await seen.next()).toBeInstanceOf(SerializationError);
  });
});

describe("giving a call up", () => {
  test("by kill waits for the callee, who may have a result after all (AMB-52, AMB-53)", async () => {
    await using place = await town();
    const started = new Inbox<void>();
    await place.callee.register("com.work", async ({ signal, progress }) => {
      started.push();
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      await progress?.(["wait"]);
      return "finished all the same";
    });
    const abort = new AbortController();
    const heard: unknown[] = [];
    const onProgress = ({ value }: Chunk) => heard.push(value);
    const calling = place.caller.call("com.work", [], {}, { signal: abort.signal, cancelMode: "kill", onProgress });
    await started.next();
    abort.abort();
    expect((await calling).value).toBe("finished all the same");
    expect(heard).toEqual(["wait"]);
  });

  test("by kill does not wait for ever: the time-out still runs (AMB-54)", async () => {
    const { session, router } = await ScriptedRouter.join("call_canceling");
    const button = new AbortController();
    const calling = failure(session.call("com.x", [], {}, { signal: button.signal, cancelMode: "kill", timeout: 100 }));
    await router.take(MessageType.Call);
    button.abort();
    expect(await router.take(MessageType.Cancel)).toMatchObject({ options: { mode: "kill" } });
    router.clock.advance(100);
    expect(await calling).toBeInstanceOf(TimeoutError);
    expect(session.isOpen).toBe(true);
  });

  test("a time-out is told to the router, each progressive result starts it anew, and it is a TimeoutError whoever notices first (RPC-TMO-01, RPC-PCR-11)", async () => {
    await using place = await town();
    const invocations = new Inbox<Invocation>();
    await place.callee.register("com.slow", (invocation) => {
      invocations.push(invocation);
      return new Promise(() => {});
    });
    const heard = new Inbox<unknown>();
    const calling = failure(place.caller.call("com.slow", [], {}, { timeout: 1_000, onProgress: (part) => heard.push(part.value) }));
    const { progress, signal } = await invocations.next();
    for (let i = 0; i < 3; i++) {
      place.router.advance(900);
      await progress?.([i]);
      await heard.next();
    }
    place.router.advance(1_000);
    expect(await calling).toBeInstanceOf(TimeoutError);
    await place.caller.call("wamp.session.count"); // what the router sent the callee before has arrived then
    expect(signal.aborted).toBe(true);
  });

  test("the router's own time-out is a TimeoutError too, when the caller gave one", async () => {
    const { session, router, sent } = await ScriptedRouter.join("call_timeout");
    const calling = failure(session.call("com.x", [], {}, { timeout: 1.5 }));
    expect(await sent.next()).toMatchObject({ options: { timeout: 2 } }); // whole milliseconds on the wire
    router.error(MessageType.Call, 1, Uri.timeout);
    expect(await calling).toMatchObject({ name: "TimeoutError", cause: { uri: Uri.timeout } });
  });

  test("the session's default is kept by the client alone, and rests while there are chunks to come", async () => {
    await using place = await town();
    const release = new Inbox<void>();
    await place.callee.register("com.collect", collect);
    await place.callee.register("com.never", () => new Promise(() => {}));
    async function* slow() {
      await release.next();
      yield 1;
      await release.next();
    }
    const calling = place.caller.call("com.collect", [0], {}, { chunks: slow() });
    place.router.advance(60_000);
    release.push();
    await place.caller.call("wamp.session.count");
    place.router.advance(60_000);
    release.push();
    expect((await calling).value).toEqual([[0], [1]]);

    const sent = new Inbox<void>();
    async function* quick() {
      yield 1;
      sent.push();
    }
    const hanging = failure(place.caller.call("com.never", [], {}, { chunks: quick() }));
    await sent.next();
    await place.caller.call("wamp.session.count");
    place.router.advance(60_000);
    expect(await hanging).toBeInstanceOf(TimeoutError);
  });
});

test("a callee that asked for the callers' time-outs keeps them: its handler is stopped, and the caller told (RPC-TMO-04, RPC-TMO-05)", async () => {
  await using place = await town();
  const invocations = new Inbox<Invocation>();
  await place.callee.register(
    "com.slow",
    (invocation) => {
      invocations.push(invocation);
      return new Promise(() => {});
    },
    { forwardTimeout: true },
  );
  const heard = new Inbox<unknown>();
  const calling = failure(place.caller.call("com.slow", [], {}, { timeout: 500, onProgress: (part) => heard.push(part) }));
  const { details, signal, progress } = await invocations.next();
  expect(details.timeout).toBe(500);
  place.router.advance(400);
  await progress?.([]);
  await heard.next();
  place.router.advance(400);
  expect(signal.aborted).toBe(false);
  place.router.advance(100);
  expect(signal.reason).toMatchObject({ uri: Uri.timeout });
  expect(await calling).toBeInstanceOf(TimeoutError);
});

test("a callee takes no more calls at a time than it said: others wait (concurrency)", async () => {
  await using place = await town();
  const gate = new Inbox<void>();
  let running = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++running);
    await gate.next();
    running--;
  };
  await place.callee.register("com.work", work, { concurrency: 2 });
  const calls = Array.from({ length: 5 }, () => place.caller.call("com.work"));
  for (const _ of calls) gate.push();
  await Promise.all(calls);
  expect(most).toBeLessThanOrEqual(2);
});

test("calls with one key go to one callee, where the realm shards calls (RPC-SHARD-01)", async () => {
  await using place = await town({ realms: [{ ...realmConfig("realm1"), calls: { sharding: true } }] });
  const other = await place.router.join();
  await place.callee.register("com.who", () => "one", { invoke: "roundrobin" });
  await other.register("com.who", () => "other", { invoke: "roundrobin" });
  const answers = new Set<unknown>();
  for (let i = 0; i < 4; i++) answers.add((await place.caller.call("com.who", [], {}, { rkey: "user-1" })).value);
  expect(answers.size).toBe(1);
});

test.each(["least_loaded", "affinity"] as const)(
  "the policy %s is asked for by its name, and refused unless the realm allows it",
  async (invoke) => {
    await using place = await town({ realms: [{ ...realmConfig("realm1"), calls: { invoke: [invoke] } }] });
    await place.callee.register("com.who", () => "me", { invoke });
    expect((await place.caller.call("com.who")).value).toBe("me");
    await using strict = await town();
    expect(await failure(strict.callee.register("com.who", () => "me", { invoke }))).toMatchObject({ uri: Uri.optionNotAllowed });
  },
);
