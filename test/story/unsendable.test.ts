// What is too long for the router, or has no form in the serializer, fails where it is sent, and the session lives (AMB-67, TRN-GEN-03).
import { HANDLER_FAILED, TransportError, Uri } from "@junctor/client";
import { connections, failure, startRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

const LIMIT = 64 << 10;
const long = "x".repeat(LIMIT);
const cycle: unknown[] = [];
cycle.push(cycle);

/** In memory nothing is serialised; the batched client is the testkit's own and knows no limit. */
const others = ["memory", "ws batched"];

describe.each(connections.filter(({ transport }) => !others.includes(transport)))("over $name", (connection) => {
  test("a call, a publication, a result, an error and a progressive result that are too long", async () => {
    await using router = await startRouter({ connection, limits: { messageSize: LIMIT } });
    const [caller, callee] = [await router.join(), await router.join()];
    await callee.register("com.long", async ({ args: [what], progress }) => {
      if (what === "throw") throw new Error(long);
      if (what === "progress") await progress?.([long]);
      return long;
    });
    await callee.register("com.short", ({ args }) => args[0]);
    expect(await failure(caller.call("com.short", [long]))).toBeInstanceOf(TransportError);
    expect(await failure(caller.publish("com.news", [long]))).toBeInstanceOf(TransportError);
    expect(await failure(caller.call("com.short", [], {}, { chunks: [long] }))).toBeInstanceOf(TransportError);
    expect(await failure(caller.call("com.long"))).toMatchObject({ uri: Uri.payloadSizeExceeded });
    expect(await failure(caller.call("com.long", ["throw"]))).toMatchObject({ uri: HANDLER_FAILED, args: [] });
    expect(await failure(caller.call("com.long", ["progress"], {}, { onProgress: () => {} }))).toMatchObject({ uri: HANDLER_FAILED });
    const nearly = "x".repeat(LIMIT - 200);
    expect((await caller.call("com.short", [nearly])).value).toBe(nearly);
  });

  test("a call, a publication and a result that cannot be serialised", async () => {
    await using router = await startRouter({ connection });
    const [caller, callee] = [await router.join(), await router.join()];
    await callee.register("com.cycle", () => cycle);
    await callee.register("com.echo", ({ args }) => args[0]);
    expect(await failure(caller.call("com.echo", [cycle]))).toMatchObject({ name: "SerializationError" });
    expect(await failure(caller.publish("com.news", [cycle]))).toMatchObject({ name: "SerializationError" });
    expect(await failure(caller.call("com.cycle"))).toMatchObject({ uri: HANDLER_FAILED });
    expect((await caller.call("com.echo", [1])).value).toBe(1);
  });
});
