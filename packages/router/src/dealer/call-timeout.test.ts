// Time-outs of calls (requirements 4.3).
import { MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import type { Authorizer, CallConfig, Decision } from "@junctor/router";
import { ALL_ROLES, realmConfig, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

const withCalls = (calls: Partial<CallConfig>) => new TestRouter({ realms: [{ ...realmConfig("realm1"), calls }] });
const timed = (router: TestRouter, options: object = { timeout: 1_000 }, register: object = NO_OPTIONS, roles: object = ALL_ROLES) => {
  const [caller, callee] = [router.join(), router.join(roles)];
  callee.register("com.x", register);
  const request = caller.call("com.x", [], options);
  const invocation = callee.take(MessageType.Invocation);
  return { caller, callee, request, invocation };
};
const inFlight = (router: TestRouter) => router.router.realm("realm1")?.counters.callsInFlight;

test("call_timeout: counts milliseconds, answers the caller and interrupts the callee (RPC-TMO-01 to RPC-TMO-03, AMB-55)", () => {
  const router = new TestRouter();
  const { caller, callee, request, invocation } = timed(router);
  expect(invocation.details).toEqual({});
  router.clock.advance(999);
  expect([caller.inbox, callee.inbox]).toEqual([[], []]);
  router.clock.advance(1);
  expect(caller.take(MessageType.Error)).toMatchObject({ requestType: MessageType.Call, request, error: Uri.timeout });
  expect(callee.take(MessageType.Interrupt)).toMatchObject({
    request: invocation.request,
    options: { mode: "killnowait", reason: Uri.timeout },
  });
  callee.yield(invocation.request);
  expect([caller.inbox, callee.closed, inFlight(router)]).toEqual([[], undefined, 0]);
  expect(router.router.realm("realm1")?.counters).toMatchObject({ callsTimedOut: 1, lateAnswers: 1 });
});
test("call_timeout: a callee that cannot be interrupted is left alone (RPC-TMO-03, RPC-CANCEL-06)", () => {
  const router = new TestRouter();
  const { caller, callee } = timed(router, { timeout: 5 }, NO_OPTIONS, { callee: {} });
  router.clock.advance(5);
  expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
  expect(callee.inbox).toEqual([]);
});
test("call_timeout: each progressive result gives the callee the whole time again (RPC-PCR-11, AMB-57)", () => {
  const router = new TestRouter();
  const { caller, callee, invocation } = timed(router, { timeout: 1_000, receive_progress: true });
  for (let i = 0; i < 3; i++) {
    router.clock.advance(900);
    callee.yield(invocation.request, [i], { progress: true });
  }
  caller.inbox.splice(0);
  router.clock.advance(999);
  expect(caller.inbox).toEqual([]);
  router.clock.advance(1);
  expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
});
test("call_timeout: ends with the call, whichever comes first, and 0 is none (RPC-TMO-01, AMB-57, AMB-59)", () => {
  const router = new TestRouter();
  const { caller, callee, invocation } = timed(router);
  callee.yield(invocation.request);
  caller.take(MessageType.Result);
  for (const timeout of [0, 2 ** 31, 2 ** 53]) caller.call("com.x", [], { timeout });
  expect(callee.inbox.splice(0)).toHaveLength(3);
  router.clock.advance(2 ** 31 - 1);
  expect(caller.inbox).toEqual([]);
  router.clock.advance(1);
  expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
  expect([caller.inbox, inFlight(router)]).toEqual([[], 2]);
});
test("call_timeout: goes on while a call is being killed (AMB-54)", () => {
  const router = new TestRouter();
  const { caller, callee, request } = timed(router);
  caller.send({ type: MessageType.Cancel, request, options: { mode: "kill" } });
  callee.take(MessageType.Interrupt);
  router.clock.advance(1_000);
  expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
  expect(callee.inbox).toEqual([]);
});
test("call_timeout: is forwarded to a callee that can and asked for it, which then times the call (RPC-TMO-04, RPC-TMO-05, AMB-58)", () => {
  for (const [forward_timeout, roles, forwarded] of [
    [true, ALL_ROLES, true],
    [false, ALL_ROLES, false],
    [true, { callee: { features: { call_canceling: true } } }, false],
  ] as const) {
    const router = new TestRouter();
    const { caller, callee, invocation } = timed(router, { timeout: 1_000 }, { forward_timeout }, roles);
    expect(invocation.details).toEqual(forwarded ? { timeout: 1_000 } : {});
    router.clock.advance(10_000);
    expect([caller.inbox.length, callee.inbox.length]).toEqual(forwarded ? [0, 0] : [1, 1]);
    if (!forwarded) continue;
    callee.send({
      type: MessageType.Error,
      requestType: MessageType.Invocation,
      request: invocation.request,
      details: {},
      error: Uri.timeout,
      payload: Payload.EMPTY,
    });
    expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
  }
});
test("call_timeout: a realm may watch callees that time their calls themselves (AMB-58)", () => {
  const router = withCalls({ forwardMarginMs: 500 });
  const { caller, callee, invocation } = timed(router, { timeout: 1_000, receive_progress: true }, { forward_timeout: true });
  router.clock.advance(900);
  callee.yield(invocation.request, [], { progress: true });
  caller.take(MessageType.Result);
  router.clock.advance(1_499);
  expect(caller.inbox).toEqual([]);
  router.clock.advance(1);
  expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
});
test("call_timeout: a realm may have a default and a maximum (RPC-TMO-01)", () => {
  for (const [defaultTimeoutMs, maximumTimeoutMs, timeout, expected] of [
    [100, 0, undefined, 100],
    [100, 0, 0, 100],
    [100, 0, 5_000, 5_000],
    [100, 1_000, 5_000, 1_000],
    [100, 1_000, 10, 10],
    [0, 1_000, undefined, 1_000],
  ] as const) {
    const router = withCalls({ defaultTimeoutMs, maximumTimeoutMs });
    const { caller } = timed(router, timeout === undefined ? NO_OPTIONS : { timeout });
    router.clock.advance(expected - 1);
    expect(caller.inbox).toEqual([]);
    router.clock.advance(1);
    expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
  }
});
test("call_timeout: runs from the CALL, also while the realm's authorizer decides (AMB-57)", () => {
  const answers: ((decision: Decision) => void)[] = [];
  const authorize: Authorizer = ({ action }, answer) => {
    if (action === "call") answers.push(answer);
    else answer({ allow: true, disclose: "allow" });
  };
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), authorize }] });
  const [caller, callee] = [router.join(), router.join()];
  callee.register("com.x");
  const allow = () => answers.shift()?.({ allow: true, disclose: "allow" });
  caller.call("com.x", [1], { timeout: 100 });
  router.clock.advance(60);
  allow();
  router.clock.advance(39);
  expect(caller.inbox).toEqual([]);
  router.clock.advance(1);
  expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
  callee.inbox.splice(0);
  // The authorizer takes longer than the call may: it has ended then, and what came behind it goes on.
  const request = caller.call("com.x", [2], { timeout: 100 });
  caller.call("com.x", [3]);
  router.clock.advance(100);
  expect(caller.take(MessageType.Error)).toMatchObject({ request, error: Uri.timeout });
  allow();
  allow();
  expect(callee.take(MessageType.Invocation).payload.args).toEqual([3]);
  expect([caller.inbox, callee.inbox, answers]).toEqual([[], [], []]);
});
test("call_timeout: holds for what the router answers itself", () => {
  const router = new TestRouter();
  router.dealer().provide("wamp.test.never", () => {});
  const caller = router.join();
  caller.call("wamp.test.never", [], { timeout: 100 });
  router.clock.advance(100);
  expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
  expect(inFlight(router)).toBe(0);
});
