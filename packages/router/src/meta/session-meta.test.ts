import { MessageType, NO_OPTIONS, Uri } from "@junctor/protocol";
import { ALL_POWERS, ALL_ROLES, ALLOW_ALL, realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import { type Authenticator, anonymous } from "../access/authenticator.ts";
import type { Permission } from "../access/role.ts";
import type { RealmConfig } from "../realm.ts";

const META: Permission = { uri: "wamp.", match: "prefix", allow: { call: true } };
/** Lets a session choose who it is. */
const asAsked: Authenticator = ({ details }, answer) => {
  const { authid = "nobody", authrole = "user" } = details;
  answer({ kind: "welcome", authid, authrole, authmethod: "ticket", authprovider: "test", authextra: { secret: "s3cret" } });
};
const realm = (name = "realm1"): RealmConfig => ({
  name,
  roles: ["user", "admin"].map((role) => ({ name: role, permissions: ALL_POWERS })),
  authenticate: asAsked,
});
const open = () => new TestRouter({ realms: [realm(), realm("realm2")] });

function join(router: TestRouter, authid: string, authrole = "user", name = "realm1"): TestPeer {
  const peer = router.attach();
  peer.send({ type: MessageType.Hello, realm: name, details: { roles: ALL_ROLES, authid, authrole } });
  peer.take(MessageType.Welcome);
  return peer;
}
function listen(peer: TestPeer, ...topics: string[]): () => readonly unknown[][] {
  const ids = new Map(topics.map((topic) => [peer.subscribe(topic), topic]));
  return () => peer.events(ids);
}
const JOIN = "wamp.session.on_join";
const LEAVE = "wamp.session.on_leave";
const detailsOf = (peer: TestPeer, authid: string, authrole = "user") => ({
  session: peer.session,
  authid,
  authrole,
  authmethod: "ticket",
  authprovider: "test",
  transport: { type: "test" },
});

describe("session events", () => {
  test("on_join has one dict with who joined and how, and nothing secret (META-S-02, AMB-91, AMB-133)", () => {
    const router = open();
    const watcher = join(router, "watcher", "admin");
    const heard = listen(watcher, JOIN);
    const alice = join(router, "alice");
    expect(heard()).toEqual([[JOIN, detailsOf(alice, "alice")]]);
    expect(watcher.ask("wamp.session.get", [alice.session])).toEqual([detailsOf(alice, "alice")]);
  });

  test("on_leave has three positionals, for every way of leaving, once each (META-S-03, AMB-91)", () => {
    const router = open();
    const heard = listen(join(router, "watcher"), LEAVE);
    const ways: Record<string, (peer: TestPeer) => void> = {
      lost: (peer) => peer.close("transport.lost"),
      goodbye: (peer) => {
        peer.send({ type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm });
        peer.close("closed");
      },
      abort: (peer) => peer.send({ type: MessageType.Welcome, session: 1, details: { roles: { broker: {} } } }),
    };
    for (const [way, leave] of Object.entries(ways)) {
      const peer = join(router, way, "admin");
      leave(peer);
      expect(heard()).toEqual([[LEAVE, peer.session, way, "admin"]]);
    }
  });

  test("a session hears neither of its own joining nor of its own leaving (AMB-90)", () => {
    const router = open();
    const peer = join(router, "alice");
    const heard = listen(peer, JOIN, LEAVE);
    peer.send({ type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm });
    expect([heard(), peer.inbox.map(({ type }) => type)]).toEqual([[], [MessageType.Goodbye]]);
  });

  test("WELCOME is sent before on_join of that session is (AMB-90)", () => {
    const router = open();
    const order: string[] = [];
    const watcher = join(router, "watcher");
    watcher.subscribe(JOIN);
    const joining = router.attach();
    watcher.inbox.push = (...messages) => order.push("on_join") && messages.length;
    joining.inbox.push = (...messages) => order.push("WELCOME") && messages.length;
    joining.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES, authid: "a" } });
    expect(order).toEqual(["WELCOME", "on_join"]);
  });

  test("other realms hear nothing and see nothing (META-S-02, META-S-04, AMB-98)", () => {
    const router = open();
    const elsewhere = join(router, "watcher", "user", "realm2");
    const heard = listen(elsewhere, JOIN, LEAVE);
    const alice = join(router, "alice");
    expect(elsewhere.ask("wamp.session.list")).toEqual([[elsewhere.session]]);
    expect(elsewhere.ask("wamp.session.get", [alice.session])).toBe(Uri.noSuchSession);
    expect(elsewhere.ask("wamp.session.kill", [alice.session])).toBe(Uri.noSuchSession);
    expect(elsewhere.ask("wamp.session.kill_all")).toEqual([0]);
    alice.close("transport.lost");
    expect(heard()).toEqual([]);
  });

  test("events of the router carry no publisher and have a publication id (AMB-99, ID-11)", () => {
    const router = open();
    const watcher = join(router, "watcher");
    watcher.subscribe(JOIN);
    join(router, "alice");
    expect(watcher.take(MessageType.Event)).toMatchObject({ details: {}, publication: expect.any(Number) });
    expect(watcher.inbox).toEqual([]);
  });

  test("sessions of the router's own program are not seen and not ended (AMB-132)", () => {
    const router = open();
    const watcher = join(router, "watcher");
    const heard = listen(watcher, JOIN, LEAVE);
    const own = router.join(ALL_ROLES, "realm1", true);
    expect(watcher.ask("wamp.session.count")).toEqual([1]);
    expect(watcher.ask("wamp.session.list")).toEqual([[watcher.session]]);
    expect(watcher.ask("wamp.session.get", [own.session])).toBe(Uri.noSuchSession);
    expect(watcher.ask("wamp.session.kill", [own.session])).toBe(Uri.noSuchSession);
    expect(watcher.ask("wamp.session.kill_all")).toEqual([0]);
    expect(own.inbox).toEqual([]);
    own.close("transport.lost");
    expect(heard()).toEqual([]);
  });
});

describe("counting and listing", () => {
  test("count and list see all sessions of the realm, or those of some roles (META-S-08)", () => {
    const router = open();
    const [a, b, c] = [join(router, "a", "admin"), join(router, "b"), join(router, "c")];
    const ask = (procedure: string, ...args: unknown[]) => a.ask(`wamp.session.${procedure}`, args);
    expect(ask("count")).toEqual([3]);
    expect(ask("count", null)).toEqual([3]);
    expect(ask("count", ["user"])).toEqual([2]);
    expect(ask("count", ["user", "admin"])).toEqual([3]);
    expect(ask("count", [])).toEqual([0]);
    expect(ask("list")).toEqual([[a.session, b.session, c.session]]);
    expect(ask("list", ["admin", "other"])).toEqual([[a.session]]);
    b.close("transport.lost");
    expect(ask("list", ["user"])).toEqual([[c.session]]);
  });
});

describe("killing", () => {
  const goodbye = (peer: TestPeer) => peer.inbox.find((message) => message.type === MessageType.Goodbye);

  test("kill ends a session with GOODBYE, the default reason, and no message (META-S-05)", () => {
    const router = open();
    const [killer, victim] = [join(router, "killer"), join(router, "victim")];
    const heard = listen(killer, LEAVE);
    expect(killer.ask("wamp.session.kill", [victim.session])).toEqual([]);
    expect(victim.inbox).toEqual([{ type: MessageType.Goodbye, reason: Uri.killed, details: NO_OPTIONS }]);
    expect(heard()).toEqual([[LEAVE, victim.session, "victim", "user"]]);
    // Gone at once; the transport waits for the answer (AMB-92, AMB-06).
    expect(killer.ask("wamp.session.get", [victim.session])).toBe(Uri.noSuchSession);
    expect(victim.closed).toBeUndefined();
    victim.send({ type: MessageType.Goodbye, details: {}, reason: Uri.goodbyeAndOut });
    expect(victim.closed).toBeDefined();
  });

  test("reason and message reach the killed session (META-S-05)", () => {
    const router = open();
    const [killer, victim] = [join(router, "killer"), join(router, "victim")];
    killer.ask("wamp.session.kill", [victim.session], { reason: "com.app.banned", message: "out" });
    expect(goodbye(victim)).toMatchObject({ reason: "com.app.banned", details: { message: "out" } });
  });

  test("a session never kills itself, by no way (META-S-06)", () => {
    const router = open();
    const killer = join(router, "k", "admin");
    expect(killer.ask("wamp.session.kill", [killer.session])).toBe(Uri.noSuchSession);
    expect(killer.ask("wamp.session.kill_by_authid", ["k"])).toEqual([[]]);
    expect(killer.ask("wamp.session.kill_by_authrole", ["admin"])).toEqual([0]);
    expect(killer.ask("wamp.session.kill_all")).toEqual([0]);
    expect([killer.inbox, killer.closed]).toEqual([[], undefined]);
  });

  test("by authid answers which, by authrole and all answer how many (AMB-94)", () => {
    const router = open();
    const killer = join(router, "killer", "admin");
    const peers = ["x", "x", "y", "z"].map((authid) => join(router, authid));
    const other = join(router, "w", "admin");
    expect(killer.ask("wamp.session.kill_by_authid", ["x"])).toEqual([[peers[0]?.session, peers[1]?.session]]);
    expect(killer.ask("wamp.session.kill_by_authid", ["x"])).toEqual([[]]);
    expect(killer.ask("wamp.session.kill_by_authrole", ["user"], { message: "bye" })).toEqual([2]);
    expect(peers.map((peer) => goodbye(peer)?.reason)).toEqual(Array(4).fill(Uri.killed));
    expect(killer.ask("wamp.session.kill_all", [], { reason: "com.app.end" })).toEqual([1]);
    expect(goodbye(other)?.reason).toBe("com.app.end");
  });

  test("kill_all is silent: no session, subscription or registration event tells of it (META-S-07, AMB-93)", () => {
    const router = open();
    const killer = join(router, "killer");
    const heard = listen(
      killer,
      LEAVE,
      "wamp.subscription.on_unsubscribe",
      "wamp.subscription.on_delete",
      "wamp.registration.on_unregister",
      "wamp.registration.on_delete",
    );
    const victim = join(router, "victim");
    victim.subscribe("com.x");
    victim.register("com.y");
    expect(killer.ask("wamp.session.kill_all")).toEqual([1]);
    expect(heard()).toEqual([]);
    // Who leaves later is told of again.
    const later = join(router, "later");
    later.close("transport.lost");
    expect(heard()).toEqual([[LEAVE, later.session, "later", "user"]]);
  });

  test("a call that waits for the killed session is answered (RPC-12)", () => {
    const router = open();
    const [killer, callee] = [join(router, "killer"), join(router, "callee")];
    callee.register("com.x");
    const request = killer.call("com.x");
    killer.ask("wamp.session.kill", [callee.session]);
    expect(killer.take(MessageType.Error)).toMatchObject({ request, error: Uri.canceled });
  });
});

test.each<[string, readonly unknown[], Record<string, unknown>, string]>([
  ["count", ["user"], {}, Uri.invalidArgument],
  ["count", [[1]], {}, Uri.invalidArgument],
  ["list", [{}], {}, Uri.invalidArgument],
  ["get", [], {}, Uri.invalidArgument],
  ["get", ["1"], {}, Uri.invalidArgument],
  ["get", [0], {}, Uri.invalidArgument],
  ["get", [1.5], {}, Uri.invalidArgument],
  ["get", [4711], {}, Uri.noSuchSession],
  ["kill", [], {}, Uri.invalidArgument],
  ["kill", [4711], {}, Uri.noSuchSession],
  ["kill", [4711], { reason: "" }, Uri.invalidUri],
  ["kill", [4711], { reason: "a b" }, Uri.invalidUri],
  ["kill", [4711], { reason: 7 }, Uri.invalidUri],
  ["kill", [4711], { message: 7 }, Uri.invalidArgument],
  ["kill_by_authid", [], {}, Uri.invalidArgument],
  ["kill_by_authid", ["x"], { reason: "." }, Uri.invalidUri],
  ["kill_by_authrole", [1], {}, Uri.invalidArgument],
  ["kill_by_authrole", ["x"], { reason: ".." }, Uri.invalidUri],
  ["kill_all", [], { reason: "#" }, Uri.invalidUri],
  ["kill_all", [], { message: [] }, Uri.invalidArgument],
])("wamp.session.%s %j %j is refused with %s (AMB-92, AMB-96)", (verb, args, kwargs, error) => {
  const router = open();
  const [peer, other] = [join(router, "a"), join(router, "b")];
  expect(peer.ask(`wamp.session.${verb}`, args, kwargs)).toBe(error);
  expect(other.inbox).toEqual([]);
});

test("surplus arguments are ignored (AMB-96)", () => {
  const peer = join(open(), "a");
  expect(peer.ask("wamp.session.count", [null, "more"], { and: "more" })).toEqual([1]);
});

test("leave to call everything, or all of the meta API, is no leave to kill: that has to be granted by its name (AMB-97)", () => {
  const granting = (...permissions: Permission[]) => {
    const router = new TestRouter({ realms: [realmConfig("realm1", permissions)] });
    const [peer, victim] = [router.join(), router.join()];
    return ["kill", "kill_by_authid", "kill_by_authrole", "kill_all"].map((verb) => {
      const answer = peer.ask(`wamp.session.${verb}`, verb === "kill" ? [victim.session] : ["nobody"]);
      return typeof answer === "string" ? answer.replace("wamp.error.", "") : "done";
    });
  };
  const refused = Array(4).fill("not_authorized");
  const call = { call: true };
  expect(granting(ALLOW_ALL)).toEqual(refused);
  expect(granting({ uri: "w", match: "prefix", allow: call })).toEqual(refused);
  expect(granting({ uri: "..", match: "wildcard", allow: call })).toEqual(refused);
  expect(granting(META)).toEqual(refused);
  expect(granting({ uri: "wamp.session.kill", match: "prefix", allow: call })).toEqual(refused);
  expect(granting(...ALL_POWERS)).toEqual(Array(4).fill("done"));
  expect(granting(ALLOW_ALL, { uri: "wamp.session.kill", match: "exact", allow: call })).toEqual(["done", ...refused.slice(1)]);
  // A denial of the same name wins.
  expect(granting(...ALL_POWERS, { uri: "wamp.session.kill", match: "exact", allow: { call: false } })).toEqual([
    ...refused.slice(0, 1),
    ...Array(3).fill("done"),
  ]);
});

test("nobody else speaks for the router: its URIs cannot be published or registered (META-A-01, URI-07)", () => {
  const router = new TestRouter({ realms: [{ ...realm(), authenticate: anonymous("user") }] });
  const [peer, watcher] = [router.join(), router.join()];
  watcher.subscribe(JOIN);
  peer.publish(JOIN, [{ session: 1 }], { acknowledge: true });
  expect(peer.take(MessageType.Error).error).toBe(Uri.invalidUri);
  peer.send({ type: MessageType.Register, request: ++peer.request, options: NO_OPTIONS, procedure: "wamp.session.count" });
  expect(peer.take(MessageType.Error).error).toBe(Uri.invalidUri);
  expect(watcher.inbox).toEqual([]);
});
