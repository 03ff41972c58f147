// CANCEL in its three modes and its races, and progressive results, which need it (requirements 4.1, 4.4).
import { MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import { ALL_ROLES, realmConfig, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";
import type { CallConfig } from "./call-config.ts";

const call = (callee = ALL_ROLES, calls: Partial<CallConfig> = {}) => {
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), calls }] });
  const [caller, target] = [router.join(), router.join(callee)];
  target.register("com.x");
  const request = caller.call("com.x", [], { receive_progress: true });
  const { request: invocation } = target.take(MessageType.Invocation);
  const cancel = (mode?: "skip" | "kill" | "killnowait") =>
    caller.send({ type: MessageType.Cancel, request, options: mode === undefined ? NO_OPTIONS : { mode } });
  return { router, caller, target, request, invocation, cancel };
};
const canceled = { error: Uri.canceled, requestType: MessageType.Call };

test("call_canceling: skip answers the caller and leaves the callee alone (RPC-CANCEL-03, AMB-50)", () => {
  const { caller, target, invocation, cancel } = call();
  cancel("skip");
  expect(caller.take(MessageType.Error)).toMatchObject(canceled);
  expect(target.inbox).toEqual([]);
  target.yield(invocation);
  expect([caller.inbox, target.closed]).toEqual([[], undefined]);
});
test("call_canceling: killnowait, the default, answers the caller and interrupts the callee (RPC-CANCEL-05, AMB-46, AMB-51, AMB-55)", () => {
  for (const mode of ["killnowait", undefined] as const) {
    const { caller, target, invocation, cancel } = call();
    cancel(mode);
    expect(caller.take(MessageType.Error)).toMatchObject(canceled);
    expect(target.take(MessageType.Interrupt)).toMatchObject({
      request: invocation,
      options: { mode: "killnowait", reason: Uri.canceled },
    });
    target.yield(invocation, [], { progress: true });
    target.yield(invocation);
    expect(caller.inbox).toEqual([]);
  }
});
test("call_canceling: kill waits for what the callee really answers, progress included (RPC-CANCEL-04, AMB-52, AMB-53)", () => {
  const { caller, target, invocation, cancel } = call();
  cancel("kill");
  cancel("kill");
  expect(target.take(MessageType.Interrupt).options.mode).toBe("kill");
  expect([caller.inbox, target.inbox]).toEqual([[], []]);
  target.yield(invocation, [1], { progress: true });
  expect(caller.take(MessageType.Result).details.progress).toBe(true);
  target.send({
    type: MessageType.Error,
    requestType: MessageType.Invocation,
    request: invocation,
    details: {},
    error: "com.mine",
    payload: Payload.of([2]),
  });
  expect(caller.take(MessageType.Error)).toMatchObject({ error: "com.mine" });
});
test("call_canceling: skip and killnowait end a kill that is under way, without a second INTERRUPT (AMB-49)", () => {
  for (const mode of ["skip", "killnowait"] as const) {
    const { caller, target, cancel } = call();
    cancel("kill");
    target.take(MessageType.Interrupt);
    cancel(mode);
    expect(caller.take(MessageType.Error)).toMatchObject(canceled);
    expect(target.inbox).toEqual([]);
  }
});
test("call_canceling: a callee without it is never interrupted: every mode is skip (RPC-CANCEL-06)", () => {
  for (const mode of ["skip", "kill", "killnowait"] as const) {
    const { caller, target, cancel } = call({ ...ALL_ROLES, callee: {} } as typeof ALL_ROLES);
    cancel(mode);
    expect(caller.take(MessageType.Error)).toMatchObject(canceled);
    expect(target.inbox).toEqual([]);
  }
});
test("call_canceling: a callee that does not answer a kill is waited for so long and no longer, where that is configured (AMB-54)", () => {
  const { router, caller, target, invocation, cancel } = call(ALL_ROLES, { killTimeoutMs: 500 });
  cancel("kill");
  router.clock.advance(300);
  target.yield(invocation, [1], { progress: true });
  cancel("kill"); // moves nothing
  router.clock.advance(199);
  expect(caller.inbox.map(({ type }) => type)).toEqual([MessageType.Result]);
  caller.take(MessageType.Result);
  router.clock.advance(1);
  expect(caller.take(MessageType.Error)).toMatchObject(canceled);
  target.yield(invocation, [2]);
  expect([caller.inbox, target.closed, router.router.realm("realm1")?.counters.callsInFlight]).toEqual([[], undefined, 0]);
  expect(target.inbox.map(({ type }) => type)).toEqual([MessageType.Interrupt]);
});
test("call_canceling: a kill that is answered, or not limited, leaves nothing behind (AMB-54)", () => {
  const answered = call(ALL_ROLES, { killTimeoutMs: 500 });
  answered.cancel("kill");
  answered.target.yield(answered.invocation, [1]);
  answered.router.clock.advance(1_000);
  expect(answered.caller.inbox.map(({ type }) => type)).toEqual([MessageType.Result]);
  const unlimited = call();
  unlimited.cancel("kill");
  unlimited.router.clock.advance(86_400_000);
  expect(unlimited.caller.inbox).toEqual([]);
});
test("call_canceling: an ended or foreign call cannot be cancelled (AMB-48)", () => {
  const { router, caller, target, invocation, request, cancel } = call();
  router.join().send({ type: MessageType.Cancel, request, options: NO_OPTIONS });
  target.yield(invocation);
  caller.take(MessageType.Result);
  cancel();
  expect([caller.inbox, target.inbox, caller.closed]).toEqual([[], [], undefined]);
});

test("progressive_call_results: pass on in order, and the call ends with the final one (RPC-PCR-02 to RPC-PCR-05, RPC-PCR-12)", () => {
  const { caller, target, request, invocation } = call();
  for (let i = 0; i < 3; i++) target.yield(invocation, [i], { progress: true });
  target.yield(invocation, [3]);
  target.yield(invocation, [4], { progress: true });
  expect(caller.inbox).toMatchObject([0, 1, 2, 3].map((i) => ({ request, details: i < 3 ? { progress: true } : {} })));
  expect(caller.inbox.map((message) => "payload" in message && message.payload.args?.[0])).toEqual([0, 1, 2, 3]);
});
test("progressive_call_results: reach only who asked, from who can (RPC-PCR-03, AMB-60)", () => {
  const router = new TestRouter();
  const [caller, target] = [router.join(), router.join()];
  target.register("com.x");
  caller.call("com.x");
  const invocation = target.take(MessageType.Invocation);
  expect(invocation.details.receive_progress).toBeUndefined();
  target.yield(invocation.request, [1], { progress: true });
  expect(caller.inbox).toEqual([]);
  target.yield(invocation.request, [2]);
  expect(caller.take(MessageType.Result).payload.args).toEqual([2]);
  const { target: poor } = call({
    ...ALL_ROLES,
    callee: { features: { progressive_call_results: true } },
  } as unknown as typeof ALL_ROLES);
  expect(poor.closed).toBeUndefined();
});
test("progressive_call_results: a callee that leaves ends the call with an error (RPC-PCR-09)", () => {
  const { caller, target, invocation } = call();
  target.yield(invocation, [1], { progress: true });
  target.close("transport.lost");
  expect(caller.inbox.map(({ type }) => type)).toEqual([MessageType.Result, MessageType.Error]);
});
