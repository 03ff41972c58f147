// One test or more per feature that the dealer announces, by its name; the last test holds the table against them (FEAT-01).
import { MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import type { Authorizer, CallConfig, Decision } from "@junctor/router";
import { ALL_ROLES, ALLOW_ALL, realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import { afterAll, expect, test as vitest } from "vitest";
import { ANNOUNCED, CONFIGURABLE } from "../feature.ts";

const proven = new Set<string>();
function test(feature: string, sentence: string, body: () => void): void {
  proven.add(feature);
  vitest(`${feature}: ${sentence}`, body);
}
/** For each rule of request ids (AMB-22). */
const strict = () => new TestRouter();
const lenient = () => new TestRouter({ realms: [{ ...realmConfig("realm1"), requestIds: "lenient" }] });
function testBoth(feature: string, sentence: string, body: (router: TestRouter) => void): void {
  test(feature, `${sentence}, ids in order`, () => body(strict()));
  test(feature, `${sentence}, ids in any order`, () => body(lenient()));
}
const disclosing = (disclose: object) => new TestRouter({ realms: [realmConfig("realm1", [{ ...ALLOW_ALL, disclose }])] });

const call = (callee = ALL_ROLES) => {
  const router = new TestRouter();
  const [caller, target] = [router.join(), router.join(callee)];
  target.register("com.x");
  const request = caller.call("com.x", [], { receive_progress: true });
  const { request: invocation } = target.take(MessageType.Invocation);
  const cancel = (mode?: "skip" | "kill" | "killnowait") =>
    caller.send({ type: MessageType.Cancel, request, options: mode === undefined ? NO_OPTIONS : { mode } });
  return { router, caller, target, request, invocation, cancel };
};
const canceled = { error: Uri.canceled, requestType: MessageType.Call };

test("call_canceling", "skip answers the caller and leaves the callee alone (RPC-CANCEL-03, AMB-50)", () => {
  const { caller, target, invocation, cancel } = call();
  cancel("skip");
  expect(caller.take(MessageType.Error)).toMatchObject(canceled);
  expect(target.inbox).toEqual([]);
  target.yield(invocation);
  expect([caller.inbox, target.closed]).toEqual([[], undefined]);
});
test(
  "call_canceling",
  "killnowait, the default, answers the caller and interrupts the callee (RPC-CANCEL-05, AMB-46, AMB-51, AMB-55)",
  () => {
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
  },
);
test("call_canceling", "kill waits for what the callee really answers, progress included (RPC-CANCEL-04, AMB-52, AMB-53)", () => {
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
test("call_canceling", "skip and killnowait end a kill that is under way, without a second INTERRUPT (AMB-49)", () => {
  for (const mode of ["skip", "killnowait"] as const) {
    const { caller, target, cancel } = call();
    cancel("kill");
    target.take(MessageType.Interrupt);
    cancel(mode);
    expect(caller.take(MessageType.Error)).toMatchObject(canceled);
    expect(target.inbox).toEqual([]);
  }
});
test("call_canceling", "a callee without it is never interrupted: every mode is skip (RPC-CANCEL-06)", () => {
  for (const mode of ["skip", "kill", "killnowait"] as const) {
    const { caller, target, cancel } = call({ ...ALL_ROLES, callee: {} } as typeof ALL_ROLES);
    cancel(mode);
    expect(caller.take(MessageType.Error)).toMatchObject(canceled);
    expect(target.inbox).toEqual([]);
  }
});
test("call_canceling", "an ended or foreign call cannot be cancelled (AMB-48)", () => {
  const { router, caller, target, invocation, request, cancel } = call();
  router.join().send({ type: MessageType.Cancel, request, options: NO_OPTIONS });
  target.yield(invocation);
  caller.take(MessageType.Result);
  cancel();
  expect([caller.inbox, target.inbox, caller.closed]).toEqual([[], [], undefined]);
});

test("progressive_call_results", "pass on in order, and the call ends with the final one (RPC-PCR-02 to RPC-PCR-05, RPC-PCR-12)", () => {
  const { caller, target, request, invocation } = call();
  for (let i = 0; i < 3; i++) target.yield(invocation, [i], { progress: true });
  target.yield(invocation, [3]);
  target.yield(invocation, [4], { progress: true });
  expect(caller.inbox).toMatchObject([0, 1, 2, 3].map((i) => ({ request, details: i < 3 ? { progress: true } : {} })));
  expect(caller.inbox.map((message) => "payload" in message && message.payload.args?.[0])).toEqual([0, 1, 2, 3]);
});
test("progressive_call_results", "reach only who asked, from who can (RPC-PCR-03, AMB-60)", () => {
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
test("progressive_call_results", "a callee that leaves ends the call with an error (RPC-PCR-09)", () => {
  const { caller, target, invocation } = call();
  target.yield(invocation, [1], { progress: true });
  target.close("transport.lost");
  expect(caller.inbox.map(({ type }) => type)).toEqual([MessageType.Result, MessageType.Error]);
});

test("caller_identification", "is given on request, or to a callee that may ask (RPC-CID-01 to RPC-CID-05, AMB-66)", () => {
  for (const [caller, disclose_me, disclose_caller, expected] of [
    ["allow", false, false, false],
    ["allow", true, false, true],
    ["allow", false, true, true],
    ["force", false, false, true],
  ] as const) {
    const router = disclosing({ caller });
    const [a, b] = [router.join(), router.join()];
    b.register("com.x", { disclose_caller });
    a.call("com.x", [], disclose_me ? { disclose_me } : NO_OPTIONS);
    const { details } = b.take(MessageType.Invocation);
    expect(details).toEqual(expected ? { caller: a.session, caller_authid: expect.any(String), caller_authrole: "anonymous" } : {});
  }
});
test("caller_identification", "is refused where the realm denies it (RPC-CID-04, AMB-65)", () => {
  const router = disclosing({ caller: "deny" });
  const [a, b] = [router.join(), router.join()];
  b.register("com.x");
  a.call("com.x", [], { disclose_me: true });
  expect(a.take(MessageType.Error)).toMatchObject({ error: Uri.discloseMeDisallowed, requestType: MessageType.Call });
  b.send({ type: MessageType.Register, request: ++b.request, options: { disclose_caller: true }, procedure: "com.y" });
  expect(b.take(MessageType.Error)).toMatchObject({ error: Uri.discloseMeDisallowed, requestType: MessageType.Register });
  expect(b.inbox).toEqual([]);
});

test("pattern_based_registration", "the vectors of the specification (RPC-PAT-04 to RPC-PAT-07, AMB-38, AMB-39)", () => {
  const router = new TestRouter();
  const [caller, callee] = [router.join(), router.join()];
  const patterns = [
    ["a1.b2.c3.d4.e55", "exact"],
    ["a1.b2.c3", "prefix"],
    ["a1.b2.c3.d4", "prefix"],
    ["a1.b2..d4.e5", "wildcard"],
    ["a1.b2.c33..e5", "wildcard"],
    ["a1.b2..d4.e5..g7", "wildcard"],
    ["a1.b2..d4..f6.g7", "wildcard"],
  ] as const;
  const ids = patterns.map(([procedure, match]) => callee.register(procedure, { match }));
  const route = (procedure: string) => {
    caller.call(procedure);
    const message = callee.inbox.shift();
    if (message?.type !== MessageType.Invocation) return caller.take(MessageType.Error).error;
    const number = ids.indexOf(message.registration) + 1;
    expect(message.details.procedure).toBe(number === 1 ? undefined : procedure);
    callee.yield(message.request);
    caller.take(MessageType.Result);
    return number;
  };
  expect(
    [
      "a1.b2.c3.d4.e55",
      "a1.b2.c3.d98.e74",
      "a1.b2.c3.d4.e325",
      "a1.b2.c55.d4.e5",
      "a1.b2.c33.d4.e5",
      "a1.b2.c88.d4.e5.f6.g7",
      "a2.b2.c2.d2.e2",
    ].map(route),
  ).toEqual([1, 2, 3, 4, 5, 6, Uri.noSuchProcedure]);
});
test("pattern_based_registration", "patterns of one text do not conflict, and none captures wamp (AMB-34, AMB-20)", () => {
  const router = new TestRouter();
  const [caller, callee] = [router.join(), router.join()];
  for (const match of ["exact", "prefix", "wildcard"] as const) callee.register("com.x", { match });
  callee.register("", { match: "prefix" });
  callee.register(".count", { match: "wildcard" });
  caller.call("wamp.count");
  expect(caller.take(MessageType.Error).error).toBe(Uri.noSuchProcedure);
});

test(
  "shared_registration",
  "each policy picks its callee, and fixes the policy (RPC-SHARED-01 to RPC-SHARED-06, AMB-35 to AMB-37, AMB-68)",
  () => {
    const order = (invoke: string) => {
      const router = new TestRouter();
      const caller = router.join();
      const callees = [router.join(), router.join(), router.join()];
      expect(new Set(callees.map((callee) => callee.register("com.x", { invoke }))).size).toBe(1);
      const next = () => {
        caller.call("com.x");
        const i = callees.findIndex((callee) => callee.inbox.length > 0);
        callees[i]?.inbox.splice(0);
        return i;
      };
      const before = [next(), next(), next(), next()];
      callees[0]?.close("transport.lost");
      return [...before, next(), next(), next()].join("");
    };
    expect(order("first")).toBe("0000111");
    expect(order("last")).toBe("2222222");
    expect(order("roundrobin")).toBe("0120121");
    expect(order("random")).toBe("1111222"); // the test's random number is 0.5
    const router = new TestRouter();
    const [a, b] = [router.join(), router.join()];
    a.register("com.x", { invoke: "roundrobin" });
    const refused = (peer: typeof a, options: object) => {
      peer.send({ type: MessageType.Register, request: ++peer.request, options, procedure: "com.x" });
      return peer.take(MessageType.Error).error;
    };
    expect([refused(b, { invoke: "random" }), refused(b, NO_OPTIONS), refused(a, { invoke: "roundrobin" })]).toEqual(
      Array(3).fill(Uri.procedureAlreadyExists),
    );
    a.close("transport.lost");
    expect(b.register("com.x")).toBeGreaterThan(0);
  },
);

// --- Timeouts ------------------------------------------------------------------------------------------------------------

const withCalls = (calls: Partial<CallConfig>) => new TestRouter({ realms: [{ ...realmConfig("realm1"), calls }] });
const timed = (router: TestRouter, options: object = { timeout: 1_000 }, register: object = NO_OPTIONS, roles: object = ALL_ROLES) => {
  const [caller, callee] = [router.join(), router.join(roles)];
  callee.register("com.x", register);
  const request = caller.call("com.x", [], options);
  const invocation = callee.take(MessageType.Invocation);
  return { caller, callee, request, invocation };
};
const inFlight = (router: TestRouter) => router.router.realm("realm1")?.counters.callsInFlight;

test("call_timeout", "counts milliseconds, answers the caller and interrupts the callee (RPC-TMO-01 to RPC-TMO-03, AMB-55)", () => {
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
test("call_timeout", "a callee that cannot be interrupted is left alone (RPC-TMO-03, RPC-CANCEL-06)", () => {
  const router = new TestRouter();
  const { caller, callee } = timed(router, { timeout: 5 }, NO_OPTIONS, { callee: {} });
  router.clock.advance(5);
  expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
  expect(callee.inbox).toEqual([]);
});
test("call_timeout", "each progressive result gives the callee the whole time again (RPC-PCR-11, AMB-57)", () => {
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
test("call_timeout", "ends with the call, whichever comes first, and 0 is none (RPC-TMO-01, AMB-57, AMB-59)", () => {
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
test("call_timeout", "goes on while a call is being killed (AMB-54)", () => {
  const router = new TestRouter();
  const { caller, callee, request } = timed(router);
  caller.send({ type: MessageType.Cancel, request, options: { mode: "kill" } });
  callee.take(MessageType.Interrupt);
  router.clock.advance(1_000);
  expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
  expect(callee.inbox).toEqual([]);
});
test(
  "call_timeout",
  "is forwarded to a callee that can and asked for it, which then times the call (RPC-TMO-04, RPC-TMO-05, AMB-58)",
  () => {
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
  },
);
test("call_timeout", "a realm may watch callees that time their calls themselves (AMB-58)", () => {
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
test("call_timeout", "a realm may have a default and a maximum (RPC-TMO-01)", () => {
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
test("call_timeout", "runs from the CALL, also while the realm's authorizer decides (AMB-57)", () => {
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
test("call_timeout", "holds for what the router answers itself", () => {
  const router = new TestRouter();
  router.dealer().provide("wamp.test.never", () => {});
  const caller = router.join();
  caller.call("wamp.test.never", [], { timeout: 100 });
  router.clock.advance(100);
  expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
  expect(inFlight(router)).toBe(0);
});

// --- Progressive call invocations ------------------------------------------------------------------------------------------

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

test("progressive_call_invocations", "chunks reach the callee one by one under one id (RPC-PCI-01, RPC-PCI-03, RPC-PCI-06)", () => {
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
  "progressive_call_invocations",
  "and results pass both ways at once; the callee may end first (RPC-PCI-15, RPC-PCI-09)",
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
test(
  "progressive_call_invocations",
  "the options of the first chunk hold for all, and no later one counts (RPC-PCI-13, RPC-PCI-14)",
  () => {
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
  },
);
test("progressive_call_invocations", "an id belongs to a new request, to a stream, or to the past (RPC-PCI-11, ID-09, AMB-62 h, j)", () => {
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
test(
  "progressive_call_invocations",
  "where ids come in any order, those of streams that ended early are known (AMB-22, RPC-PCI-09)",
  () => {
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
  },
);
test("progressive_call_invocations", "no more such ids are kept than a session may have calls (AMB-135)", () => {
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), requestIds: "lenient" }], limits: { callsPerSession: 2 } });
  const caller = router.join();
  for (let i = 0; i < 5; i++) caller.call("com.nobody", [], { progress: true });
  expect([...router.session(caller).endedStreams]).toEqual([4, 5]);
});
test("progressive_call_invocations", "what is no chunk breaks the protocol: behind the final one, or of a plain call (AMB-62 d, e)", () => {
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
testBoth("progressive_call_invocations", "chunks for another procedure, or after CANCEL, are dropped (AMB-62 c, g)", (router) => {
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
testBoth("progressive_call_invocations", "chunks of a call that was refused are dropped (AMB-62 b)", (router) => {
  const caller = router.join();
  const request = caller.call("com.x", [0], { progress: true });
  expect(caller.take(MessageType.Error).error).toBe(Uri.noSuchProcedure);
  chunk(caller, request, "com.x", [1], { progress: true });
  chunk(caller, request, "com.x", [2]);
  expect([caller.inbox, caller.closed]).toEqual([[], undefined]);
});
test("progressive_call_invocations", "a caller that did not announce them has broken the protocol (RPC-PCI-04, AMB-10, ID-08)", () => {
  const router = new TestRouter();
  router.join().register("com.x");
  const caller = router.join({ caller: {} });
  caller.call("com.x", [], { progress: true });
  expect(caller.take(MessageType.Abort).reason).toBe(Uri.protocolViolation);
  const strict = router.join({ caller: {} });
  chunk(strict, strict.call("com.x"), "com.x", []);
  expect(strict.closed).toBe("protocol_violation.request_id");
});
test("progressive_call_invocations", "a callee without them, or without canceling, gets nothing (RPC-PCI-02, RPC-PCI-05)", () => {
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
test("progressive_call_invocations", "the policy picks among those who can, and all chunks go to that one (RPC-PCI-07, AMB-63)", () => {
  const router = new TestRouter();
  const [caller, a, poor, b] = [router.join(), router.join(), router.join({ callee: {} }), router.join()];
  for (const callee of [a, poor, b]) callee.register("com.x", { invoke: "roundrobin" });
  const requests = [1, 2, 3].map((number) => caller.call("com.x", [number], { progress: true }));
  for (const request of requests) chunk(caller, request, "com.x", [request], { progress: true });
  const received = (callee: TestPeer) => callee.inbox.map((message) => "payload" in message && message.payload.args?.[0]);
  expect([a, poor, b].map(received)).toEqual([[1, 3, 1, 3], [], [2, 2]]);
});
test("progressive_call_invocations", "whoever leaves ends it for the other (RPC-PCI-08)", () => {
  const first = streaming();
  first.caller.close("transport.lost");
  expect(first.callee.take(MessageType.Interrupt).options.mode).toBe("killnowait");
  const second = streaming();
  second.callee.close("transport.lost");
  expect(second.caller.take(MessageType.Error).error).toBe(Uri.canceled);
  second.more([1]);
  expect([second.caller.inbox, second.caller.closed]).toEqual([[], undefined]);
});
test("progressive_call_invocations", "a callee that has unregistered gets the rest of what it has begun (AMB-44)", () => {
  const { caller, callee, invocation, more } = streaming();
  callee.send({ type: MessageType.Unregister, request: ++callee.request, registration: invocation.registration });
  callee.take(MessageType.Unregistered);
  more([1], false);
  expect(callee.take(MessageType.Invocation).payload.args).toEqual([1]);
  callee.yield(invocation.request);
  caller.take(MessageType.Result);
});
test("progressive_call_invocations", "a chunk that the callee cannot take ends the call on both sides (AMB-67)", () => {
  const { caller, callee, more } = streaming();
  callee.outcome = "too-large";
  more([1]);
  expect(caller.take(MessageType.Error).error).toBe(Uri.payloadSizeExceeded);
  expect(callee.take(MessageType.Interrupt).options.mode).toBe("killnowait");
  more([2], false);
  expect([caller.inbox, callee.inbox, caller.closed]).toEqual([[], [], undefined]);
});

const revoking = { ...ALL_ROLES, callee: { features: { registration_revocation: true } } };
test("registration_revocation", "a callee is told that its registration is gone, and why (RPC-REVOKE-01, RPC-REVOKE-03)", () => {
  const router = new TestRouter();
  const [caller, callee] = [router.join(), router.join(revoking)];
  const dealer = router.dealer();
  const registration = callee.register("com.x");
  caller.call("com.x");
  const { request } = callee.take(MessageType.Invocation);
  expect(dealer.revoke(registration, router.session(callee), "com.app.retired")).toBe(true);
  expect(callee.take(MessageType.Unregistered)).toEqual({
    type: MessageType.Unregistered,
    request: 0,
    details: { registration, reason: "com.app.retired" },
  });
  callee.yield(request); // [AMB-44] what is under way is finished
  caller.take(MessageType.Result);
  caller.call("com.x");
  expect(caller.take(MessageType.Error).error).toBe(Uri.noSuchProcedure);
  callee.send({ type: MessageType.Unregister, request: ++callee.request, registration });
  expect(callee.take(MessageType.Error).error).toBe(Uri.noSuchRegistration);
  expect(dealer.revoke(registration, router.session(callee))).toBe(false);
  const again = callee.register("com.x");
  dealer.revoke(again, router.session(callee));
  expect(callee.take(MessageType.Unregistered).details).toEqual({ registration: again });
});
test("registration_revocation", "only that callee loses it, and is told only if it can be (RPC-REVOKE-02, AMB-131)", () => {
  const router = new TestRouter();
  const [caller, a, b] = [router.join(), router.join({ callee: {} }), router.join(revoking)];
  const registration = a.register("com.x", { invoke: "roundrobin" });
  b.register("com.x", { invoke: "roundrobin" });
  expect(router.dealer().revoke(registration, router.session(caller))).toBe(false);
  expect(router.dealer().revoke(registration, router.session(a), "com.app.retired")).toBe(true);
  expect([a.inbox, b.inbox]).toEqual([[], []]);
  caller.call("com.x");
  caller.call("com.x");
  expect([a.inbox.length, b.inbox.length]).toEqual([0, 2]);
});

afterAll(() => {
  // The meta API has its proof in ../feature.test.ts.
  const announced = [...ANNOUNCED.dealer.filter((flag) => !flag.endsWith("_meta_api")), ...Object.keys(CONFIGURABLE.dealer)];
  expect([...proven].sort()).toEqual(announced.sort());
});
