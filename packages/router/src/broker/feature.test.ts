// One test or more per feature that the broker announces, by its name; the last test holds the table against them (FEAT-01).
import { MessageType, NO_OPTIONS, Uri } from "@junctor/protocol";
import type { RealmConfig } from "@junctor/router";
import { ALL_ROLES, ALLOW_ALL, realmConfig, TestRouter } from "@junctor/testkit";
import { afterAll, expect, test as vitest } from "vitest";
import { ANNOUNCED, CONFIGURABLE } from "../feature.ts";

const proven = new Set<string>();
function test(feature: string, sentence: string, body: () => void): void {
  proven.add(feature);
  vitest(`${feature}: ${sentence}`, body);
}
const withEvents = (events: RealmConfig["events"]) => new TestRouter({ realms: [{ ...realmConfig("realm1"), events: events ?? {} }] });
const disclosing = (disclose: object) => new TestRouter({ realms: [realmConfig("realm1", [{ ...ALLOW_ALL, disclose }])] });

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
    expect(events.map(({ subscription }) => subscription).sort()).toEqual([ids.exact, ids.prefix, ids.all, ids.wildcard, ids.other].sort());
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

test("publication_trustlevels", "come from the configuration, by topic and role, and from nowhere else (PS-TRUST-01, AMB-77, T29)", () => {
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
});

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

vitest("what is received is not asked for, and who says so all the same is not wrong (ACK-01)", () => {
  const router = new TestRouter();
  const subscriber = router.attach();
  subscriber.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } });
  const { roles } = subscriber.take(MessageType.Welcome).details;
  expect(Object.keys({ ...roles.broker?.features, ...roles.dealer?.features }).filter((flag) => /acknowledge|received/.test(flag))).toEqual(
    [],
  );
  subscriber.subscribe("com.t");
  router.join().publish("com.t");
  const { publication, details } = subscriber.take(MessageType.Event);
  expect(details).toEqual({});
  for (const id of [publication, publication, 4711]) subscriber.send({ type: MessageType.EventReceived, publication: id });
  expect([subscriber.inbox, subscriber.closed]).toEqual([[], undefined]);
});

afterAll(() => {
  // The meta API has its proof in ../feature.test.ts.
  const announced = [...ANNOUNCED.broker.filter((flag) => !flag.endsWith("_meta_api")), ...Object.keys(CONFIGURABLE.broker)];
  expect([...proven].sort()).toEqual(announced.sort());
});
