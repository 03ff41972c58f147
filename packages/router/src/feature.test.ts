// One test or more per feature that the dealer and the meta API announce, by its name; the last test holds the table against
// them (FEAT-01).
import { MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import { ALL_ROLES, ALLOW_ALL, realmConfig, TestRouter } from "@junctor/testkit";
import { afterAll, describe, expect, test as vitest } from "vitest";
import { ANNOUNCED, CONFIGURABLE } from "./feature.ts";

const proven = new Set<string>();
function test(feature: string, sentence: string, body: () => void): void {
  proven.add(feature);
  vitest(`${feature}: ${sentence}`, body);
}
const disclosing = (disclose: object) => new TestRouter({ realms: [realmConfig("realm1", [{ ...ALLOW_ALL, disclose }])] });

describe("dealer", () => {
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
});

// That each URI is there; what it answers stands in meta/*.test.ts.
describe("meta API", () => {
  const setup = () => {
    const permissions = [ALLOW_ALL, { uri: "wamp.", match: "prefix", allow: { call: true } } as const];
    const router = new TestRouter({ realms: [realmConfig("realm1", permissions)] });
    const [asker, other] = [router.join(), router.join()];
    const hears = (name: string, ...verbs: string[]) => {
      const topics = new Map(verbs.map((verb) => [asker.subscribe(`wamp.${name}.${verb}`), verb]));
      return () => asker.events(topics).map(([verb]) => verb);
    };
    const answers = (name: string, verb: string, ...args: unknown[]) =>
      expect([verb, typeof asker.ask(`wamp.${name}.${verb}`, args)]).toEqual([verb, "object"]);
    return { router, asker, other, hears, answers };
  };

  test("session_meta_api", "all procedures and events are there (META-S-01)", () => {
    const { router, other, hears, answers } = setup();
    const heard = hears("session", "on_join", "on_leave");
    const third = router.join();
    for (const verb of ["count", "list"]) answers("session", verb);
    answers("session", "get", other.session);
    answers("session", "kill", other.session);
    for (const verb of ["kill_by_authid", "kill_by_authrole"]) answers("session", verb, "nobody");
    third.close("transport.lost");
    expect(heard()).toEqual(["on_join", "on_leave", "on_leave"]);
    answers("session", "kill_all");
    expect(ANNOUNCED.broker).toContain("session_meta_api");
    expect(ANNOUNCED.dealer).toContain("session_meta_api");
  });
  test("registration_meta_api", "all procedures and events are there (META-R-01, META-R-03)", () => {
    const { other, hears, answers } = setup();
    const heard = hears("registration", "on_create", "on_register", "on_unregister", "on_delete");
    const id = other.register("com.x");
    answers("registration", "list");
    for (const verb of ["lookup", "match"]) answers("registration", verb, "com.x");
    for (const verb of ["get", "list_callees", "count_callees"]) answers("registration", verb, id);
    answers("registration", "remove_callee", id, other.session);
    expect(heard()).toEqual(["on_create", "on_register", "on_unregister", "on_delete"]);
  });
  test("subscription_meta_api", "all procedures and events are there (META-P-01, META-P-02)", () => {
    const { other, hears, answers } = setup();
    const heard = hears("subscription", "on_create", "on_subscribe", "on_unsubscribe", "on_delete");
    const id = other.subscribe("com.x");
    answers("subscription", "list");
    for (const verb of ["lookup", "match"]) answers("subscription", verb, "com.x");
    for (const verb of ["get", "list_subscribers", "count_subscribers"]) answers("subscription", verb, id);
    answers("subscription", "remove_subscriber", id, other.session);
    expect(heard()).toEqual(["on_create", "on_subscribe", "on_unsubscribe", "on_delete"]);
  });
  test("testament_meta_api", "what a session left is published when it is gone (PS-TEST-01, PS-TEST-02)", () => {
    const { asker, other } = setup();
    const subscription = asker.subscribe("com.last");
    for (const word of ["first", "second"]) {
      expect(other.ask("wamp.session.flush_testaments")).toEqual([]);
      expect(other.ask("wamp.session.add_testament", ["com.last", [word], {}])).toEqual([]);
    }
    other.close("transport.lost");
    expect(asker.take(MessageType.Event)).toMatchObject({ subscription, payload: { args: ["second"] } });
    expect(asker.inbox).toEqual([]);
  });
});

afterAll(() => {
  // What else the broker announces has its proof in broker/feature.test.ts.
  const metaOfBroker = ANNOUNCED.broker.filter((flag) => flag.endsWith("_meta_api"));
  const announced = [...metaOfBroker, ...ANNOUNCED.dealer, ...Object.keys(CONFIGURABLE.dealer)];
  expect([...proven].sort()).toEqual([...new Set(announced)].sort());
});
