// Random traffic in two realms, against an oracle of three lines: nothing crosses, and whatever arrives was allowed (T28, T30).
import { type Message, MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import { ALL_ROLES, type TestPeer, TestRouter } from "@junctor/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Permission } from "./access/role.ts";

const REALMS = ["one", "two"] as const;
/** Everybody may subscribe to `open.`, `user` to `user.` as well, but not to what is secret; only `user` may publish, and end sessions. */
const allow = (action: "subscribe" | "publish", uri: string, isAllowed = true): Permission => ({
  ...{ uri, match: uri.endsWith(".") ? "prefix" : uri.includes("..") ? "wildcard" : "exact", allow: { [action]: isAllowed } },
});
const ROLES = [
  { name: "guest", permissions: [allow("subscribe", "open."), allow("subscribe", "open.secret.", false)] },
  {
    name: "user",
    permissions: [
      allow("subscribe", "open."),
      allow("subscribe", "user."),
      allow("subscribe", "user.secret.", false),
      allow("publish", "open."),
      allow("publish", "user."),
      ...["wamp.session.kill", "wamp.session.kill_by_authid"].map((uri): Permission => ({ uri, match: "exact", allow: { call: true } })),
    ],
  },
];
/** The rules once more, without patterns. */
function mayHear(role: string, topic: string): boolean {
  const [first, second] = topic.split(".");
  const isSecret = second === "secret";
  if (role === "guest") return first === "open" && !isSecret;
  return first === "open" || (first === "user" && !isSecret);
}

const topics = ["open.a", "open.b", "open.secret.a", "open.secret.b", "user.a", "user.secret.a", "user.b.c", "other.x"];
const patterns = [
  ...topics.map((uri) => [uri, "exact"] as const),
  ...["", "open.", "user.", "open.secret.", "user.secret.", "user.s", "user.b.", "other."].map((uri) => [uri, "prefix"] as const),
  ...["open..a", "open.", ".a", "..", "user..c", "user..a", "open.secret."].map((uri) => [uri, "wildcard"] as const),
];

const steps = fc.array(
  fc.record({
    peer: fc.nat(7),
    what: fc.oneof(
      { weight: 3, arbitrary: fc.record({ do: fc.constant("publish" as const), topic: fc.constantFrom(...topics) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant("subscribe" as const), pattern: fc.constantFrom(...patterns) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("unsubscribe" as const), subscription: fc.integer({ min: 1, max: 30 }) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant("kill" as const),
          victim: fc.nat(7),
          byName: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const) }) },
    ),
  }),
  { minLength: 20, maxLength: 120 },
);

test("two realms with random traffic never mix, and every event was allowed for whoever got it", () => {
  let delivered = 0;
  let ended = 0;
  fc.assert(
    fc.property(steps, (steps) => {
      const router = new TestRouter({
        realms: REALMS.map((name) => ({
          name,
          roles: ROLES,
          authenticate: ({ details }, answer) =>
            answer({
              ...{ kind: "welcome", authid: "everybody", authrole: details.authrole ?? "guest" },
              ...{ authmethod: "test", authprovider: "test" },
            }),
        })),
      });
      const identity = (i: number) => ({ realm: REALMS[i % 2] ?? "one", authrole: i % 4 < 2 ? "user" : "guest" });
      const join = (i: number): TestPeer => {
        const { realm, authrole } = identity(i);
        const peer = router.attach();
        peer.send({ type: MessageType.Hello, realm, details: { roles: ALL_ROLES, authrole } });
        peer.take(MessageType.Welcome);
        return peer;
      };
      const peers = Array.from({ length: 8 }, (_, i) => join(i));
      for (const peer of peers) for (const topic of ["open.a", "open.b"]) peer.subscribe(topic);
      for (const { peer: i, what } of steps) {
        const peer = peers[i] as TestPeer;
        switch (what.do) {
          case "publish":
            // Each payload says which realm it is of, and under which topic it was sent.
            peer.publish(what.topic, [identity(i).realm, what.topic]);
            break;
          case "subscribe":
            peer.send({
              type: MessageType.Subscribe,
              request: ++peer.request,
              options: { match: what.pattern[1] },
              topic: what.pattern[0],
            });
            break;
          case "unsubscribe":
            peer.send({ type: MessageType.Unsubscribe, request: ++peer.request, subscription: what.subscription });
            break;
          case "kill": {
            // By the id of a session that may be in the other realm, or by the name that all have.
            const { victim, byName } = what;
            const procedure = byName ? "wamp.session.kill_by_authid" : "wamp.session.kill";
            peer.call(procedure, [byName ? "everybody" : peers[victim]?.session]);
            const { realm, authrole } = identity(i);
            for (const [j, other] of peers.entries()) {
              const mayEnd = authrole === "user" && identity(j).realm === realm && j !== i && (byName || j === victim);
              const hasEnded = other.inbox.some(({ type }) => type === MessageType.Goodbye);
              expect({ j, hasEnded }).toEqual({ j, hasEnded: mayEnd });
              if (!hasEnded) continue;
              ended++;
              peers[j] = join(j);
            }
            break;
          }
          case "leave":
            peer.close("transport.lost");
            peers[i] = join(i);
        }
        for (const [j, other] of peers.entries()) {
          const { realm, authrole } = identity(j);
          for (const message of other.inbox.splice(0)) {
            expect([MessageType.Goodbye, MessageType.Abort]).not.toContain(message.type);
            if (message.type !== MessageType.Event) continue;
            delivered++;
            const [from, topic] = message.payload.args as [string, string];
            expect({ realm: from, isAllowed: mayHear(authrole, topic), topic }).toEqual({ realm, isAllowed: true, topic });
          }
        }
      }
    }),
    { numRuns: 150 },
  );
  expect(delivered).toBeGreaterThan(100); // it does deliver: about 510
  expect(ended).toBeGreaterThan(50); // and sessions are ended, those of the same realm: about 290
});

test.each<
  [what: string, verdict: string, message: (ids: Record<"invocation" | "call" | "subscription" | "registration", number>) => Message]
>([
  ["YIELD", Uri.protocolViolation, ({ invocation }) => ({ type: MessageType.Yield, request: invocation, options: NO_OPTIONS, payload })],
  [
    "ERROR",
    Uri.protocolViolation,
    ({ invocation: request }) => ({
      type: MessageType.Error,
      requestType: MessageType.Invocation,
      request,
      details: {},
      error: "com.x",
      payload,
    }),
  ],
  ["CANCEL", "", ({ call }) => ({ type: MessageType.Cancel, request: call, options: { mode: "kill" } })],
  ["UNSUBSCRIBE", Uri.noSuchSubscription, ({ subscription }) => ({ type: MessageType.Unsubscribe, request: 1, subscription })],
  ["UNREGISTER", Uri.noSuchRegistration, ({ registration }) => ({ type: MessageType.Unregister, request: 1, registration })],
])("%s for what is somebody else's does nothing to them (T12)", (_what, verdict, message) => {
  const router = new TestRouter();
  const [callee, caller, thief] = [router.join(), router.join(), router.join()];
  const subscription = caller.subscribe("t");
  const registration = callee.register("p");
  const call = caller.call("p");
  const { request: invocation } = callee.take(MessageType.Invocation);
  thief.send(message({ invocation, call, subscription, registration }));
  expect(thief.inbox.map((answer) => ("error" in answer ? answer.error : "reason" in answer ? answer.reason : ""))).toEqual(
    verdict === "" ? [] : [verdict],
  );
  expect([caller.inbox, callee.inbox]).toEqual([[], []]);
  callee.publish("t", ["still"]);
  expect(caller.take(MessageType.Event).payload.args).toEqual(["still"]);
  callee.send({ type: MessageType.Yield, request: invocation, options: NO_OPTIONS, payload });
  expect(caller.take(MessageType.Result).request).toBe(call);
  expect(callee.inbox).toEqual([]);
});

const payload = Payload.EMPTY;
