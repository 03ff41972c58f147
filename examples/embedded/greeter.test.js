// Twenty lines start a router in a test: no port, no waiting, and with an injected clock and randomness the same every time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, TimeoutError } from "@junctor/client";
import { anonymous, Router } from "@junctor/router";
import { manualClock } from "./clock.js";
import { greeter } from "./greeter.js";

function startRouter() {
  const clock = manualClock();
  let seed = 1;
  const randomFill = (bytes) => {
    for (let i = 0; i < bytes.length; i++) {
      seed = (seed * 16807) % 2147483647;
      bytes[i] = seed >> 8;
    }
  };
  const router = new Router({ clock, randomFill });
  clock.wake = () => router.wake();
  const everything = { call: true, register: true, publish: true, subscribe: true };
  router.addRealm({
    name: "test",
    authenticate: anonymous("tester"),
    roles: [{ name: "tester", permissions: [{ uri: "", match: "prefix", allow: everything }] }],
  });
  return { clock, router, join: () => connect({ dial: router.dial(), realm: "test", timers: clock }) };
}

test("the greeter greets, and says so", async () => {
  const { join } = startRouter();
  const [service, guest] = [await join(), await join()];
  await greeter(service);
  const heard = [];
  await guest.subscribe("com.example.greeted", ({ args }) => heard.push(...args));

  assert.equal((await guest.call("com.example.greet", ["Ada"])).value, "Hello, Ada!");
  assert.deepEqual(heard, ["Ada"]); // the event was sent before the answer, and arrives before it
});

test("a call that nobody answers times out, and no time passes", async () => {
  const { clock, join } = startRouter();
  const [service, guest] = [await join(), await join()];
  await service.register("com.example.ponder", () => new Promise(() => {}));

  const call = guest.call("com.example.ponder", [], {}, { timeout: 3_600_000 });
  clock.advance(3_600_000);
  await assert.rejects(call, TimeoutError);
});

test("ids repeat", async () => {
  const ids = [await startRouter().join(), await startRouter().join()].map(({ id }) => id);
  assert.equal(ids[0], ids[1]);
});
