// What a role's sessions may hold and send: what is more is refused with the name of the limit, and nobody else notices (G8).
import { JsonSerializer, type Message, MessageType, NO_OPTIONS, Payload } from "@junctor/protocol";
import { ALL_ROLES, ALLOW_ALL, TestRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import { RouterError } from "../error.ts";
import type { Permission } from "./role.ts";
import { type Rate, type RoleLimits, TokenBucket } from "./role-limits.ts";

/** A realm in which `guest` is limited and `staff` is not: HELLO's authrole decides. */
function limited(limits: RoleLimits, permissions: readonly Permission[] = [ALLOW_ALL]): TestRouter {
  return new TestRouter({
    realms: [
      {
        name: "realm1",
        roles: [
          { name: "guest", permissions, limits },
          { name: "staff", permissions: [ALLOW_ALL] },
        ],
        authenticate: ({ details }, answer) =>
          answer({ kind: "welcome", authid: "x", authrole: details.authrole ?? "guest", authmethod: "test", authprovider: "test" }),
      },
    ],
  });
}

const publish = (request: number, topic = "a", payload = Payload.EMPTY): Message => ({
  type: MessageType.Publish,
  request,
  options: { acknowledge: true },
  topic,
  payload,
});
const call = (request: number, procedure = "wamp.session.count"): Message => ({
  type: MessageType.Call,
  request,
  options: NO_OPTIONS,
  procedure,
  payload: Payload.EMPTY,
});
const subscribe = (request: number, topic: string): Message => ({ type: MessageType.Subscribe, request, options: NO_OPTIONS, topic });

/** Sends, and says what came: the type of the answer, or the arguments of the refusal. */
function ask(peer: ReturnType<TestRouter["join"]>, message: Message): unknown {
  peer.send(message);
  const answer = peer.inbox.shift();
  if (answer === undefined) throw new Error("no answer");
  if (answer.type !== MessageType.Error) return answer.type;
  expect(answer.error).toBe(RouterError.limitExceeded);
  return answer.payload.args;
}

function joinAs(router: TestRouter, authrole: string) {
  const peer = router.attach();
  peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES, authrole } });
  peer.take(MessageType.Welcome);
  return peer;
}

describe("rates", () => {
  test("requests beyond the rate are refused until the bucket has filled again; the log tells it once", () => {
    const router = limited({ messageRate: { perSecond: 10, burst: 3 } });
    const guest = router.join();
    const over = ["messageRate", 10];
    expect([1, 2, 3, 4, 5].map((id) => ask(guest, publish(id)))).toEqual([
      MessageType.Published,
      MessageType.Published,
      MessageType.Published,
      over,
      over,
    ]);
    expect(router.log("limit.hit")).toMatchObject([{ limit: "messageRate" }]);
    router.clock.advance(99);
    expect(ask(guest, call(6))).toEqual(over);
    router.clock.advance(1);
    expect([ask(guest, call(7)), ask(guest, call(8))]).toEqual([MessageType.Result, over]);
    router.clock.advance(60_000);
    expect([9, 10, 11, 12].map((id) => ask(guest, subscribe(id, `t${id}`)))).toEqual([...Array(3).fill(MessageType.Subscribed), over]);
    expect(router.log("limit.hit").length).toBe(3); // for each time that it went over
  });

  test("another session, of that role or another, notices nothing", () => {
    const router = limited({ messageRate: { perSecond: 1, burst: 1 } });
    const [flooder, guest, staff] = [router.join(), router.join(), joinAs(router, "staff")];
    for (let id = 1; id <= 100; id++) ask(flooder, publish(id));
    expect([ask(guest, publish(1)), ask(staff, publish(1)), ask(staff, publish(2))]).toEqual(Array(3).fill(MessageType.Published));
  });

  test("a publication that asks for no answer gets none, and is not delivered", () => {
    const router = limited({ messageRate: { perSecond: 1, burst: 1 } });
    const [guest, staff] = [router.join(), joinAs(router, "staff")];
    ask(staff, subscribe(1, "a"));
    for (let id = 1; id <= 5; id++)
      guest.send({ type: MessageType.Publish, request: id, options: NO_OPTIONS, topic: "a", payload: Payload.EMPTY });
    expect(staff.inbox.map(({ type }) => type)).toEqual([MessageType.Event]);
    expect(guest.inbox).toEqual([]);
  });

  test("bytes are counted; a message longer than the burst passes, and is owed", () => {
    const router = limited({ byteRate: { perSecond: 1_000, burst: 500 } });
    const guest = router.join();
    const payload = (bytes: number) => Payload.encoded(new JsonSerializer(), new Uint8Array(bytes).fill(0x20), 0, bytes, 1);
    expect(ask(guest, publish(1, "a", payload(1_500)))).toBe(MessageType.Published);
    expect(ask(guest, publish(2, "a", payload(1)))).toEqual(["byteRate", 1_000]);
    expect(ask(guest, publish(3))).toBe(MessageType.Published); // weighs nothing
    router.clock.advance(1_000);
    expect(ask(guest, publish(4, "a", payload(1)))).toEqual(["byteRate", 1_000]);
    router.clock.advance(1);
    expect(ask(guest, publish(5, "a", payload(1)))).toBe(MessageType.Published);
  });

  test("of one permission hold for all that it covers, and for nothing else", () => {
    const search: Permission = { uri: "wamp.session.", match: "prefix", allow: { call: true }, rate: { perSecond: 1, burst: 2 } };
    const router = limited({}, [ALLOW_ALL, search]);
    const guest = router.join();
    const over = ["rate", 1];
    expect([1, 2, 3].map((id) => ask(guest, call(id, id === 2 ? "wamp.session.list" : "wamp.session.count")))).toEqual([
      MessageType.Result,
      MessageType.Result,
      over,
    ]);
    expect(ask(guest, publish(4))).toBe(MessageType.Published);
    expect(ask(router.join(), call(1))).toBe(MessageType.Result);
    router.clock.advance(1_000);
    expect([ask(guest, call(5)), ask(guest, call(6))]).toEqual([MessageType.Result, over]);
  });

  test("what a callee owes is never refused", () => {
    const router = limited({ messageRate: { perSecond: 1, burst: 1 } });
    const [callee, caller] = [router.join(), joinAs(router, "staff")];
    callee.send({ type: MessageType.Register, request: 1, options: NO_OPTIONS, procedure: "p" });
    callee.take(MessageType.Registered);
    for (let id = 1; id <= 20; id++) {
      caller.send(call(id, "p"));
      const { request } = callee.take(MessageType.Invocation);
      callee.send({ type: MessageType.Yield, request, options: NO_OPTIONS, payload: Payload.EMPTY });
      expect(caller.inbox.shift()?.type).toBe(MessageType.Result);
    }
  });
});

describe("what sessions hold", () => {
  test("is limited by their role where that has a number, and by the router otherwise", () => {
    const router = limited({ subscriptions: 2, registrations: 1, uriComponents: 2 });
    const [guest, staff] = [router.join(), joinAs(router, "staff")];
    expect([1, 2, 3].map((id) => ask(guest, subscribe(id, `t${id}`)))).toEqual([
      MessageType.Subscribed,
      MessageType.Subscribed,
      ["subscriptions", 2],
    ]);
    const register = (request: number): Message => ({ type: MessageType.Register, request, options: NO_OPTIONS, procedure: `p${request}` });
    expect([ask(guest, register(4)), ask(guest, register(5))]).toEqual([MessageType.Registered, ["registrations", 1]]);
    guest.send(subscribe(6, "a.b.c"));
    expect(guest.take(MessageType.Error).error).toBe("wamp.error.invalid_uri");
    for (let id = 1; id <= 10; id++) expect(ask(staff, subscribe(id, `a.b.t${id}`))).toBe(MessageType.Subscribed);
  });

  test("sessions of a role: one too many is told so with ABORT, and there is room again when one has left", () => {
    const router = limited({ sessions: 2 });
    const [first] = [router.join(), router.join()];
    const third = router.attach();
    third.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } });
    expect(third.take(MessageType.Abort).reason).toBe(RouterError.limitExceeded);
    joinAs(router, "staff");
    first?.send({ type: MessageType.Goodbye, details: NO_OPTIONS, reason: "wamp.close.close_realm" });
    expect(router.join().session).toBeGreaterThan(0);
  });
});

/** What a bucket gives in ten seconds to somebody who asks every so many milliseconds for all that there is, and how often it looks at the clock. */
function given(rate: Rate, step: number): { taken: number; looks: number } {
  const bucket = new TokenBucket(rate, 0);
  let taken = 0;
  let looks = 0;
  let time = 0;
  const clock = {
    now: () => {
      looks++;
      return time;
    },
  };
  for (; time <= 10_000; time += step) while (bucket.take(1, clock)) taken++;
  return { taken, looks };
}

test("a bucket gives what its rate says, however it is asked", () => {
  for (const step of [1, 7, 50, 1_000 / 3]) {
    const { taken } = given({ perSecond: 20, burst: 5 }, step);
    expect(taken).toBeGreaterThanOrEqual(step <= 50 ? 204 : 150);
    expect(taken).toBeLessThanOrEqual(206);
  }
});

test("a large bucket looks at the clock once for a sixteenth of its burst, and gives no more than that too much", () => {
  const { taken, looks } = given({ perSecond: 1_000, burst: 1_600 }, 1_000);
  expect(taken).toBeGreaterThanOrEqual(1_600 + 10 * 1_000);
  expect(taken).toBeLessThanOrEqual(1_600 + 10 * 1_000 + 100);
  expect(looks).toBeLessThan(taken / 50);
});

test("the limits of a role hold for testaments and descriptions, too", () => {
  const router = limited({ testaments: 1, listLength: 2, descriptions: 1 });
  const [guest, staff] = [joinAs(router, "guest"), joinAs(router, "staff")];
  const leave = (peer: typeof guest, exclude: readonly number[]) =>
    peer.ask("wamp.session.add_testament", ["a", [], {}], { publish_options: { exclude } });
  const describeIt = (peer: typeof guest, uri: string) => peer.ask("wamp.reflect.define", ["procedure", uri, { about: "it" }]);
  expect([leave(guest, [1, 2, 3]), leave(guest, [1, 2]), leave(guest, [])]).toEqual([
    RouterError.limitExceeded,
    [],
    RouterError.limitExceeded,
  ]);
  expect([describeIt(guest, "a"), describeIt(guest, "b")]).toEqual([[], RouterError.limitExceeded]);
  expect([leave(staff, [1, 2, 3]), leave(staff, []), describeIt(staff, "c"), describeIt(staff, "d")]).toEqual([[], [], [], []]);
});
