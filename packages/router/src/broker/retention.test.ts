// Retained events: whose, how many, how long (requirements 5.8; AMB-78 to AMB-81).
import { JsonSerializer, MessageType, Payload } from "@junctor/protocol";
import type { RealmConfig } from "@junctor/router";
import { realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

const withRetention = (retention: NonNullable<RealmConfig["events"]>["retention"] & object = {}) =>
  new TestRouter({ realms: [{ ...realmConfig("realm1"), events: { retention } }] });

/** What a subscriber gets that comes now: topics of patterns, and values. */
function retained(peer: TestPeer, topic: string, match: "exact" | "prefix" | "wildcard" = "exact"): unknown[] {
  peer.inbox = []; // what it heard live
  peer.send({ type: MessageType.Subscribe, request: ++peer.request, options: { match, get_retained: true }, topic });
  peer.take(MessageType.Subscribed);
  return peer.inbox.splice(0).map((message) => {
    if (message.type !== MessageType.Event) throw new Error(`a message of type ${message.type}`);
    expect(message.details.retained).toBe(true);
    return match === "exact" ? message.payload.args?.[0] : [message.details.topic, message.payload.args?.[0]];
  });
}

test("a pattern gets the newest of every topic that matches, oldest first, with its topic (AMB-78, PS-PAT-04)", () => {
  const router = new TestRouter();
  const [a, b] = [router.join(), router.join()];
  for (const [value, topic] of ["com.b.x", "com.a.x", "com.b.y", "org.a.x", "com.a.x"].entries()) {
    router.clock.advance(1);
    a.publish(topic, [value], { retain: true });
  }
  expect(retained(b, "com.", "prefix")).toEqual([
    ["com.b.x", 0],
    ["com.b.y", 2],
    ["com.a.x", 4],
  ]);
  expect(retained(b, "..x", "wildcard")).toEqual([
    ["com.b.x", 0],
    ["org.a.x", 3],
    ["com.a.x", 4],
  ]);
  expect(retained(b, "com.a.y")).toEqual([]);
});

test("who may not have the newest gets the newest it may have (PS-RETAIN-03, PS-RETAIN-05, AMB-80)", () => {
  const router = new TestRouter();
  const [a, b, c] = [router.join(), router.join(), router.join()];
  const authid = router.session(b).authid;
  a.publish("com.x", ["for all"], { retain: true });
  a.publish("com.x", ["for b"], { retain: true, eligible_authid: [authid] });
  a.publish("com.x", ["for others"], { retain: true, exclude_authid: [authid], exclude_authrole: ["admin"] });
  a.publish("com.x", ["for c's session"], { retain: true, eligible: [c.session] });
  a.publish("com.x", ["for admins"], { retain: true, eligible_authrole: ["admin"] });
  expect([retained(b, "com.x"), retained(c, "com.x"), retained(router.join(), "com.x")]).toEqual([
    ["for b"],
    ["for c's session"],
    ["for others"],
  ]);
  a.publish("com.x", ["for b again"], { retain: true, eligible_authid: [authid, authid] });
  expect(retained(b, "com.x")).toEqual(["for b again"]);
  a.publish("com.x", ["news for all"], { retain: true, exclude: [] });
  expect([retained(b, "com.x"), retained(c, "com.x")]).toEqual([["news for all"], ["news for all"]]);
});

test("a publisher is not told what it said itself, unless it wants to be (AMB-80, PS-EXCL-01)", () => {
  const router = new TestRouter();
  const [a, b] = [router.join(), router.join()];
  a.publish("com.x", [1], { retain: true });
  expect([retained(a, "com.x"), retained(b, "com.x")]).toEqual([[], [1]]);
  a.publish("com.y", [2], { retain: true, exclude_me: false });
  a.inbox.splice(0);
  expect(retained(a, "com.y")).toEqual([2]);
  // The same program in a new session is somebody else.
  a.close("transport.lost");
  expect(retained(router.join(), "com.x")).toEqual([1]);
});

test("of the values for restricted audiences as many are kept as the realm allows; the oldest goes", () => {
  const router = withRetention({ audiences: 2 });
  const [a, b] = [router.join(), router.join()];
  const authid = router.session(b).authid;
  a.publish("com.x", ["for all"], { retain: true });
  a.publish("com.x", ["for b"], { retain: true, eligible_authid: [authid] });
  for (const name of ["x", "y"]) {
    expect(retained(b, "com.x")).toEqual(["for b"]);
    a.publish("com.x", [`for ${name}`], { retain: true, eligible_authid: [name] });
  }
  expect(retained(b, "com.x")).toEqual(["for all"]);
});

test("a value is kept as long as the realm says", () => {
  const router = withRetention({ ageMs: 1_000, topics: 1 });
  const [a, b] = [router.join(), router.join()];
  a.publish("com.x", [1], { retain: true });
  router.clock.advance(999);
  expect(retained(b, "com.x")).toEqual([1]);
  a.publish("com.y", [2], { retain: true, acknowledge: true });
  expect(a.take(MessageType.Error).payload.args).toEqual(["retention.topics", 1]);
  router.clock.advance(1);
  expect(retained(b, "com.x")).toEqual([]);
  a.publish("com.y", [2], { retain: true, acknowledge: true }); // its place is free
  a.take(MessageType.Published);
  expect(retained(b, "com.", "prefix")).toEqual([["com.y", 2]]);
});

test("limits are told, and an event that breaks one is not delivered either (G8, PS-07)", () => {
  const router = withRetention({ valueBytes: 100, totalBytes: 150, topics: 2 });
  const [a, b] = [router.join(), router.join()];
  b.subscribe("com.", { match: "prefix" });
  const publish = (topic: string, length: number) => {
    a.publish(topic, ["x".repeat(length)], { retain: true, acknowledge: true });
    const answer = a.inbox.shift();
    return answer?.type === MessageType.Error ? [answer.error, ...(answer.payload.args ?? [])] : "published";
  };
  const exceeded = "junctor.error.limit_exceeded";
  expect(publish("com.x", 200)).toEqual([exceeded, "retention.valueSize", 100]);
  expect(publish("com.x", 80)).toBe("published");
  expect(publish("com.y", 90)).toEqual([exceeded, "retention.totalSize", 150]);
  expect(publish("com.x", 90)).toBe("published"); // in place of what was there
  expect(publish("com.y", 20)).toBe("published");
  expect(publish("com.z", 1)).toEqual([exceeded, "retention.topics", 2]);
  expect(b.inbox.length).toBe(3);
  a.publish("com.z", [], { retain: true });
  expect([a.inbox, b.inbox.length]).toEqual([[], 3]);
});

test("a realm may ignore the option (PS-RETAIN-02)", () => {
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), events: { retention: false } }] });
  const [a, b] = [router.join(), router.join()];
  a.publish("com.x", [1], { retain: true, acknowledge: true });
  a.take(MessageType.Published);
  expect(retained(b, "com.x")).toEqual([]);
});

test("a value outlives the bytes that it came in (architecture 3)", () => {
  const router = new TestRouter();
  const [a, b] = [router.join(), router.join()];
  const json = new JsonSerializer();
  const bytes = json.encode({
    type: MessageType.Publish,
    request: 1,
    options: { retain: true },
    topic: "com.x",
    payload: Payload.of(["as it was"]),
  });
  a.request = 1;
  a.send(json.decode(bytes));
  bytes.fill(0x20);
  expect(retained(b, "com.x")).toEqual(["as it was"]);
});
