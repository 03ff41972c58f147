import { JsonSerializer, MessageType, Uri } from "@junctor/protocol";
import { ALL_POWERS, ALL_ROLES, ALLOW_ALL, realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import type { Decision, RoleConfig } from "../access/role.ts";

const DEFINE = "wamp.reflect.define";
const EVENTS = ["wamp.reflect.on_define", "wamp.reflect.on_undefine"];
const ADD = { summary: "adds two numbers", args: [{ name: "a", type: "int" }] };

function listen(peer: TestPeer): () => readonly unknown[][] {
  const ids = new Map(EVENTS.map((topic) => [peer.subscribe(topic), topic.slice("wamp.reflect.".length)]));
  return () => peer.events(ids);
}

describe.each([
  ["procedure", "com.app.add"],
  ["topic", "com.app.news"],
  ["error", "com.app.error.overflow"],
])("reflection of a %s (REFL-01)", (kind, uri) => {
  const list = (peer: TestPeer) => peer.ask(`wamp.reflection.${kind}.list`);
  const describeIt = (peer: TestPeer) => peer.ask(`wamp.reflection.${kind}.describe`, [uri]);

  test("what one session says is what others are told, as it was said", () => {
    const router = new TestRouter();
    const [callee, asker] = [router.join(), router.join()];
    const heard = listen(asker);
    expect([list(asker), describeIt(asker)]).toEqual([[[]], [null]]);
    expect(callee.ask(DEFINE, [kind, uri, ADD])).toEqual([]);
    expect([list(asker), describeIt(asker)]).toEqual([[[uri]], [ADD]]);
    expect(asker.ask("wamp.reflect.describe", [kind, uri])).toEqual([ADD]);
    expect(heard()).toEqual([["on_define", callee.session, kind, uri]]);
    for (const other of ["procedure", "topic", "error"].filter((name) => name !== kind))
      expect(asker.ask("wamp.reflect.describe", [other, uri])).toEqual([null]);
  });

  test("it is gone when its session leaves, however it leaves, and told of before on_leave", () => {
    for (const leave of [
      (peer: TestPeer) => peer.close("transport.lost"),
      (peer: TestPeer) => peer.send({ type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm }),
    ]) {
      const router = new TestRouter();
      const [callee, asker] = [router.join(), router.join()];
      callee.ask(DEFINE, [kind, uri, ADD]);
      const topics = new Map([...EVENTS, "wamp.session.on_leave"].map((topic) => [asker.subscribe(topic), topic]));
      leave(callee);
      expect(asker.events(topics).map(([topic]) => topic)).toEqual(["wamp.reflect.on_undefine", "wamp.session.on_leave"]);
      expect([list(asker), describeIt(asker)]).toEqual([[[]], [null]]);
    }
  });

  test("it can be said anew and taken back, and taking back what one has not said does nothing", () => {
    const router = new TestRouter();
    const [callee, asker] = [router.join(), router.join()];
    const heard = listen(asker);
    callee.ask(DEFINE, [kind, uri, ADD]);
    callee.ask(DEFINE, [kind, uri, { version: 2 }]);
    expect(asker.ask(DEFINE, [kind, uri, null])).toEqual([]);
    expect(describeIt(asker)).toEqual([{ version: 2 }]);
    expect(callee.ask(DEFINE, [kind, uri, null])).toEqual([]);
    expect([list(asker), describeIt(asker)]).toEqual([[[]], [null]]);
    expect(heard().map(([event]) => event)).toEqual(["on_define", "on_define", "on_undefine"]);
  });

  test("of several who say it the first one counts, and then the next", () => {
    const router = new TestRouter();
    const [first, second, asker] = [router.join(), router.join(), router.join()];
    first.ask(DEFINE, [kind, uri, { by: "first" }]);
    second.ask(DEFINE, [kind, uri, { by: "second" }]);
    expect([list(asker), describeIt(asker)]).toEqual([[[uri]], [{ by: "first" }]]);
    first.close("transport.lost");
    expect([list(asker), describeIt(asker)]).toEqual([[[uri]], [{ by: "second" }]]);
  });
});

test("WELCOME says so beside the features of both roles (REFL-01)", () => {
  const peer = new TestRouter().attach();
  peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } });
  const { roles } = peer.take(MessageType.Welcome).details;
  expect([roles.broker?.reflection, roles.dealer?.reflection]).toEqual([true, true]);
});

test.each([
  ["no kind", [], Uri.invalidArgument],
  ["another kind", ["type", "com.app.x", {}], Uri.invalidArgument],
  ["a property of every object as kind", ["constructor", "com.app.x", {}], Uri.invalidArgument],
  ["no URI", ["procedure"], Uri.invalidArgument],
  ["a URI that is none", ["procedure", "a b", {}], Uri.invalidUri],
  ["a reserved URI", ["topic", "wamp.session.on_join", {}], Uri.invalidUri],
  ["no description", ["procedure", "com.app.x"], Uri.invalidArgument],
  ["a description that is no dict", ["procedure", "com.app.x", "adds"], Uri.invalidArgument],
])("define refuses %s (AMB-96)", (_what, args, error) => {
  expect(new TestRouter().join().ask(DEFINE, args)).toBe(error);
});

test.each(["wamp.reflection.procedure.describe", "wamp.reflect.describe"])("%s wants a URI (AMB-96)", (procedure) => {
  expect(new TestRouter().join().ask(procedure, procedure.includes("reflect.") ? ["procedure", 1] : [])).toBe(Uri.invalidArgument);
});

describe("rights", () => {
  const allow = (uri: string, ...actions: string[]) =>
    ({ uri, match: "prefix", allow: Object.fromEntries(actions.map((action) => [action, true])) }) as const;
  const META = allow("wamp.refl", "call", "subscribe");
  const roles: RoleConfig[] = [
    { name: "callee", permissions: [META, allow("com.app.", "register", "publish")] },
    { name: "caller", permissions: [META, allow("com.app.", "call")] },
    { name: "subscriber", permissions: [META, allow("com.app.", "subscribe")] },
    { name: "stranger", permissions: [META, allow("com.other.", "call", "register", "publish", "subscribe")] },
  ];
  const open = () => {
    const router = new TestRouter({
      realms: [
        {
          name: "realm1",
          roles,
          authenticate: ({ details }, answer) =>
            answer({ kind: "welcome", authid: "x", authrole: details.authrole ?? "", authmethod: "ticket", authprovider: "test" }),
        },
      ],
    });
    return (authrole: string) => {
      const peer = router.attach();
      peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES, authrole } });
      peer.take(MessageType.Welcome);
      return peer;
    };
  };

  test("who may not register a procedure or publish a topic may not describe it (AUTHZ-04)", () => {
    const join = open();
    for (const role of ["caller", "subscriber", "stranger"])
      for (const kind of ["procedure", "topic", "error"])
        expect([role, join(role).ask(DEFINE, [kind, "com.app.x", {}])]).toEqual([role, Uri.notAuthorized]);
  });

  test("who may not use a URI is told nothing of it (AMB-97)", () => {
    const join = open();
    const [callee, caller, subscriber, stranger] = [join("callee"), join("caller"), join("subscriber"), join("stranger")];
    const peers = { caller, subscriber, stranger };
    const heard = Object.values(peers).map(listen);
    for (const kind of ["procedure", "topic", "error"]) expect(callee.ask(DEFINE, [kind, "com.app.x", {}])).toEqual([]);
    const seen = Object.entries(peers).map(([role, peer]) => [
      role,
      ...["procedure", "topic", "error"].filter((kind) => peer.ask(`wamp.reflection.${kind}.describe`, ["com.app.x"])[0] !== null),
    ]);
    expect(seen).toEqual([["caller", "procedure", "error"], ["subscriber", "topic"], ["stranger"]]);
    for (const [role, ...kinds] of seen) {
      const peer = peers[role as keyof typeof peers];
      expect(
        ["procedure", "topic", "error"].filter((kind) => (peer.ask(`wamp.reflection.${kind}.list`)[0] as string[]).length > 0),
      ).toEqual(kinds);
    }
    expect(heard.map((events) => events().map(([, , kind]) => kind))).toEqual(seen.map(([, ...kinds]) => kinds));
  });

  test("an authorizer is asked, and what it decides later counts then (AMB-126)", () => {
    const asked: { action: string; uri: string; answer: (decision: Decision) => void }[] = [];
    const router = new TestRouter({
      realms: [
        {
          ...realmConfig("realm1", [ALLOW_ALL]),
          authorize: ({ action, uri }, answer) => {
            if (action === "call") answer({ allow: true, disclose: "allow" });
            else asked.push({ action, uri, answer });
          },
        },
      ],
    });
    const peer = router.join();
    const first = peer.call(DEFINE, ["topic", "com.app.x", {}]);
    const second = peer.call(DEFINE, ["procedure", "com.app.y", {}]);
    expect([asked.map(({ action, uri }) => [action, uri]), peer.inbox]).toEqual([[["publish", "com.app.x"]], []]);
    asked[0]?.answer({ allow: true, disclose: "allow" });
    expect(peer.take(MessageType.Result).request).toBe(first);
    asked[1]?.answer({ allow: false, disclose: "deny" });
    expect(peer.take(MessageType.Error)).toMatchObject({ request: second, error: Uri.notAuthorized });
  });
});

test("a session describes so much and no more: descriptions, descriptionSize (AMB-135)", () => {
  const json = new JsonSerializer();
  const router = new TestRouter({ limits: { descriptions: 2, descriptionSize: 60 } });
  const peer = router.join();
  const answers = ["", "x".repeat(60)].map((text) => {
    const call = [MessageType.Call, ++peer.request, {}, DEFINE, ["procedure", "com.a", { text }]];
    peer.send(json.decode(Buffer.from(JSON.stringify(call))));
    return peer.inbox.splice(0);
  });
  expect(answers).toMatchObject([
    [{ type: MessageType.Result }],
    [{ error: "junctor.error.limit_exceeded", payload: { args: ["descriptionSize", 60] } }],
  ]);
  expect(peer.ask(DEFINE, ["procedure", "com.a", {}])).toEqual([]);
  expect(peer.ask(DEFINE, ["topic", "com.a", {}])).toEqual([]);
  expect(peer.ask(DEFINE, ["error", "com.a", {}])).toBe("junctor.error.limit_exceeded");
  expect(peer.ask(DEFINE, ["topic", "com.a", { again: true }])).toEqual([]);
  peer.ask(DEFINE, ["procedure", "com.a", null]);
  expect(peer.ask(DEFINE, ["error", "com.a", {}])).toEqual([]);
});

test("kill_all tells of nothing that is gone (META-S-07)", () => {
  const router = new TestRouter({ realms: [realmConfig("realm1", ALL_POWERS)] });
  const [callee, asker] = [router.join(), router.join()];
  callee.ask(DEFINE, ["procedure", "com.a", {}]);
  const heard = listen(asker);
  asker.ask("wamp.session.kill_all");
  expect([heard(), asker.ask("wamp.reflection.procedure.list")]).toEqual([[], [[]]]);
});
