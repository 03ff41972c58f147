// Calls that send and receive piece by piece, told over every transport and serializer (requirements 4.1, 4.2).
import { Chunk, Result } from "@junctor/client";
import { connections, startRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

describe.each(connections)("over $name", (connection) => {
  test("a call sends chunks while it receives progressive results, to the last of each (RPC-PCI-03, RPC-PCI-06, RPC-PCI-15)", async () => {
    await using router = await startRouter({ connection });
    const [caller, callee] = [await router.join(), await router.join()];
    await callee.register("text.upper", async function* ({ args: [greeting], chunks }) {
      yield `${greeting}!`;
      let count = 0;
      for await (const { value, kwargs } of chunks) {
        count++;
        yield new Chunk([String(value).toUpperCase()], kwargs);
      }
      return new Result([count], { done: true });
    });
    async function* words() {
      yield "one";
      yield new Chunk(["two"], { of: "three" });
      return "three"; // what a generator returns is its last chunk
    }
    const stream = caller.stream("text.upper", ["hello"], {}, { chunks: words() });
    const heard: unknown[] = [];
    for await (const { args, kwargs } of stream) heard.push([...args, kwargs]);
    expect(heard).toEqual([
      ["hello!", {}],
      ["ONE", {}],
      ["TWO", { of: "three" }],
      ["THREE", {}],
    ]);
    expect(await stream.result).toEqual(new Result([3], { done: true }));
  });
});
