// A drain empties a server evenly, breaks no call that ends in time, and can be taken back (issue 6, F25).
import { MessageType, Uri } from "@junctor/protocol";
import { ALL_ROLES, realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";
import { Drain } from "./drain.ts";
import type { LogEvent } from "./log.ts";

function draining(sessions: number) {
  const router = new TestRouter({ realms: [realmConfig("realm1"), realmConfig("junctor")] });
  const peers = Array.from({ length: sessions }, () => router.join());
  const log: LogEvent[] = [];
  const state = { isOver: false };
  const drain = new Drain({
    router: router.router,
    now: () => router.clock.now(),
    timers: router.clock,
    log: (event) => log.push(event),
    drained: () => {
      state.isOver = true;
    },
  });
  return { router, peers, log, drain, state };
}

const here = (peers: readonly TestPeer[]) => peers.filter(({ inbox }) => !inbox.some(({ type }) => type === MessageType.Goodbye)).length;

test("sessions leave evenly over the window, each with a reason and a time to come back at", () => {
  const { router, peers, drain, state, log } = draining(100);
  drain.begin(10_000);
  const left: number[] = [];
  for (let second = 1; second <= 10; second++) {
    expect(state.isOver).toBe(false);
    const before = here(peers);
    router.clock.advance(1_000);
    left.push(before - here(peers));
  }
  for (const count of left) expect(count).toBeGreaterThanOrEqual(8);
  for (const count of left) expect(count).toBeLessThanOrEqual(12);
  expect([here(peers), state.isOver]).toEqual([0, true]);
  const goodbyes = peers.map((peer) => peer.take(MessageType.Goodbye));
  for (const { reason, details } of goodbyes) {
    expect(reason).toBe(Uri.systemShutdown);
    expect(details).toMatchObject({ retry: true, retry_after_ms: expect.any(Number), message: expect.stringContaining("shut down") });
  }
  expect(log).toMatchObject([{ event: "server.draining", sessions: 100, overMs: 10_000 }]);
});

test("nobody joins meanwhile but those who administer", () => {
  const { router, drain } = draining(1);
  drain.begin(5_000);
  const late = router.attach();
  late.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } });
  expect(late.take(MessageType.Abort)).toMatchObject({ reason: Uri.systemShutdown, details: { retry: true, retry_after_ms: 6_000 } });
  router.join(ALL_ROLES, "junctor");
  router.join(ALL_ROLES, "realm1", true);
  expect(drain.status).toEqual({ isDraining: true, sessions: 1, leftMs: 5_000 });
});

test("a call in flight is finished, also after the window; both ends leave then", () => {
  const { router, peers, drain, state } = draining(5);
  const [caller, callee] = peers as [TestPeer, TestPeer];
  callee.register("com.p");
  caller.call("com.p");
  const { request } = callee.take(MessageType.Invocation);
  drain.begin(1_000);
  router.clock.advance(3_000);
  expect([here(peers), here([caller, callee]), state.isOver]).toEqual([2, 2, false]);
  callee.yield(request, ["done"]);
  expect(caller.take(MessageType.Result).payload.args).toEqual(["done"]);
  router.clock.advance(500);
  expect([here(peers), state.isOver]).toEqual([0, true]);
});

test("a call that never ends does not keep the server", () => {
  const { router, peers, drain, state } = draining(2);
  const [caller, callee] = peers as [TestPeer, TestPeer];
  callee.register("com.p");
  caller.call("com.p");
  drain.begin(1_000);
  router.clock.advance(12_000);
  expect([here(peers), state.isOver]).toEqual([0, true]);
});

test("who offers procedures leaves after those who may call them", () => {
  const { router, peers, drain } = draining(10);
  for (const [i, peer] of peers.slice(0, 5).entries()) peer.register(`com.p${i}`);
  drain.begin(10_000);
  router.clock.advance(5_000);
  expect([here(peers.slice(0, 5)), here(peers.slice(5))]).toEqual([5, 0]);
});

test("it can be taken back until it is over, and not after that", () => {
  const { router, peers, drain, state, log } = draining(10);
  drain.begin(10_000);
  router.clock.advance(5_000);
  expect(drain.undo()).toBe(true);
  const stay = here(peers);
  router.clock.advance(60_000);
  expect([here(peers), stay, state.isOver, drain.status]).toEqual([5, 5, false, { isDraining: false, sessions: 0, leftMs: 0 }]);
  router.join();
  drain.begin(1_000);
  router.clock.advance(2_000);
  expect([state.isOver, drain.undo()]).toEqual([true, false]);
  expect(log.map(({ event }) => event)).toEqual(["server.draining", "server.undrained", "server.draining"]);
});

test("a server without sessions is drained when its window is over", () => {
  const { router, drain, state } = draining(0);
  drain.begin(0);
  expect(state.isOver).toBe(true);
  router.clock.advance(1);
});
