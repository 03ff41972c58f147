// REGISTER.Options.concurrency, and calls that wait until a callee is free (requirements 1.2; AMB-63, AMB-135).
import { MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import { ALL_ROLES, realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

const queueing = (queueLength = 128, more: object = {}, limits = {}) =>
  new TestRouter({ realms: [{ ...realmConfig("realm1"), calls: { queueLength, ...more } }], limits });
const limited = (callee: TestPeer, concurrency = 1, invoke = "first") => callee.register("com.x", { concurrency, invoke });
const counters = (router: TestRouter) => router.router.realm("realm1")?.counters;
const args = (peer: TestPeer) => peer.inbox.map((message) => ("payload" in message ? message.payload.args?.[0] : message.type));
const errors = (peer: TestPeer) => peer.inbox.map((message) => (message.type === MessageType.Error ? message.error : message.type));
/** One callee that takes one call at a time, and has it. */
function setup(router = queueing()) {
  const [caller, callee] = [router.join(), router.join()];
  const registration = limited(callee);
  caller.call("com.x", [0]);
  callee.take(MessageType.Invocation);
  return { router, caller, callee, registration };
}

test("a callee never has more invocations than it takes, and the others wait in order (ORD-03)", () => {
  const router = queueing();
  const [caller, callee] = [router.join(), router.join()];
  limited(callee, 2);
  for (let i = 0; i < 5; i++) caller.call("com.x", [i]);
  expect([args(callee), counters(router)?.callsWaiting]).toEqual([[0, 1], 3]);
  callee.yield(2);
  expect(args(callee)).toEqual([0, 1, 2]);
  for (const id of [1, 3, 4, 5]) callee.yield(id);
  expect([args(callee), args(caller).length]).toEqual([[0, 1, 2, 3, 4], 5]);
  expect(counters(router)).toMatchObject({ callsWaiting: 0, callsInFlight: 0, heldCallBytes: 0 });
});
test("a free callee takes the call of a busy one, whichever the policy (RPC-SHARED-05)", () => {
  for (const invoke of ["first", "last", "roundrobin", "random"]) {
    const router = queueing();
    const [caller, a, b] = [router.join(), router.join(), router.join()];
    for (const callee of [a, b]) limited(callee, 1, invoke);
    for (let i = 0; i < 3; i++) caller.call("com.x", [i]);
    expect([a.inbox.length, b.inbox.length]).toEqual([1, 1]);
    b.yield(1);
    expect([a.inbox.length, b.inbox.length]).toEqual([1, 2]);
  }
});
test("a call that finds the queue full gets an error, and 0 allows no queue (AMB-135)", () => {
  for (const length of [0, 2]) {
    const { router, caller, callee } = setup(queueing(length));
    for (let i = 1; i <= 3; i++) caller.call("com.x", [i]);
    expect(errors(caller)).toEqual(Array(3 - length).fill(Uri.noAvailableCallee));
    callee.yield(1);
    expect(args(callee)).toEqual(length === 0 ? [] : [1]);
    expect(counters(router)?.callsInFlight).toBe(length);
  }
});
test("a call that waits ends by CANCEL of any mode, by its time-out, and with its caller (AMB-46, AMB-57)", () => {
  const { router, caller, callee } = setup();
  for (const mode of ["skip", "kill", "killnowait"] as const) {
    const request = caller.call("com.x");
    caller.send({ type: MessageType.Cancel, request, options: { mode } });
    expect(caller.take(MessageType.Error)).toMatchObject({ request, error: Uri.canceled });
  }
  caller.call("com.x", [], { timeout: 100 });
  router.clock.advance(100);
  expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
  const other = router.join();
  other.call("com.x");
  other.close("transport.lost");
  expect(counters(router)).toMatchObject({ callsWaiting: 0, callsInFlight: 1 });
  callee.yield(1);
  expect(callee.inbox).toEqual([]);
});
test("the time a call has waited counts, also for a callee that times it itself (AMB-57, AMB-58)", () => {
  const router = queueing();
  const [caller, callee] = [router.join(), router.join()];
  callee.register("com.x", { concurrency: 1, forward_timeout: true });
  caller.call("com.x");
  callee.take(MessageType.Invocation);
  caller.call("com.x", [], { timeout: 100 });
  router.clock.advance(40);
  callee.yield(1);
  expect(callee.take(MessageType.Invocation).details.timeout).toBe(60);
  caller.inbox.splice(0);
  router.clock.advance(1_000);
  expect(caller.inbox).toEqual([]); // the callee's to end
});
test("calls that wait end when the last callee is gone, by whatever way (RPC-08)", () => {
  for (const way of ["unregister", "lost", "revoked"]) {
    const { router, caller, callee, registration } = setup();
    const request = caller.call("com.x", [1]);
    if (way === "unregister") callee.send({ type: MessageType.Unregister, request: ++callee.request, registration });
    else if (way === "lost") callee.close("transport.lost");
    else router.dealer().revoke(registration, router.session(callee));
    expect(caller.inbox).toContainEqual(expect.objectContaining({ request, error: Uri.noAvailableCallee }));
    expect(counters(router)).toMatchObject({ callsWaiting: 0, callsInFlight: way === "lost" ? 0 : 1 });
  }
});
test("they go to whoever joins or is left", () => {
  const { router, caller, callee } = setup();
  caller.call("com.x", [1]);
  caller.call("com.x", [2]);
  const joined = router.join();
  limited(joined);
  expect(args(joined)).toEqual([1]);
  callee.close("transport.lost");
  joined.yield(1);
  expect(args(joined)).toEqual([1, 2]);
});
test("calls that only a busy callee can take wait for it, and let others pass; without it they end (AMB-63)", () => {
  const router = queueing();
  const [caller, able, poor] = [router.join(), router.join(), router.join({ ...ALL_ROLES, callee: {} })];
  for (const callee of [able, poor]) limited(callee);
  caller.call("com.x", [0]);
  caller.call("com.x", ["stream"], { progress: true });
  caller.call("com.x", [1]);
  expect([args(able), args(poor)]).toEqual([[0], [1]]);
  able.yield(1);
  expect(args(able)).toEqual([0, "stream"]);
  caller.inbox.splice(0);
  caller.call("com.x", ["other"], { progress: true });
  able.close("transport.lost");
  expect(errors(caller)).toEqual([Uri.canceled, Uri.featureNotSupported]);
});
test("chunks of a call that waits wait with it, and count (RPC-PCI-06, AMB-135)", () => {
  const { router, caller, callee } = setup(queueing(3));
  const request = caller.call("com.x", ["a"], { progress: true });
  const chunk = (value: string, options: object) =>
    caller.send({ type: MessageType.Call, request, options, procedure: "com.x", payload: Payload.of([value]) });
  chunk("b", { progress: true });
  chunk("c", NO_OPTIONS);
  caller.call("com.x", ["one too many"]);
  expect(errors(caller)).toEqual([Uri.noAvailableCallee]);
  callee.yield(1);
  expect(callee.inbox).toMatchObject([
    { request: 2, details: { progress: true }, payload: { args: ["a"] } },
    { request: 2, details: { progress: true }, payload: { args: ["b"] } },
    { request: 2, details: {}, payload: { args: ["c"] } },
  ]);
  callee.yield(2);
  expect(counters(router)).toMatchObject({ callsWaiting: 0, callsInFlight: 0, heldCallBytes: 0 });
});
test("a chunk that finds the queue full ends its call (AMB-135)", () => {
  const { router, caller, callee } = setup(queueing(2));
  const request = caller.call("com.x", ["a"], { progress: true });
  for (const value of ["b", "c", "d"])
    caller.send({ type: MessageType.Call, request, options: { progress: true }, procedure: "com.x", payload: Payload.of([value]) });
  expect(errors(caller)).toEqual([Uri.noAvailableCallee]);
  callee.yield(1);
  expect([callee.inbox, counters(router)?.callsWaiting]).toEqual([[], 0]);
});
test("a callee that is interrupted hears of that before it gets the next call", () => {
  const { caller, callee } = setup();
  caller.call("com.x", [1]);
  caller.send({ type: MessageType.Cancel, request: 1, options: { mode: "killnowait" } });
  expect(callee.inbox.map(({ type }) => type)).toEqual([MessageType.Interrupt, MessageType.Invocation]);
});
test("a call that is refused may wait for another callee, and the one who refused is not asked again (AMB-64)", () => {
  const router = queueing(2, { reroute: true });
  const [caller, a, b] = [router.join(), router.join(), router.join()];
  for (const callee of [a, b]) limited(callee);
  caller.call("com.x", [0]);
  caller.call("com.x", [1]);
  a.send({
    type: MessageType.Error,
    requestType: MessageType.Invocation,
    request: 1,
    details: {},
    error: Uri.unavailable,
    payload: Payload.EMPTY,
  });
  expect([args(a), args(b), counters(router)?.callsWaiting]).toEqual([[0], [1], 1]);
  b.yield(1);
  expect([args(a), args(b)]).toEqual([[0], [1, 0]]);
});
test("a call that its callee cannot take frees it for the next (AMB-67)", () => {
  const { caller, callee } = setup();
  caller.call("com.x", ["too long"]);
  caller.call("com.x");
  callee.outcome = "too-large";
  callee.yield(1);
  expect([errors(caller).filter((error) => error === Uri.payloadSizeExceeded).length, callee.inbox.length]).toEqual([1, 1]);
});
test("a caller that leaves gives up its calls before what it leaves behind is given away", () => {
  const router = queueing();
  const [leaving, callee, caller] = [router.join(), router.join(), router.join()];
  for (const peer of [leaving, callee]) limited(peer);
  caller.call("com.x", [0]); // leaving has it
  leaving.call("com.x", [1]); // callee has it
  leaving.call("com.x", [2]);
  caller.call("com.x", [3]);
  leaving.close("transport.lost");
  expect(callee.inbox.map((message) => ("payload" in message ? message.payload.args?.[0] : "interrupt"))).toEqual([1, "interrupt", 3]);
});
test("a limit counts as long as one who set it is there, whoever else comes or goes", () => {
  const router = queueing();
  const [caller, bounded, unbounded] = [router.join(), router.join(), router.join()];
  limited(bounded);
  const registration = unbounded.register("com.x", { invoke: "first" });
  unbounded.send({ type: MessageType.Unregister, request: ++unbounded.request, registration });
  caller.call("com.x", [0]);
  caller.call("com.x", [1]);
  expect([args(bounded), counters(router)?.callsWaiting, caller.inbox]).toEqual([[0], 1, []]);
});
