// What programs without types get wrong is refused before it is sent: a router would end the session over it (MSG-06, MSG-07, PERR-07).
import { type Session, TimeoutError } from "@junctor/client";
import { MessageType, Payload } from "@junctor/protocol";
import { failure, ScriptedRouter } from "@junctor/testkit";
import { describe, expect, test, vi } from "vitest";

type Untyped = Record<"call" | "publish" | "subscribe" | "register", (...values: unknown[]) => Promise<unknown>>;
const nothing = () => {};

describe("rejected with a TypeError, and nothing is sent:", () => {
  test.each<[string, (session: Untyped) => Promise<unknown>, string]>([
    ["args that are text", (session) => session.call("com.x", "abc"), "args must be a list"],
    ["args that are a dict", (session) => session.publish("com.x", { a: 1 }), "args must be a list"],
    ["args that are null", (session) => session.call("com.x", null), "args must be a list"],
    ["kwargs that are a list", (session) => session.call("com.x", [], [1]), "kwargs must be an object"],
    ["kwargs that are text", (session) => session.publish("com.x", [], "abc"), "kwargs must be an object"],
    ["no procedure", (session) => session.call(undefined), "CALL: the procedure must be a string"],
    ["no topic", (session) => session.publish(undefined), "PUBLISH: the topic must be a string"],
    ["a topic that is a number", (session) => session.subscribe(12, nothing), "SUBSCRIBE: the topic must be a string"],
    ["a procedure that is a number", (session) => session.register(12, nothing), "REGISTER: the procedure must be a string"],
    ["concurrency 0", (session) => session.register("com.x", nothing, { concurrency: 0 }), '"concurrency" must be an integer of 1 or more'],
    ["an unknown policy", (session) => session.register("com.x", nothing, { invoke: "bogus" }), '"invoke" must be one of single, '],
    ["an unknown match", (session) => session.subscribe("com.x", nothing, { match: "bogus" }), '"match" must be one of exact, '],
    ["an unknown cancel mode", (session) => session.call("com.x", [], {}, { cancelMode: "bogus" }), '"mode" must be one of skip, '],
    ["an id that is none", (session) => session.publish("com.x", [], {}, { exclude: [1.5] }), '"exclude" must be a list of ids'],
    ["a timeout that is no number", (session) => session.call("com.x", [], {}, { timeout: Number.NaN }), "timeout must be a number"],
    ["a timeout that is text", (session) => session.subscribe("com.x", nothing, { timeout: "5" }), "timeout must be a number"],
  ])("%s", async (_what, request, text) => {
    const { session, router } = await ScriptedRouter.join("call_canceling", "call_timeout");
    const error = await failure(request(session as unknown as Untyped));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: expect.stringContaining(text) });
    const calling = session.call("com.fine");
    expect(await router.take(MessageType.Call)).toMatchObject({ request: 1, procedure: "com.fine" });
    router.result(1);
    await calling;
  });
});

test("a timeout of connect must be a number", async () => {
  expect(await failure(new ScriptedRouter().connect({ timeout: Number.NaN }))).toBeInstanceOf(TypeError);
});

test("an infinite timeout is never over, and no router is told of it (RPC-TMO-01)", async () => {
  const { session, router } = await ScriptedRouter.join("call_timeout");
  const calling = session.call("com.x", [], {}, { timeout: Number.POSITIVE_INFINITY });
  const { options } = await router.take(MessageType.Call);
  expect(options).not.toHaveProperty("timeout");
  router.clock.advance(1_000_000);
  router.result(1, ["late"]);
  expect((await calling).value).toBe("late");
  const other = session.call("com.x", [], {}, { timeout: 5 });
  router.clock.advance(5);
  expect(await failure(other)).toBeInstanceOf(TimeoutError);
});

describe("what an application's functions throw stays with them:", () => {
  test("an async onProgress that fails gives its call up with that error", async () => {
    const { session, router } = await ScriptedRouter.join("call_canceling");
    const trouble = new Error("no room");
    const onProgress = async () => {
      throw trouble;
    };
    const calling = failure(session.call("com.x", [], {}, { onProgress }));
    await router.take(MessageType.Call);
    router.send(part(1));
    expect(await calling).toBe(trouble);
    await router.take(MessageType.Cancel);
  });

  test.each<[string, () => void]>([
    ["at once", thrower],
    ["later", async () => thrower()],
  ])("an onHandlerError that fails %s is told to the console, and the session goes on", async (_when, onHandlerError) => {
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    const router = new ScriptedRouter();
    const joining = router.connect({ onHandlerError });
    await router.take(MessageType.Hello);
    router.welcome();
    const session = await joining;
    await subscribed(session, router);
    router.event(7);
    const calling = session.call("com.x");
    await router.take(MessageType.Call);
    router.result(2, ["fine"]);
    expect((await calling).value).toBe("fine");
    expect(said).toHaveBeenCalledWith(expect.stringContaining("com.t"), expect.objectContaining({ message: "thrown" }));
    said.mockRestore();
  });
});

function thrower(): never {
  throw new Error("thrown");
}

function part(request: number) {
  return { type: MessageType.Result, request, details: { progress: true }, payload: Payload.EMPTY } as const;
}

async function subscribed(session: Session, router: ScriptedRouter): Promise<void> {
  const subscribing = session.subscribe("com.t", thrower);
  await router.take(MessageType.Subscribe);
  router.send({ type: MessageType.Subscribed, request: 1, subscription: 7 });
  await subscribing;
}
