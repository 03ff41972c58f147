// Who sends as much as it can is held up itself, and nobody else is (G6, F10, T26). Told in counts of messages: no clock is
// looked at.
import { once } from "node:events";
import { FrameType } from "@junctor/protocol";
import { ALLOW_ALL, frameOf, realmConfig, type StoryRouter, startRouter, WirePeer } from "@junctor/testkit";
import { expect, test } from "vitest";

const publication = (request: number, payload: string) =>
  frameOf(FrameType.Message, Buffer.from(JSON.stringify([16, request, {}, "flood", [payload]])));
const publications = (count: number, size: number) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => publication(i + 1, "x".repeat(size))));

/** How many messages of a peer the router has looked at. */
function heardOf({ router }: StoryRouter, peers: number): () => number {
  const sessions = [...(router.realm("realm1")?.sessions.values() ?? [])];
  const session = sessions[peers];
  if (session === undefined) throw new Error("there is no such session");
  return () => session.received;
}

test("a session over its rate is not read: what is refused is one message at a tick, and nobody else notices", async () => {
  const limits = { messageRate: { perSecond: 10, burst: 20 } };
  let joined = 0;
  await using router = await startRouter({
    realms: [
      {
        ...realmConfig("realm1"),
        roles: [
          { name: "guest", permissions: [ALLOW_ALL], limits },
          { name: "staff", permissions: [ALLOW_ALL] },
        ],
        authenticate: (_, answer) =>
          answer({ kind: "welcome", authid: "x", authrole: joined++ === 0 ? "guest" : "staff", authmethod: "test", authprovider: "test" }),
      },
    ],
  });
  await using flooder = await WirePeer.join(router.listener.address);
  const heard = heardOf(router, 0);
  await using honest = await router.join();
  flooder.socket.write(publications(40_000, 400)); // more than kernels keep
  const accepted = () => router.router.realm("realm1")?.counters.publications;
  for (let second = 0; second <= 5; second++) {
    if (second > 0) router.advance(1_000);
    for (let i = 0; i < 20; i++) await honest.call("wamp.session.count");
    expect(accepted()).toBe(20 + 10 * second);
    expect(heard() - (accepted() ?? 0)).toBeLessThan(50); // at ticks of real time, too
  }
  expect(flooder.socket.writableLength).toBeGreaterThan(0); // TCP pushes back
  expect(flooder.socket.destroyed).toBe(false); // nor does its silence end it
});

test("a session that has no rate is heard a little at a time: an answer to somebody else is there long before its flood is heard", async () => {
  await using router = await startRouter();
  await using flooder = await WirePeer.join(router.listener.address);
  const heard = heardOf(router, 0);
  await using honest = await router.join();
  await honest.call("wamp.session.count");
  const size = 16 << 10;
  const count = 1_024; // 16 MiB
  flooder.socket.write(publications(count, size - 100));
  await once(flooder.socket, "drain");
  const before = heard();
  await honest.call("wamp.session.count");
  expect(heard() - before).toBeLessThan(count / 8);
});

test("nor does it wait for what somebody else's flood is multiplied by", async () => {
  await using router = await startRouter();
  await using flooder = await WirePeer.join(router.listener.address);
  await using honest = await router.join();
  const subscribers = await Promise.all(Array.from({ length: 64 }, () => WirePeer.join(router.listener.address)));
  for (const subscriber of subscribers) await subscriber.subscribe("flood");
  const counters = router.router.realm("realm1")?.counters;
  const count = 1_500;
  flooder.socket.write(publications(count, 1)); // one chunk
  while (counters?.publications === 0) await new Promise((resolve) => setImmediate(resolve));
  await honest.call("wamp.session.count");
  expect(counters?.publications).toBeLessThan(count);
  for (const subscriber of subscribers) await subscriber.frames.count(count + 1);
  await Promise.all(subscribers.map((subscriber) => subscriber[Symbol.asyncDispose]()));
});
