// Every way in to what others may not have: each is asked about, by action, URI and match, and a denial keeps it shut (T30).
import { type Message, MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import { ALL_ROLES, TestRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import { MemoryEventStore } from "../store/memory-event-store.ts";
import { anonymous } from "./authenticator.ts";
import type { AuthorizationRequest } from "./authorizer.ts";
import type { Decision } from "./role.ts";

const ALLOWED: Decision = { allow: true, disclose: "allow" };
const DENIED: Decision = { allow: false, disclose: "deny" };

type Question = `${AuthorizationRequest["action"]} ${AuthorizationRequest["match"]} ${string}`;

/** A realm whose authorizer notes what it is asked, and denies what the test says. */
function asking(isDenied: (question: Question) => boolean = () => false) {
  const asked: Question[] = [];
  const router = new TestRouter({
    realms: [
      {
        name: "realm1",
        roles: [{ name: "user", permissions: [] }],
        authenticate: anonymous("user"),
        authorize: ({ action, match, uri }, answer) => {
          const question: Question = `${action} ${match} ${uri}`;
          asked.push(question);
          answer(isDenied(question) ? DENIED : ALLOWED);
        },
        events: {
          history: [{ uri: "h", match: "exact" }],
          store: new MemoryEventStore(),
          retention: [{ uri: "", match: "prefix" }],
        } as never,
      },
    ],
  });
  return { router, asked };
}

const call = (procedure: string, args: readonly unknown[] = [], options: object = NO_OPTIONS): Message => ({
  ...{ type: MessageType.Call, request: 1, options, procedure, payload: Payload.of(args) },
});
const publish = (topic: string, options: object = {}): Message => ({
  ...{ type: MessageType.Publish, request: 1, options: { acknowledge: true, ...options }, topic, payload: Payload.EMPTY },
});
const subscribe = (topic: string, options: object = NO_OPTIONS): Message => ({ type: MessageType.Subscribe, request: 1, options, topic });
const register = (procedure: string, options: object = NO_OPTIONS): Message => ({
  type: MessageType.Register,
  request: 1,
  options,
  procedure,
});

const WAYS: readonly [what: string, message: Message, questions: readonly Question[]][] = [
  ["a call", call("p"), ["call exact p"]],
  ["the first chunk of a call", call("p", [], { progress: true }), ["call exact p"]],
  ["a call of a meta procedure", call("wamp.session.list"), ["call exact wamp.session.list"]],
  ["ending another session", call("wamp.session.kill", [1]), ["call exact wamp.session.kill"]],
  [
    "ending another's subscription",
    call("wamp.subscription.remove_subscriber", [1, 1]),
    ["call exact wamp.subscription.remove_subscriber"],
  ],
  ["ending another's registration", call("wamp.registration.remove_callee", [1, 1]), ["call exact wamp.registration.remove_callee"]],
  ["a publication", publish("t"), ["publish exact t"]],
  ["a publication to some", publish("t", { eligible: [1], exclude_authrole: ["x"] }), ["publish exact t"]],
  ["a publication that is retained", publish("t", { retain: true }), ["publish exact t"]],
  ["a subscription", subscribe("t"), ["subscribe exact t"]],
  ["a subscription to a prefix", subscribe("t.", { match: "prefix" }), ["subscribe prefix t."]],
  ["a subscription to a wildcard", subscribe("a..b", { match: "wildcard" }), ["subscribe wildcard a..b"]],
  ["a retained event", subscribe("t", { get_retained: true }), ["subscribe exact t"]],
  ["meta events", subscribe("wamp.session.", { match: "prefix" }), ["subscribe prefix wamp.session."]],
  ["a registration", register("p"), ["register exact p"]],
  ["a registration of a prefix", register("p.", { match: "prefix" }), ["register prefix p."]],
  ["a registration of a wildcard", register("a..b", { match: "wildcard" }), ["register wildcard a..b"]],
  ["a registration that displaces", register("p", { force_reregister: true }), ["register exact p"]],
  ["a testament", call("wamp.session.add_testament", ["t", [], {}]), ["call exact wamp.session.add_testament", "publish exact t"]],
];

describe("every way in is asked about, and a denial shuts it", () => {
  test.each(WAYS)("%s", (_what, message, questions) => {
    const { router, asked } = asking();
    const peer = router.join();
    peer.send(message);
    expect(asked).toEqual(questions);
    expect(peer.inbox.filter((answer) => answer.type === MessageType.Error && answer.error === Uri.notAuthorized)).toEqual([]);

    for (const denied of questions) {
      const shut = asking((question) => question === denied);
      const [outsider, witness] = [shut.router.join(), shut.router.join()];
      const realm = shut.router.router.realm("realm1");
      const held = () => [realm?.counters.publications, realm?.broker.subscriptionCount, realm?.dealer.registrationCount];
      const before = held();
      outsider.send(message);
      expect(outsider.inbox.map((answer) => (answer.type === MessageType.Error ? answer.error : answer.type))).toEqual([Uri.notAuthorized]);
      expect(held()).toEqual(before);
      expect(witness.inbox).toEqual([]);
    }
  });

  test("a testament, again when it is published: what was allowed may not be any more", () => {
    let isOver = false;
    const { router, asked } = asking((question) => isOver && question === "publish exact t");
    const [dying, heir] = [router.join(), router.join()];
    heir.send(subscribe("t"));
    heir.take(MessageType.Subscribed);
    dying.send(call("wamp.session.add_testament", ["t", [], {}]));
    dying.take(MessageType.Result);
    isOver = true;
    dying.close("transport.lost");
    expect(asked.filter((question) => question === "publish exact t").length).toBe(2);
    expect(heir.inbox).toEqual([]);
  });

  test("a session of the same program is asked about like any other; one that is trusted is part of the router", () => {
    const { router, asked } = asking(() => true);
    const trusted = router.join(ALL_ROLES, "realm1", true);
    trusted.send(subscribe("t"));
    expect([trusted.inbox[0]?.type, asked]).toEqual([MessageType.Subscribed, []]);
  });
});

describe("what a session says of itself or others never arrives (T29)", () => {
  const FORGED = {
    ...{ caller: 1, caller_authid: "root", caller_authrole: "admin", publisher: 1, publisher_authid: "root", publisher_authrole: "admin" },
    ...{ trustlevel: 99, topic: "x", procedure: "x", subscription: 1, registration: 1, retained: true, progress: false, timeout: 0 },
  };

  test("neither with an event nor with an invocation", () => {
    const { router } = asking();
    const [honest, forger] = [router.join(), router.join()];
    honest.send(subscribe("t"));
    honest.send({ ...register("p"), request: 2 } as Message);
    honest.inbox.length = 0;
    forger.send(publish("t", FORGED));
    forger.send({ ...call("p", [], FORGED), request: 2 } as Message);
    const [event, invocation] = honest.inbox;
    if (event?.type !== MessageType.Event || invocation?.type !== MessageType.Invocation) throw new Error("not delivered");
    for (const details of [event.details, invocation.details]) {
      expect(JSON.stringify(details)).not.toMatch(/root|admin|99|caller|publisher|trustlevel|retained/);
    }
  });
});
