// What waits for a loop that reads more slowly than results or chunks come (requirements 4.1, 4.2; reliability T33).
import { ApplicationError, type Chunk, type Invocation, type Session } from "@junctor/client";
import { MessageType, NO_OPTIONS, Payload } from "@junctor/protocol";
import { failure, Inbox, ScriptedRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

/** Five short ones fit. */
const unreadLimit = 1_000;
const LIMIT_EXCEEDED = { uri: "junctor.error.limit_exceeded", args: ["unreadLimit", unreadLimit] };

async function join(): Promise<{ session: Session; router: ScriptedRouter }> {
  const router = new ScriptedRouter();
  const joining = router.connect({ unreadLimit });
  await router.take(MessageType.Hello);
  router.welcome("call_canceling", "progressive_call_invocations");
  return { session: await joining, router };
}

function progress(router: ScriptedRouter, request: number, value: unknown): void {
  router.send({ type: MessageType.Result, request, details: { progress: true }, payload: Payload.of([value]) });
}

/** What a loop reads, and how it ends. */
async function readAll(chunks: AsyncIterable<Chunk>): Promise<[unknown[], unknown]> {
  const values: unknown[] = [];
  try {
    for await (const { value } of chunks) values.push(value);
    return [values, undefined];
  } catch (error) {
    return [values, error];
  }
}

describe("a stream of results that is not read", () => {
  test("is given up when too much waits: the router is told, and the loop reads what has come (RPC-CANCEL-01)", async () => {
    const { session, router } = await join();
    const stream = session.stream("com.flood");
    const { request } = await router.take(MessageType.Call);
    for (let i = 0; i < 20; i++) progress(router, request, i);
    expect(await router.take(MessageType.Cancel)).toMatchObject({ request, options: { mode: "killnowait" } });
    const [values, error] = await readAll(stream);
    expect(values).toEqual([0, 1, 2, 3, 4]);
    expect(error).toMatchObject(LIMIT_EXCEEDED);
    expect(await failure(stream.result)).toBe(error);
    const next = session.call("com.x"); // and the session lives
    router.result((await router.take(MessageType.Call)).request, ["fine"]);
    expect((await next).value).toBe("fine");
  });

  test("takes nothing more while the callee has its last word, also where there is room again (AMB-49)", async () => {
    const { session, router } = await join();
    const stream = session.stream("com.flood", [], {}, { cancelMode: "kill" });
    const { request } = await router.take(MessageType.Call);
    for (let i = 0; i < 6; i++) progress(router, request, i);
    expect(await router.take(MessageType.Cancel)).toMatchObject({ options: { mode: "kill" } });
    const loop = stream[Symbol.asyncIterator]();
    expect((await loop.next()).value?.value).toBe(0);
    for (let i = 6; i < 20; i++) progress(router, request, i);
    router.error(MessageType.Call, request, "wamp.error.canceled");
    const [values, error] = await readAll({ [Symbol.asyncIterator]: () => loop });
    expect([values, error]).toEqual([[1, 2, 3, 4], expect.objectContaining(LIMIT_EXCEEDED)]);
    expect(router.sent.all.filter(({ type }) => type === MessageType.Cancel).length).toBe(1);
  });

  test("has no end where the loop keeps up", async () => {
    const { session, router } = await join();
    const stream = session.stream("com.flood");
    const loop = stream[Symbol.asyncIterator]();
    const { request } = await router.take(MessageType.Call);
    for (let i = 0; i < 300; i += 3) {
      for (const value of [i, i + 1, i + 2]) progress(router, request, value);
      for (const value of [i, i + 1, i + 2]) expect((await loop.next()).value?.value).toBe(value);
    }
    router.result(request, ["last"]);
    expect((await stream.result).value).toBe("last");
  });
});

describe("chunks of a call that are not read", () => {
  async function invoked(handler: (invocation: Invocation) => unknown): Promise<ScriptedRouter> {
    const { session, router } = await join();
    const registering = session.register("com.sink", handler);
    const { request } = await router.take(MessageType.Register);
    router.send({ type: MessageType.Registered, request, registration: 7 });
    await registering;
    router.invoke(1, 7, [], { progress: true });
    return router;
  }

  test("are dropped when too many wait: the loop reads what has come, and its error is the call's", async () => {
    const isSent = new Inbox<true>();
    const seen = new Inbox<[unknown[], unknown]>();
    const router = await invoked(async ({ chunks }) => {
      await isSent.next();
      const [values, error] = await readAll(chunks);
      seen.push([values, error]);
      throw error;
    });
    for (let i = 0; i < 20; i++) router.invoke(1, 7, [i], { progress: true });
    router.invoke(1, 7, ["last"], NO_OPTIONS);
    isSent.push(true);
    expect(await seen.next()).toEqual([[0, 1, 2, 3, 4], expect.any(ApplicationError)]);
    expect(await router.take(MessageType.Error)).toMatchObject({
      request: 1,
      error: LIMIT_EXCEEDED.uri,
      payload: { args: LIMIT_EXCEEDED.args },
    });
  });

  test("trouble no handler that does not want them", async () => {
    const isSent = new Inbox<true>();
    const router = await invoked(async () => {
      await isSent.next();
      return "done";
    });
    for (let i = 0; i < 20; i++) router.invoke(1, 7, [i], { progress: true });
    isSent.push(true);
    expect(await router.take(MessageType.Yield)).toMatchObject({ request: 1, payload: { args: ["done"] } });
  });
});
