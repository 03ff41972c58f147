// Calls whose arguments come in chunks (requirements 4.2).
import { MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import { realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

/** For each rule of request ids (AMB-22). */
const lenient = () => new TestRouter({ realms: [{ ...realmConfig("realm1"), requestIds: "lenient" }] });
function testBoth(sentence: string, body: (router: TestRouter) => void): void {
  test(`${sentence}, ids in order`, () => body(new TestRouter()));
  test(`${sentence}, ids in any order`, () => body(lenient()));
}
const inFlight = (router: TestRouter) => router.router.realm("realm1")?.counters.callsInFlight;

const chunk = (peer: TestPeer, request: number, procedure: string, args: readonly unknown[], options: object = NO_OPTIONS) =>
  peer.send({ type: MessageType.Call, request, options, procedure, payload: Payload.of(args) });
const streaming = (options: object = NO_OPTIONS, router = new TestRouter()) => {
  const [caller, callee] = [router.join(), router.join()];
  callee.register("com.x");
  const request = caller.call("com.x", [0], { progress: true, ...options });
  const invocation = callee.take(MessageType.Invocation);
  const more = (args: readonly unknown[], progress = true) => chunk(caller, request, "com.x", args, progress ? { progress } : NO_OPTIONS);
  return { router, caller, callee, request, invocation, more };
};

test("progressive_call_invocations: chunks reach the callee one by one under one id (RPC-PCI-01, RPC-PCI-03, RPC-PCI-06)", () => {
  const { caller, callee, request, invocation, more } = streaming();
  more([1]);
  more([2], false);
  expect([invocation.details, invocation.payload.args]).toEqual([{ progress: true }, [0]]);
  for (const [args, details] of [
    [[1], { progress: true }],
    [[2], {}],
  ])
    expect(callee.take(MessageType.Invocation)).toMatchObject({
      request: invocation.request,
      registration: invocation.registration,
      details,
      payload: { args },
    });
  callee.yield(invocation.request, ["done"]);
  expect(caller.take(MessageType.Result)).toMatchObject({ request, details: {} });
  expect([caller.inbox, callee.inbox]).toEqual([[], []]);
});
testBoth(
  "progressive_call_invocations: and results pass both ways at once; the callee may end first (RPC-PCI-15, RPC-PCI-09)",
  (router) => {
    const { caller, callee, request, invocation, more } = streaming({ receive_progress: true }, router);
    callee.yield(invocation.request, ["a"], { progress: true });
    more([1]);
    callee.yield(invocation.request, ["b"], { progress: true });
    expect(callee.take(MessageType.Invocation).details).toEqual({ receive_progress: true, progress: true });
    callee.yield(invocation.request, ["end"]);
    more([2]); // sent before the caller could know
    more([3], false);
    expect(caller.inbox).toMatchObject([{ details: { progress: true } }, { details: { progress: true } }, { request, details: {} }]);
    expect([callee.inbox, caller.closed]).toEqual([[], undefined]);
  },
);
test("progressive_call_invocations: the options of the first chunk hold for all, and no later one counts (RPC-PCI-13, RPC-PCI-14)", () => {
  const { router, caller, callee, invocation, request } = streaming({ disclose_me: true, timeout: 1_000, ppt_scheme: "x_custom" });
  const { progress, ...frozen } = invocation.details;
  expect([progress, frozen]).toEqual([true, expect.objectContaining({ caller: caller.session, ppt_scheme: "x_custom" })]);
  chunk(caller, request, "com.x", [1], { progress: true, timeout: 1, receive_progress: true, disclose_me: false });
  chunk(caller, request, "com.x", [2], { ppt_scheme: "x_other" });
  expect(callee.take(MessageType.Invocation).details).toEqual({ ...frozen, progress: true });
  expect(callee.take(MessageType.Invocation).details).toEqual(frozen);
  router.clock.advance(999); // [AMB-57] not restarted by chunks either
  expect(caller.inbox).toEqual([]);
  router.clock.advance(1);
  expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
});
test("progressive_call_invocations: an id belongs to a new request, to a stream, or to the past (RPC-PCI-11, ID-09, AMB-62 h, j)", () => {
  const { caller, callee, request, invocation, more } = streaming();
  caller.subscribe("com.t");
  caller.publish("com.t");
  caller.call("com.x", ["other"]);
  more([1], false);
  expect(callee.inbox.map((message) => "payload" in message && message.payload.args)).toEqual([["other"], [1]]);
  callee.yield(invocation.request);
  more([2]);
  chunk(caller, request + 1, "com.x", ["the id of the SUBSCRIBE"]);
  expect([callee.inbox.length, caller.closed]).toEqual([2, undefined]);
  chunk(caller, caller.request + 2, "com.x", ["a gap"]);
  expect(caller.closed).toBe("protocol_violation.request_id");
});
test("progressive_call_invocations: where ids come in any order, those of streams that ended early are known (AMB-22, RPC-PCI-09)", () => {
  const router = lenient();
  const { caller, callee, request, invocation, more } = streaming(NO_OPTIONS, router);
  caller.request = 1_000;
  const whole = caller.call("com.x", ["a"], { progress: true });
  chunk(caller, whole, "com.x", ["b"]);
  callee.yield(invocation.request);
  callee.inbox.splice(0);
  more([1]);
  expect([callee.inbox, router.session(caller).endedStreams]).toEqual([[], new Set([request])]);
  more([2], false); // the last that can come of it
  expect(callee.inbox).toEqual([]);
  callee.yield(invocation.request + 1); // the other one had all its chunks
  expect(router.session(caller).endedStreams.size).toBe(0);
  chunk(caller, 500, "com.x", ["new"]);
  expect([callee.inbox.length, caller.closed]).toEqual([1, undefined]);
  chunk(caller, 500, "com.x", ["in use"]);
  expect(caller.closed).toBe("protocol_violation.request_id");
});
test("progressive_call_invocations: no more such ids are kept than a session may have calls (AMB-135)", () => {
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), requestIds: "lenient" }], limits: { callsPerSession: 2 } });
  const caller = router.join();
  for (let i = 0; i < 5; i++) caller.call("com.nobody", [], { progress: true });
  expect([...router.session(caller).endedStreams]).toEqual([4, 5]);
});
test("progressive_call_invocations: what is no chunk breaks the protocol: behind the final one, or of a plain call (AMB-62 d, e)", () => {
  const { caller, more } = streaming();
  more([1], false);
  more([2]);
  expect(caller.closed).toMatch(/^protocol_violation/);
  const other = streaming();
  const plain = other.caller.call("com.x");
  chunk(other.caller, plain, "com.x", [1], { progress: true });
  expect(other.caller.closed).toMatch(/^protocol_violation/);
  const local = streaming();
  local.router.dealer().provide("wamp.test.never", () => {});
  chunk(local.caller, local.caller.call("wamp.test.never"), "wamp.test.never", [1]);
  expect(local.caller.closed).toMatch(/^protocol_violation/);
});
testBoth("progressive_call_invocations: chunks for another procedure, or after CANCEL, are dropped (AMB-62 c, g)", (router) => {
  const { caller, callee, request, invocation, more } = streaming(NO_OPTIONS, router);
  chunk(caller, request, "com.y", [1]);
  caller.send({ type: MessageType.Cancel, request, options: { mode: "kill" } });
  more([2]);
  more([3], false);
  expect(callee.inbox).toMatchObject([{ type: MessageType.Interrupt }]);
  callee.yield(invocation.request);
  caller.take(MessageType.Result);
  more([4]);
  expect([caller.inbox, caller.closed]).toEqual([[], undefined]);
});
testBoth("progressive_call_invocations: chunks of a call that was refused are dropped (AMB-62 b)", (router) => {
  const caller = router.join();
  const request = caller.call("com.x", [0], { progress: true });
  expect(caller.take(MessageType.Error).error).toBe(Uri.noSuchProcedure);
  chunk(caller, request, "com.x", [1], { progress: true });
  chunk(caller, request, "com.x", [2]);
  expect([caller.inbox, caller.closed]).toEqual([[], undefined]);
});
test("progressive_call_invocations: a caller that did not announce them has broken the protocol (RPC-PCI-04, AMB-10, ID-08)", () => {
  const router = new TestRouter();
  router.join().register("com.x");
  const caller = router.join({ caller: {} });
  caller.call("com.x", [], { progress: true });
  expect(caller.take(MessageType.Abort).reason).toBe(Uri.protocolViolation);
  const strict = router.join({ caller: {} });
  chunk(strict, strict.call("com.x"), "com.x", []);
  expect(strict.closed).toBe("protocol_violation.request_id");
});
test("progressive_call_invocations: a callee without them, or without canceling, gets nothing (RPC-PCI-02, RPC-PCI-05)", () => {
  for (const callee of [{ call_canceling: true }, { progressive_call_invocations: true }]) {
    const router = new TestRouter();
    const [caller, target] = [router.join(), router.join({ callee: { features: callee } })];
    target.register("com.x");
    const request = caller.call("com.x", [], { progress: true });
    expect(caller.take(MessageType.Error)).toMatchObject({ request, error: Uri.featureNotSupported });
    expect([target.inbox, inFlight(router)]).toEqual([[], 0]);
  }
  const router = new TestRouter();
  const [caller, target] = [
    router.join(),
    router.join({ callee: { features: { call_cancelling: true, progressive_call_invocations: true } } }),
  ];
  target.register("com.x");
  caller.call("com.x", [], { progress: true });
  target.take(MessageType.Invocation); // [AMB-62 a] either spelling
});
test("progressive_call_invocations: the policy picks among those who can, and all chunks go to that one (RPC-PCI-07, AMB-63)", () => {
  const router = new TestRouter();
  const [caller, a, poor, b] = [router.join(), router.join(), router.join({ callee: {} }), router.join()];
  for (const callee of [a, poor, b]) callee.register("com.x", { invoke: "roundrobin" });
  const requests = [1, 2, 3].map((number) => caller.call("com.x", [number], { progress: true }));
  for (const request of requests) chunk(caller, request, "com.x", [request], { progress: true });
  const received = (callee: TestPeer) => callee.inbox.map((message) => "payload" in message && message.payload.args?.[0]);
  expect([a, poor, b].map(received)).toEqual([[1, 3, 1, 3], [], [2, 2]]);
});
test("progressive_call_invocations: whoever leaves ends it for the other (RPC-PCI-08)", () => {
  const first = streaming();
  first.caller.close("transport.lost");
  expect(first.callee.take(MessageType.Interrupt).options.mode).toBe("killnowait");
  const second = streaming();
  second.callee.close("transport.lost");
  expect(second.caller.take(MessageType.Error).error).toBe(Uri.canceled);
  second.more([1]);
  expect([second.caller.inbox, second.caller.closed]).toEqual([[], undefined]);
});
test("progressive_call_invocations: a callee that has unregistered gets the rest of what it has begun (AMB-44)", () => {
  const { caller, callee, invocation, more } = streaming();
  callee.send({ type: MessageType.Unregister, request: ++callee.request, registration: invocation.registration });
  callee.take(MessageType.Unregistered);
  more([1], false);
  expect(callee.take(MessageType.Invocation).payload.args).toEqual([1]);
  callee.yield(invocation.request);
  caller.take(MessageType.Result);
});
test("progressive_call_invocations: a chunk that the callee cannot take ends the call on both sides (AMB-67)", () => {
  const { caller, callee, more } = streaming();
  callee.outcome = "too-large";
  more([1]);
  expect(caller.take(MessageType.Error).error).toBe(Uri.payloadSizeExceeded);
  expect(callee.take(MessageType.Interrupt).options.mode).toBe("killnowait");
  more([2], false);
  expect([caller.inbox, callee.inbox, caller.closed]).toEqual([[], [], undefined]);
});
