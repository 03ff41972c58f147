// One test per announced feature, by its name; the last test holds the table against them (FEAT-01).
import { MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import type { RealmConfig } from "@junctor/router";
import { ALL_ROLES, ALLOW_ALL, realmConfig, TestRouter } from "@junctor/testkit";
import { afterAll, describe, expect, test as vitest } from "vitest";
import { ANNOUNCED, CONFIGURABLE } from "./feature.ts";

const proven = new Set<string>();
function test(feature: string, sentence: string, body: () => void): void {
  proven.add(feature);
  vitest(`${feature}: ${sentence}`, body);
}
const withEvents = (events: RealmConfig["events"]) => new TestRouter({ realms: [{ ...realmConfig("realm1"), events: events ?? {} }] });
const disclosing = (disclose: object) => new TestRouter({ realms: [realmConfig("realm1", [{ ...ALLOW_ALL, disclose }])] });

describe("broker", () => {
  test("publisher_exclusion", "the publisher receives its own event only if it says so (PS-EXCL-01, PS-EXCL-02, PS-09)", () => {
    const peer = new TestRouter().join();
    const subscription = peer.subscribe("com.x");
    peer.publish("com.x", [1]);
    expect(peer.inbox).toEqual([]);
    peer.publish("com.x", [2], { exclude_me: false, acknowledge: true });
    const { publication } = peer.take(MessageType.Published); // [AMB-73] before its EVENT
    expect(peer.take(MessageType.Event)).toMatchObject({ subscription, publication });
    expect(peer.inbox).toEqual([]);
  });

  test("publisher_identification", "is given on request, never, or always (PS-PID-01 to PS-PID-03, AMB-76)", () => {
    for (const [publisher, asked, expected] of [
      ["allow", false, false],
      ["allow", true, true],
      ["force", false, true],
      ["deny", false, false],
    ] as const) {
      const router = disclosing({ publisher });
      const [a, b] = [router.join(), router.join()];
      b.subscribe("com.x");
      a.publish("com.x", [], asked ? { disclose_me: true } : NO_OPTIONS);
      const { details } = b.take(MessageType.Event);
      expect(details.publisher).toBe(expected ? a.session : undefined);
      if (expected)
        expect(details).toMatchObject({ publisher_authrole: "anonymous", publisher_authid: expect.stringContaining("anonymous") });
    }
    const router = disclosing({ publisher: "deny" });
    const [a, b] = [router.join(), router.join()];
    b.subscribe("com.x");
    a.publish("com.x", [], { disclose_me: true, acknowledge: true });
    a.publish("com.x", [], { disclose_me: true });
    expect(a.take(MessageType.Error).error).toBe(Uri.discloseMeDisallowed);
    expect([a.inbox, b.inbox]).toEqual([[], []]);
  });

  test(
    "pattern_based_subscription",
    "an event reaches each matching subscription once, with its topic (PS-PAT-01 to PS-PAT-04, AMB-84, AMB-85)",
    () => {
      const router = new TestRouter();
      const [a, b] = [router.join(), router.join()];
      const ids = {
        exact: b.subscribe("com.app.x"),
        prefix: b.subscribe("com.ap", { match: "prefix" }),
        wildcard: b.subscribe("com..x", { match: "wildcard" }),
        other: b.subscribe("com..", { match: "wildcard" }),
        none: b.subscribe("com.app.x.", { match: "prefix" }),
        all: b.subscribe("", { match: "prefix" }),
      };
      b.inbox = []; // the last one hears of itself: it covers the meta events too (AMB-86, AMB-99)
      expect(new Set(Object.values(ids)).size).toBe(6);
      a.publish("com.app.x");
      const events = b.inbox.splice(0) as { subscription: number; publication: number; details: { topic?: string } }[];
      expect(events.map(({ subscription }) => subscription).sort()).toEqual(
        [ids.exact, ids.prefix, ids.all, ids.wildcard, ids.other].sort(),
      );
      expect(new Set(events.map(({ publication }) => publication)).size).toBe(1);
      for (const event of events) expect(event.details.topic).toBe(event.subscription === ids.exact ? undefined : "com.app.x");
    },
  );

  test(
    "subscriber_blackwhite_listing",
    "all lists must allow a subscriber, and none widens who receives (PS-BWL-01 to PS-BWL-05, AMB-74, AMB-75)",
    () => {
      const router = new TestRouter();
      const [a, b, c] = [router.join(), router.join(), router.join()];
      const authid = (peer: typeof a) => router.router.realm("realm1")?.sessions.get(peer.session)?.authid ?? "";
      b.subscribe("com.x");
      c.subscribe("com.x");
      a.subscribe("com.x");
      const heard = (options: object) => {
        a.publish("com.x", [], options);
        return [a, b, c].map((peer) => peer.inbox.splice(0).length).join("");
      };
      expect(heard({ exclude: [b.session] })).toBe("001");
      expect(heard({ exclude: [] })).toBe("011");
      expect(heard({ exclude_authid: [authid(c)] })).toBe("010");
      expect(heard({ exclude_authrole: ["anonymous"] })).toBe("000");
      expect(heard({ eligible: [b.session, 99] })).toBe("010");
      expect(heard({ eligible: [] })).toBe("000");
      expect(heard({ eligible_authid: [authid(b), authid(c)] })).toBe("011");
      expect(heard({ eligible_authrole: ["other"] })).toBe("000");
      expect(heard({ eligible: [b.session, c.session], exclude: [b.session] })).toBe("001");
      expect(heard({ eligible: [b.session], eligible_authid: [authid(c)] })).toBe("000");
      expect(heard({ eligible: [a.session] })).toBe("000");
      expect(heard({ eligible: [a.session], exclude_me: false })).toBe("100");
      expect(heard({ exclude: [a.session], exclude_me: false })).toBe("011");
    },
  );

  test("subscriber_blackwhite_listing", "ids and names of nobody are ignored, and names are compared exactly (AMB-74)", () => {
    const router = new TestRouter();
    const [a, b] = [router.join(), router.join()];
    b.subscribe("com.x");
    const isHeard = (options: object) => {
      a.publish("com.x", [], options);
      return b.inbox.splice(0).length === 1;
    };
    expect(isHeard({ exclude: [12345], exclude_authid: ["nobody"], exclude_authrole: ["Anonymous", "anonymous "] })).toBe(true);
    expect(isHeard({ eligible_authrole: ["Anonymous"] })).toBe(false);
    expect(isHeard({ exclude_authid: [], exclude_authrole: [] })).toBe(true);
    expect([isHeard({ eligible_authid: [] }), isHeard({ eligible_authrole: [] })]).toEqual([false, false]);
    const authid = router.session(b).authid;
    expect(isHeard({ eligible_authid: [authid], exclude_authid: [authid] })).toBe(false); // [PS-BWL-04]
    expect(isHeard({ eligible_authid: [authid], eligible_authrole: ["anonymous"], eligible: [b.session] })).toBe(true);
  });

  const passthru = { publisher: { features: { payload_passthru_mode: true } }, subscriber: {} };
  test("payload_passthru_mode", "its attributes reach every subscriber, and nothing is checked (PPT-03, PPT-06, PPT-10, PPT-14)", () => {
    const router = new TestRouter();
    const [a, b] = [router.join(passthru), router.join()];
    b.subscribe("com.x");
    const attributes = { ppt_scheme: "x_mine", ppt_serializer: "cbor", ppt_cipher: "aes256gcm", ppt_keyid: "k1" };
    a.publish("com.x", ["not", "one binary item"], attributes);
    const { details, payload } = b.take(MessageType.Event);
    expect([details, payload.args]).toEqual([attributes, ["not", "one binary item"]]);
    a.publish("com.x", [], { ppt_scheme: "mqtt" });
    expect(b.take(MessageType.Event).details).toEqual({ ppt_scheme: "mqtt" });
  });
  test("payload_passthru_mode", "a publisher that did not announce it breaks the protocol by using it (PPT-01, PPT-07)", () => {
    const router = new TestRouter();
    const [a, b] = [router.join(), router.join()];
    b.subscribe("com.x");
    a.publish("com.x", [1], { ppt_scheme: "", ppt_keyid: "k1" }); // an empty scheme is none
    expect(b.take(MessageType.Event).details).toEqual({});
    a.publish("com.x", [1], { ppt_scheme: "x_mine" });
    expect(a.take(MessageType.Abort).reason).toBe(Uri.protocolViolation);
    expect(b.inbox).toEqual([]);
  });

  test(
    "publication_trustlevels",
    "come from the configuration, by topic and role, and from nowhere else (PS-TRUST-01, AMB-77, T29)",
    () => {
      const level = (rules: object[], topic: string, options: object = NO_OPTIONS) => {
        const router = withEvents({ trust: rules as NonNullable<RealmConfig["events"]>["trust"] & object });
        const [a, b] = [router.join(), router.join()];
        b.subscribe(topic);
        a.publish(topic, [], options);
        return b.take(MessageType.Event).details.trustlevel;
      };
      const all = { uri: "", match: "prefix", level: 1 };
      const narrow = { uri: "com.app.", match: "prefix", level: 2 };
      expect(level([all, narrow], "com.app.x")).toBe(2);
      expect(level([all, narrow], "org.x")).toBe(1);
      expect(level([narrow], "org.x")).toBeUndefined();
      expect(level([narrow], "org.x", { trustlevel: 9 })).toBeUndefined();
      expect(level([narrow, { ...all, role: "anonymous", level: 0 }], "com.app.x")).toBe(0); // one for the role first
      expect(level([narrow, { ...all, role: "other", level: 0 }], "com.app.x")).toBe(2);
    },
  );

  test("event_retention", "who asks for it gets the latest retained event, marked as such (PS-RETAIN-01 to PS-RETAIN-04, AMB-79)", () => {
    const router = new TestRouter();
    const [a, b] = [router.join(), router.join()];
    const retained = (options: object = { get_retained: true }) => {
      b.send({ type: MessageType.Subscribe, request: ++b.request, options, topic: "com.x" });
      b.take(MessageType.Subscribed); // [AMB-71] comes first
      return b.inbox.splice(0);
    };
    expect(retained()).toEqual([]);
    a.publish("com.x", [1], { retain: true, acknowledge: true, disclose_me: true });
    const { publication } = a.take(MessageType.Published);
    expect(b.take(MessageType.Event).details.retained).toBeUndefined(); // live
    a.publish("com.x", [2]); // not retained
    b.take(MessageType.Event);
    expect(retained({})).toEqual([]);
    expect(retained()).toMatchObject([{ publication, details: { retained: true, publisher: a.session }, payload: { args: [1] } }]);
    a.publish("com.x", [3], { retain: true });
    b.take(MessageType.Event);
    expect(retained()).toMatchObject([{ payload: { args: [3] } }]);
    expect(retained()).toMatchObject([{ payload: { args: [3] } }]); // [AMB-81]
  });

  test(
    "event_history",
    "a subscription's past is there, also from before anybody subscribed (PS-HIST-01, PS-HIST-02, PS-HIST-04, PS-HIST-08)",
    () => {
      const router = withEvents({ history: [{ uri: "com.x", match: "exact" }] });
      const [a, b] = [router.join(), router.join()];
      a.publish("com.x", [1], { acknowledge: true });
      const { publication } = a.take(MessageType.Published);
      router.clock.advance(1_500);
      const subscription = b.subscribe("com.x");
      a.publish("com.x", ["two"], { disclose_me: true });
      const request = b.call("wamp.subscription.get_events", [subscription]);
      expect(b.take(MessageType.Event)).toBeDefined();
      const result = b.take(MessageType.Result);
      expect(result).toMatchObject({ request, payload: { kwargs: undefined } });
      expect(result.payload.args).toEqual([
        { timestamp: "2026-01-01T00:00:00.000Z", subscription, publication, details: {}, args: [1] },
        {
          timestamp: "2026-01-01T00:00:01.500Z",
          subscription,
          publication: expect.any(Number),
          details: { publisher: a.session, publisher_authid: router.session(a).authid, publisher_authrole: "anonymous" },
          args: ["two"],
        },
      ]);
    },
  );

  test(
    "sharded_subscription",
    "an event with a key goes to one of those with a key, always the same, and to all others (PS-SHARD-01)",
    () => {
      const router = withEvents({ sharding: true });
      const [publisher, watcher] = [router.join(), router.join()];
      watcher.subscribe("com.x");
      const nodes = ["a", "b", "c"].map((nkey) => {
        const peer = router.join();
        peer.subscribe("com.x", { nkey });
        return peer;
      });
      const heardBy = (options: object) => {
        publisher.publish("com.x", [], options);
        watcher.take(MessageType.Event);
        return nodes.map((peer) => peer.inbox.splice(0).length).join("");
      };
      const keys = Array.from({ length: 60 }, (_, i) => `key-${i}`);
      const before = new Map(keys.map((rkey) => [rkey, heardBy({ rkey })]));
      expect(new Set(before.values())).toEqual(new Set(["100", "010", "001"]));
      for (const rkey of keys) expect(heardBy({ rkey })).toBe(before.get(rkey));
      expect(heardBy({})).toBe("111"); // without a key all of them
      // One that must not hear it is passed over; who leaves moves its own keys only.
      const [rkey] = keys.filter((key) => before.get(key) === "010");
      expect(["100", "001"]).toContain(heardBy({ rkey, exclude: [nodes[1]?.session] }));
      nodes[1]?.close("transport.lost");
      for (const key of keys) if (before.get(key) !== "010") expect(heardBy({ rkey: key })).toBe(before.get(key));
      expect(["100", "001"]).toContain(heardBy({ rkey }));
    },
  );
  test("sharded_subscription", "unless the realm turns it on its keys mean nothing (PS-SHARD-01)", () => {
    const router = new TestRouter();
    const [publisher, a, b] = [router.join(), router.join(), router.join()];
    a.subscribe("com.x", { nkey: "a" });
    b.subscribe("com.x", { nkey: "b" });
    publisher.publish("com.x", [], { rkey: "k" });
    expect([a.inbox.length, b.inbox.length]).toEqual([1, 1]);
  });

  vitest("what a realm has turned off is not announced (FEAT-01, FEAT-05, PS-HIST-01)", () => {
    const announced = (events: RealmConfig["events"]) => {
      const peer = withEvents(events).attach();
      peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } });
      const { roles, x_history } = peer.take(MessageType.Welcome).details;
      const { event_history, event_retention, sharded_subscription } = roles.broker?.features ?? {};
      return { event_history, event_retention, sharded_subscription, x_history };
    };
    expect(announced(undefined)).toEqual({ event_retention: true });
    expect(announced({ retention: false, history: [{ uri: "", match: "prefix" }], sharding: true })).toEqual({
      event_history: true,
      sharded_subscription: true,
      x_history: "memory",
    });
  });

  const revocable = { ...ALL_ROLES, subscriber: { features: { subscription_revocation: true } } };
  test("subscription_revocation", "a subscriber is told that its subscription is gone, and why (PS-REVOKE-01, AMB-72, AMB-131)", () => {
    const router = new TestRouter();
    const [publisher, peer] = [router.join(), router.join(revocable)];
    const broker = router.broker();
    const subscription = peer.subscribe("com.x");
    const other = peer.subscribe("com.", { match: "prefix" });
    expect(broker.revoke(subscription, router.session(peer), "com.app.retired")).toBe(true);
    expect(peer.take(MessageType.Unsubscribed)).toEqual({
      type: MessageType.Unsubscribed,
      request: 0,
      details: { subscription, reason: "com.app.retired" },
    });
    publisher.publish("com.x");
    expect(peer.take(MessageType.Event).subscription).toBe(other);
    peer.send({ type: MessageType.Unsubscribe, request: ++peer.request, subscription });
    expect(peer.take(MessageType.Error).error).toBe(Uri.noSuchSubscription);
    expect(broker.revoke(subscription, router.session(peer))).toBe(false);
    broker.revoke(other, router.session(peer));
    expect(peer.take(MessageType.Unsubscribed).details).toEqual({ subscription: other });
    expect([peer.inbox, broker.subscriptionCount]).toEqual([[], 0]);
    peer.subscribe("com.x");
    publisher.publish("com.x");
    peer.take(MessageType.Event);
  });
  test("subscription_revocation", "only that subscriber loses it, and is told only if it can be (PS-REVOKE-02, AMB-131)", () => {
    const router = new TestRouter();
    const [publisher, a, b] = [router.join(), router.join(), router.join(revocable)];
    const subscription = a.subscribe("com.x");
    b.subscribe("com.x");
    expect(router.broker().revoke(subscription, router.session(publisher))).toBe(false);
    expect(router.broker().revoke(subscription, router.session(a), "com.app.retired")).toBe(true);
    expect([a.inbox, b.inbox]).toEqual([[], []]);
    publisher.publish("com.x");
    expect([a.inbox.length, b.inbox.length]).toEqual([0, 1]);
  });
});

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
  const announced = (role: "broker" | "dealer") => [...ANNOUNCED[role], ...Object.keys(CONFIGURABLE[role])];
  expect([...proven].sort()).toEqual([...new Set([...announced("broker"), ...announced("dealer")])].sort());
});
