// What callees are told of a call beside its payload (requirements 4.6, 4.7, 12.1).
import { MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import type { CallConfig, TrustRule } from "@junctor/router";
import { ALL_ROLES, ALLOW_ALL, realmConfig, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

const disclosing = (disclose: object) => new TestRouter({ realms: [realmConfig("realm1", [{ ...ALLOW_ALL, disclose }])] });

test("caller_identification: is given on request, or to a callee that may ask (RPC-CID-01 to RPC-CID-05, AMB-66)", () => {
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
test("caller_identification: is refused where the realm denies it (RPC-CID-04, AMB-65)", () => {
  const router = disclosing({ caller: "deny" });
  const [a, b] = [router.join(), router.join()];
  b.register("com.x");
  a.call("com.x", [], { disclose_me: true });
  expect(a.take(MessageType.Error)).toMatchObject({ error: Uri.discloseMeDisallowed, requestType: MessageType.Call });
  b.send({ type: MessageType.Register, request: ++b.request, options: { disclose_caller: true }, procedure: "com.y" });
  expect(b.take(MessageType.Error)).toMatchObject({ error: Uri.discloseMeDisallowed, requestType: MessageType.Register });
  expect(b.inbox).toEqual([]);
});

test("call_trustlevels: the best rule decides, one for the caller's role first, and callers have no say (RPC-TRUST-01, RPC-TRUST-02)", () => {
  const trust: readonly TrustRule[] = [
    { uri: "com.", match: "prefix", level: 1 },
    { uri: "com.x", match: "exact", level: 2 },
    { uri: "com.app.", match: "prefix", role: "anonymous", level: 0 },
    { uri: "com.app.z", match: "exact", role: "somebody", level: 9 },
  ];
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), calls: { trust } }] });
  const [caller, callee] = [router.join(), router.join()];
  const level = (procedure: string, options: object = NO_OPTIONS) => {
    caller.call(procedure, [], options);
    return callee.take(MessageType.Invocation).details.trustlevel;
  };
  for (const procedure of ["com.y", "com.x", "com.app.z", "org.x"]) callee.register(procedure);
  expect(["com.y", "com.x", "com.app.z", "org.x"].map((procedure) => level(procedure))).toEqual([1, 2, 0, undefined]);
  expect(level("com.x", { trustlevel: 9 })).toBe(2);
  expect(level("com.x", { timeout: 5 })).toBe(2);
});

const passthru = { ppt_scheme: "x_custom", ppt_serializer: "cbor", ppt_cipher: "x_cipher", ppt_keyid: "k1" };
const plainCallee = { ...ALL_ROLES, callee: { features: { call_canceling: true, progressive_call_results: true } } };
const plainCaller = { ...ALL_ROLES, caller: {} };
const carrying = (callerRoles: object, calleeRoles: object, options: object = NO_OPTIONS, calls: Partial<CallConfig> = {}) => {
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), calls }] });
  const [caller, callee] = [router.join(callerRoles), router.join(calleeRoles)];
  callee.register("com.x");
  caller.call("com.x", [new Uint8Array([1, 2])], options);
  return { router, caller, callee };
};

test("payload_passthru_mode: its attributes go with calls, results and errors, and the payload as it came (PPT-01 to PPT-03, PPT-06, PPT-14)", () => {
  const { caller, callee } = carrying(ALL_ROLES, ALL_ROLES, { ...passthru, receive_progress: true });
  const { request, details, payload } = callee.take(MessageType.Invocation);
  expect([details, payload.args]).toEqual([{ ...passthru, receive_progress: true }, [new Uint8Array([1, 2])]]);
  callee.yield(request, ["no single binary"], { ...passthru, progress: true });
  callee.yield(request, [], passthru);
  expect(caller.take(MessageType.Result)).toMatchObject({
    details: { ...passthru, progress: true },
    payload: { args: ["no single binary"] },
  });
  expect(caller.take(MessageType.Result).details).toEqual(passthru);
  const failing = carrying(ALL_ROLES, ALL_ROLES);
  failing.callee.send({
    type: MessageType.Error,
    requestType: MessageType.Invocation,
    request: failing.callee.take(MessageType.Invocation).request,
    details: passthru,
    error: "com.error",
    payload: Payload.EMPTY,
  });
  expect(failing.caller.take(MessageType.Error)).toMatchObject({ error: "com.error", details: passthru }); // [AMB-128]
});
test("payload_passthru_mode: who did not announce it and uses it has broken the protocol (PPT-07, AMB-10)", () => {
  const { caller, callee } = carrying(plainCaller, ALL_ROLES, passthru);
  expect([caller.closed, callee.inbox]).toEqual(["protocol_violation.invalid_option", []]);
  const other = carrying(ALL_ROLES, plainCallee);
  other.callee.yield(other.callee.take(MessageType.Invocation).request, [], passthru);
  expect(other.callee.closed).toBe("protocol_violation.invalid_option");
  expect(other.caller.take(MessageType.Error).error).toBe(Uri.canceled);
  const empty = carrying(plainCaller, plainCallee, { ppt_scheme: "" }); // [PPT-01] not in use
  empty.callee.take(MessageType.Invocation);
});
test("payload_passthru_mode: a call finds a callee that announced it, or is refused (PPT-08, AMB-63)", () => {
  const { router, caller, callee } = carrying(ALL_ROLES, plainCallee, passthru);
  expect(caller.take(MessageType.Error).error).toBe(Uri.featureNotSupported);
  expect([callee.inbox, router.router.realm("realm1")?.counters.callsInFlight]).toEqual([[], 0]);
  const [able, unable] = [router.join(), router.join(plainCallee)];
  for (const peer of [unable, able]) peer.register("com.shared", { invoke: "first" });
  caller.call("com.shared", [], passthru);
  able.take(MessageType.Invocation);
  expect(unable.inbox).toEqual([]);
});
test("payload_passthru_mode: a result that its caller cannot read ends the call with an error (PPT-09, AMB-127)", () => {
  for (const progress of [false, true]) {
    const roles = { ...ALL_ROLES, caller: { features: { progressive_call_results: true } } };
    const { router, caller, callee } = carrying(roles, ALL_ROLES, { receive_progress: true });
    const { request } = callee.take(MessageType.Invocation);
    callee.yield(request, [], progress ? { ...passthru, progress } : passthru);
    expect(caller.take(MessageType.Error).error).toBe(Uri.featureNotSupported);
    if (progress)
      expect(callee.take(MessageType.Interrupt)).toMatchObject({
        request,
        options: { mode: "killnowait", reason: Uri.featureNotSupported },
      });
    callee.yield(request);
    expect([caller.inbox, callee.inbox, callee.closed]).toEqual([[], [], undefined]);
    expect(router.router.realm("realm1")?.counters.callsInFlight).toBe(0);
  }
});
test("payload_passthru_mode: with pptYieldError the callee is sent an ERROR in place of INTERRUPT, or of nothing (PPT-09, AMB-127)", () => {
  for (const progress of [false, true]) {
    const roles = { ...ALL_ROLES, caller: { features: { progressive_call_results: true } } };
    const { caller, callee } = carrying(roles, ALL_ROLES, { receive_progress: true }, { pptYieldError: true });
    const { request } = callee.take(MessageType.Invocation);
    callee.yield(request, [], progress ? { ...passthru, progress } : passthru);
    expect(caller.take(MessageType.Error).error).toBe(Uri.featureNotSupported);
    expect(callee.inbox).toMatchObject([
      { type: MessageType.Error, requestType: MessageType.Invocation, request, details: {}, error: Uri.featureNotSupported },
    ]);
  }
});
test("payload_passthru_mode: the router's own procedures read what they are sent, and refuse it (PPT-08); an empty scheme is none (PPT-01)", () => {
  const router = new TestRouter();
  const peer = router.join();
  peer.call("wamp.session.count", [], passthru);
  expect(peer.take(MessageType.Error).error).toBe(Uri.featureNotSupported);
  peer.call("wamp.session.count", [], { ppt_scheme: "" });
  expect(peer.take(MessageType.Result).payload.args).toEqual([1]);
});
