// A callee that streams more than its caller reads: the call ends, and no session does (T33). Over real sockets, whose kernel
// takes megabytes before anything shows.
import { startRouter, WirePeer } from "@junctor/testkit";
import { expect, test } from "vitest";

const QUEUE_HARD = 1 << 20;
const PART = "x".repeat(32 << 10);

test("a callee that floods its caller with progressive results is interrupted, the caller is told, and both sessions live (T33, G5)", async () => {
  const limits = { queueHard: QUEUE_HARD, queueSoft: QUEUE_HARD / 2 };
  await using router = await startRouter({ connection: { name: "tcp json", transport: "tcp", serializer: "json" }, limits });
  await using caller = await WirePeer.join(router.listener.address);
  const [connection] = router.listener.connections;
  let most = 0;
  let sent = 0;
  const callee = await router.join();
  const interrupted = new Promise<unknown>((resolve) => {
    void callee.register("com.flood", async ({ progress, signal }) => {
      while (!signal.aborted) {
        void progress?.([sent++, PART]); // without waiting for room
        most = Math.max(most, connection?.queued ?? 0);
        await new Promise((next) => setImmediate(next));
      }
      resolve(signal.reason);
    });
  });
  await callee.register("com.fine", () => "fine");
  caller.send([48, caller.request, { receive_progress: true }, "com.flood"]);
  await caller.receive();
  caller.socket.pause();
  expect(await interrupted).toMatchObject({ uri: "wamp.error.canceled" });
  expect(most).toBeLessThanOrEqual(QUEUE_HARD);

  caller.socket.resume();
  for (let part = 1; ; part++) {
    const message = await caller.receive();
    if (message[0] === 50)
      expect((message[3] as unknown[])[0]).toBe(part); // none is missing before the end
    else {
      expect(message.slice(0, 5)).toEqual([8, 48, 1, {}, "wamp.error.canceled"]);
      break;
    }
  }
  caller.send([48, caller.request, {}, "com.fine"]);
  expect(await caller.receive()).toEqual([50, 2, {}, ["fine"]]);
});
