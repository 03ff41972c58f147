// What a handler may throw or return, and what its caller is told: an answer, always, and the callee's session lives (requirements 4.1, callee side).
import { ApplicationError, HANDLER_FAILED, Result } from "@junctor/client";
import { failure, startRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

/** As a program without types would: what the compiler rejects. */
const untyped = ApplicationError as unknown as new (uri?: unknown, args?: unknown, kwargs?: unknown) => ApplicationError;
const untypedResult = Result as unknown as new (args?: unknown, kwargs?: unknown) => Result;
const trap = {
  get value(): never {
    throw new Error("the getter threw");
  },
};
function thrown(error: unknown): () => never {
  return () => {
    throw error;
  };
}

test.each<[string, () => unknown, string, unknown]>([
  ["an error URI with white space", thrown(new ApplicationError("com.shop.no x")), HANDLER_FAILED, [expect.stringContaining("no URI")]],
  ["an empty error URI", thrown(new ApplicationError("")), HANDLER_FAILED, [expect.stringContaining("no URI")]],
  ["no error URI", thrown(new untyped()), HANDLER_FAILED, [expect.stringContaining("no URI")]],
  ["args that are no list", thrown(new untyped("com.err", "text")), HANDLER_FAILED, [expect.stringContaining("args must be a list")]],
  [
    "kwargs that are a list",
    thrown(new untyped("com.err", [], [1])),
    HANDLER_FAILED,
    [expect.stringContaining("kwargs must be an object")],
  ],
  ["args whose getter throws", thrown(new ApplicationError("com.err", [trap])), "com.err", []],
  ["an object without a text", thrown(Object.create(null)), HANDLER_FAILED, [expect.any(String)]],
  ["nothing", thrown(undefined), HANDLER_FAILED, ["undefined"]],
  ["a result whose args are no list", () => new untypedResult("abc"), HANDLER_FAILED, [expect.stringContaining("args must be a list")]],
  ["a result whose kwargs are none", () => new untypedResult([], 7), HANDLER_FAILED, [expect.stringContaining("kwargs must be an object")]],
  ["a result whose getter throws", () => trap, HANDLER_FAILED, [expect.stringContaining("no form")]],
])("a handler that answers with %s fails its call, not its session (AMB-18, MSG-07, PERR-01)", async (_what, handler, uri, args) => {
  await using router = await startRouter({ connection: { name: "tcp json", transport: "tcp", serializer: "json" } });
  const [caller, callee] = [await router.join(), await router.join()];
  await callee.register("com.bad", handler);
  await callee.register("com.good", () => "fine");
  expect(await failure(caller.call("com.bad"))).toMatchObject({ uri, args });
  expect((await caller.call("com.good")).value).toBe("fine");
});
