// What arrives in which order (requirements 3.3), over random traffic.
import { type Message, MessageType } from "@junctor/protocol";
import { realmConfig, TestRouter } from "@junctor/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { RealmConfig } from "./realm.ts";

const TOPICS = ["com.a", "com.b.c", "com.b.d"];
const PATTERNS = [
  ["com.a", "exact"],
  ["com.", "prefix"],
  ["com.b", "prefix"],
  ["com..d", "wildcard"],
] as const;

/** A router whose authorizer answers when, and in which order, the test says: nothing of a session may overtake (AMB-126). */
function hesitant(): { readonly router: TestRouter; readonly answer: (which: number) => void; readonly answerAll: () => void } {
  const questions: (() => void)[] = [];
  const realm: RealmConfig = {
    ...realmConfig("realm1"),
    authorize: ({ action }, answer) => {
      if (action === "subscribe" || action === "register") answer({ allow: true, disclose: "deny" });
      else questions.push(() => answer({ allow: true, disclose: "deny" }));
    },
  };
  const answer = (which: number) => questions.splice(which % Math.max(1, questions.length), 1)[0]?.();
  return {
    router: new TestRouter({ realms: [realm] }),
    answer,
    answerAll: () => {
      while (questions.length > 0) answer(questions.length - 1); // the last one first
    },
  };
}

test("events of one publisher reach each subscriber in the order of publication, whatever the topics, the subscriptions and the authorizer (ORD-01, ORD-06, ID-11, AMB-126)", () => {
  const step = fc.record({
    publisher: fc.nat(2),
    topic: fc.constantFrom(...TOPICS),
    who: fc.nat(2),
    pattern: fc.constantFrom(...PATTERNS),
    what: fc.constantFrom("subscribe", "answer", "publish", "publish"),
    which: fc.nat(9),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { router, answer, answerAll } = hesitant();
      const publishers = [router.join(), router.join(), router.join()];
      const subscribers = [router.join(), router.join(), router.join()];
      let count = 0;
      for (const { publisher, topic, who, pattern, what, which } of steps) {
        const subscriber = subscribers[who];
        if (what === "publish") publishers[publisher]?.publish(topic, [publisher, ++count]);
        else if (what === "answer") answer(which);
        else {
          const [uri, match] = pattern;
          subscriber?.send({ type: MessageType.Subscribe, request: ++subscriber.request, options: { match }, topic: uri });
        }
      }
      answerAll();
      for (const { inbox } of subscribers) {
        const last = [0, 0, 0];
        const publications = new Map<number, number>();
        for (const message of inbox) {
          if (message.type !== MessageType.Event) continue;
          const [publisher, number] = message.payload.args as [number, number];
          expect(number).toBeGreaterThanOrEqual(last[publisher] ?? 0); // equal: one publication, several subscriptions
          last[publisher] = number;
          expect(publications.get(number) ?? message.publication).toBe(message.publication);
          publications.set(number, message.publication);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("an event is sent once per session and subscription, and once more for each other subscription that matches (MSG-15, PS-PAT-02)", () => {
  const router = new TestRouter();
  const [publisher, subscriber] = [router.join(), router.join()];
  for (const [topic, match] of PATTERNS) subscriber.subscribe(topic, { match });
  const ids = PATTERNS.map(([topic, match]) => subscriber.subscribe(topic, { match })); // a second time each
  publisher.publish("com.b.d");
  expect(subscriber.inbox.map((message) => "subscription" in message && message.subscription).sort()).toEqual(ids.slice(1).sort());
});

test("SUBSCRIBED comes before any event of the subscription, and none comes after UNSUBSCRIBED (ORD-02, PS-05, AMB-72)", () => {
  const router = new TestRouter();
  const [publisher, subscriber] = [router.join(), router.join()];
  publisher.publish("com.x", ["before"]);
  subscriber.send({ type: MessageType.Subscribe, request: ++subscriber.request, options: {}, topic: "com.x" });
  publisher.publish("com.x", ["during"]);
  const [subscribed, event] = subscriber.inbox.splice(0);
  expect([subscribed?.type, event]).toMatchObject([MessageType.Subscribed, { payload: { args: ["during"] } }]);
  if (subscribed?.type !== MessageType.Subscribed) return;
  subscriber.send({ type: MessageType.Unsubscribe, request: ++subscriber.request, subscription: subscribed.subscription });
  publisher.publish("com.x", ["after"]);
  expect(subscriber.inbox.map(({ type }) => type)).toEqual([MessageType.Unsubscribed]);
});

test("calls of one caller reach a callee in the order of calling, whatever the procedures and the authorizer (ORD-03, ORD-05, RPC-09, AMB-126)", () => {
  const step = fc.record({ caller: fc.nat(1), procedure: fc.constantFrom("com.a", "com.b", "com.c.d"), what: fc.nat(2), which: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { router, answer, answerAll } = hesitant();
      const callers = [router.join(), router.join()];
      const callee = router.join();
      for (const procedure of ["com.a", "com.b"]) callee.register(procedure);
      callee.register("com.c", { match: "prefix" });
      const sent: [number, number][] = [];
      for (const { caller, procedure, what, which } of steps) {
        if (what === 0) answer(which);
        else {
          callers[caller]?.call(procedure, [caller, sent.length]);
          sent.push([caller, sent.length]);
        }
      }
      answerAll();
      const invocations = callee.inbox.flatMap((message) => (message.type === MessageType.Invocation ? [message] : []));
      for (const caller of [0, 1]) {
        const of = (pairs: readonly [number, number][]) => pairs.filter(([who]) => who === caller);
        expect(of(invocations.map(({ payload }) => payload.args as [number, number]))).toEqual(of(sent));
      }
      // Results come in the order of answering: the other way round here.
      for (const { request, payload } of [...invocations].reverse()) callee.yield(request, payload.args);
      const results = callers.flatMap(({ inbox }) =>
        inbox.flatMap((message) => (message.type === MessageType.Result ? [message.payload.args] : [])),
      );
      expect(results).toEqual([0, 1].flatMap((caller) => sent.filter(([who]) => who === caller).reverse()));
    }),
    { numRuns: 200 },
  );
});

test("REGISTERED comes before any call of the registration (ORD-04, RPC-01)", () => {
  const router = new TestRouter();
  const [caller, callee] = [router.join(), router.join()];
  callee.send({ type: MessageType.Register, request: ++callee.request, options: {}, procedure: "com.x" });
  caller.call("com.x");
  expect(callee.inbox.map(({ type }) => type)).toEqual([MessageType.Registered, MessageType.Invocation]);
});

test("PUBLISHED comes before one's own event of that publication (AMB-73, PS-08)", () => {
  const peer = new TestRouter().join();
  peer.subscribe("com.x");
  peer.publish("com.x", [], { acknowledge: true, exclude_me: false });
  const types = (messages: readonly Message[]) => messages.map(({ type }) => type);
  expect(types(peer.inbox)).toEqual([MessageType.Published, MessageType.Event]);
});
