// Calls that a callee refuses, and that go to another one (requirements 4.5; AMB-64).
import { JsonSerializer, MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import { ALL_ROLES, realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

const rerouting = (limits = {}) => new TestRouter({ realms: [{ ...realmConfig("realm1"), calls: { reroute: true } }], limits });
const refuse = (callee: TestPeer, request: number) =>
  callee.send({
    type: MessageType.Error,
    requestType: MessageType.Invocation,
    request,
    details: NO_OPTIONS,
    error: Uri.unavailable,
    payload: Payload.EMPTY,
  });
/** Three callees, and a call. */
function setup(invoke: string, options: object = NO_OPTIONS, router = rerouting()) {
  const caller = router.join();
  const callees = [router.join(), router.join(), router.join()];
  for (const callee of callees) callee.register("com.x", { invoke });
  const request = caller.call("com.x", ["hello"], options);
  /** The callee that has the call, by its number; it refuses. */
  const refuseNext = () => {
    const at = callees.findIndex((callee) => callee.inbox.some(({ type }) => type === MessageType.Invocation));
    const callee = callees[at];
    if (callee === undefined) return undefined;
    const { request, payload } = callee.take(MessageType.Invocation);
    expect(payload.args).toEqual(["hello"]);
    refuse(callee, request);
    return at;
  };
  return { router, caller, callees, request, refuseNext };
}
const counters = (router: TestRouter) => router.router.realm("realm1")?.counters;

test("call_reroute: each callee is asked once, in the order of the policy, and the caller notices nothing (RPC-REROUTE-01 to RPC-REROUTE-03)", () => {
  for (const [invoke, order] of [
    ["first", [0, 1, 2]],
    ["last", [2, 1, 0]],
    ["roundrobin", [0, 1, 2]],
    ["random", [1, 2, 0]], // the test's random number is 0.5
  ] as const) {
    const { router, caller, request, refuseNext } = setup(invoke);
    expect([refuseNext(), refuseNext()]).toEqual(order.slice(0, 2));
    expect(caller.inbox).toEqual([]);
    expect(refuseNext()).toBe(order[2]);
    expect(caller.take(MessageType.Error)).toMatchObject({ request, error: Uri.noAvailableCallee });
    expect([refuseNext(), caller.inbox]).toEqual([undefined, []]);
    expect(counters(router)).toMatchObject({ callsInFlight: 0, heldCallBytes: 0, callsRerouted: 3 });
  }
});
test("call_reroute: the pointer of round robin moves past those who refused (AMB-64)", () => {
  const { caller, callees, refuseNext } = setup("roundrobin");
  refuseNext();
  callees[1]?.take(MessageType.Invocation);
  caller.call("com.x", ["next"]);
  expect(callees[2]?.take(MessageType.Invocation).payload.args).toEqual(["next"]);
});
test("call_reroute: the only callee of a single registration leaves none (RPC-REROUTE-02)", () => {
  const router = rerouting();
  const [caller, callee] = [router.join(), router.join()];
  callee.register("com.x");
  caller.call("com.x");
  refuse(callee, callee.take(MessageType.Invocation).request);
  expect(caller.take(MessageType.Error).error).toBe(Uri.noAvailableCallee);
});
test("call_reroute: without the realm, or the callee, the error is one like any other (RPC-REROUTE-04, AMB-64)", () => {
  const { caller, refuseNext } = setup("first", NO_OPTIONS, new TestRouter());
  refuseNext();
  expect(caller.take(MessageType.Error).error).toBe(Uri.unavailable);
  const router = rerouting();
  const [other, poor] = [router.join(), router.join({ ...ALL_ROLES, callee: {} })];
  poor.register("com.x", { invoke: "first" });
  router.join().register("com.x", { invoke: "first" });
  other.call("com.x");
  refuse(poor, poor.take(MessageType.Invocation).request);
  expect(other.take(MessageType.Error).error).toBe(Uri.unavailable);
});
test("call_reroute: not after a progressive result, nor after CANCEL, nor after a second chunk (AMB-64)", () => {
  const progressed = setup("first", { receive_progress: true });
  const [first] = progressed.callees;
  first?.yield(1, [], { progress: true });
  progressed.caller.take(MessageType.Result);
  progressed.refuseNext();
  expect(progressed.caller.take(MessageType.Error).error).toBe(Uri.noAvailableCallee);

  const killed = setup("first");
  killed.caller.send({ type: MessageType.Cancel, request: killed.request, options: { mode: "kill" } });
  killed.refuseNext();
  expect(killed.caller.take(MessageType.Error).error).toBe(Uri.noAvailableCallee);

  const streamed = setup("first", { progress: true });
  const chunk = (options: object) =>
    streamed.caller.send({ type: MessageType.Call, request: streamed.request, options, procedure: "com.x", payload: Payload.of([2]) });
  streamed.refuseNext(); // after the first chunk: goes on
  chunk({ progress: true });
  streamed.refuseNext();
  expect(streamed.caller.take(MessageType.Error).error).toBe(Uri.noAvailableCallee);
});
test("call_reroute: the time-out is that of the call, not of each try (AMB-64)", () => {
  const { router, caller, refuseNext } = setup("first", { timeout: 100 });
  router.clock.advance(60);
  refuseNext();
  router.clock.advance(39);
  expect(caller.inbox).toEqual([]);
  router.clock.advance(1);
  expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
});
test("call_reroute: a callee that leaves has not refused: its calls end (AMB-41)", () => {
  const { caller, callees, refuseNext } = setup("first");
  refuseNext();
  callees[1]?.close("transport.lost");
  expect(caller.take(MessageType.Error).error).toBe(Uri.canceled);
  expect(callees[2]?.inbox).toEqual([]);
});
test("call_reroute: a payload is kept only while the realm has room for it (AMB-135)", () => {
  for (const [heldCallBytes, error] of [
    [9, undefined],
    [8, Uri.noAvailableCallee],
  ] as const) {
    const router = rerouting({ heldCallBytes });
    const [caller, ...callees] = [router.join(), router.join(), router.join()];
    for (const callee of callees) callee.register("com.x", { invoke: "first" });
    caller.send(new JsonSerializer().decode(new TextEncoder().encode('[48,1,{},"com.x",["hello"]]')));
    expect(counters(router)?.heldCallBytes).toBe(error === undefined ? 9 : 0);
    refuse(callees[0] as TestPeer, 1);
    if (error !== undefined) expect(caller.take(MessageType.Error).error).toBe(error);
    else {
      expect(callees[1]?.take(MessageType.Invocation).payload.args).toEqual(["hello"]);
      callees[1]?.yield(1);
      caller.take(MessageType.Result);
    }
    expect(counters(router)).toMatchObject({ heldCallBytes: 0, callsInFlight: 0 });
  }
});
test("call_reroute: is announced where the realm turns it on (FEAT-01, RPC-REROUTE-04)", () => {
  expect(rerouting().router.realm("realm1")?.announced.roles.dealer?.features?.["call_reroute"]).toBe(true);
  expect(new TestRouter().router.realm("realm1")?.announced.roles.dealer?.features?.["call_reroute"]).toBeUndefined();
});
