// Which callee a call goes to (requirements 4.8, 4.9, 4.11).
import { MessageType, NO_OPTIONS, Uri } from "@junctor/protocol";
import { ALL_ROLES, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

test("pattern_based_registration: the vectors of the specification (RPC-PAT-04 to RPC-PAT-07, AMB-38, AMB-39)", () => {
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
test("pattern_based_registration: patterns of one text do not conflict, and none captures wamp (AMB-34, AMB-20)", () => {
  const router = new TestRouter();
  const [caller, callee] = [router.join(), router.join()];
  for (const match of ["exact", "prefix", "wildcard"] as const) callee.register("com.x", { match });
  callee.register("", { match: "prefix" });
  callee.register(".count", { match: "wildcard" });
  caller.call("wamp.count");
  expect(caller.take(MessageType.Error).error).toBe(Uri.noSuchProcedure);
});

test("shared_registration: each policy picks its callee, and fixes the policy (RPC-SHARED-01 to RPC-SHARED-06, AMB-35 to AMB-37, AMB-68)", () => {
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
});

const revoking = { ...ALL_ROLES, callee: { features: { registration_revocation: true } } };
test("registration_revocation: a callee is told that its registration is gone, and why (RPC-REVOKE-01, RPC-REVOKE-03)", () => {
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
test("registration_revocation: only that callee loses it, and is told only if it can be (RPC-REVOKE-02, AMB-131)", () => {
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
