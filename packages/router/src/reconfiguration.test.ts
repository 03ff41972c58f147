// Another configuration while sessions are there: they stay, and lose what their role does not give any more.
import { type Message, MessageType, Payload, Uri } from "@junctor/protocol";
import { ALL_ROLES, ALLOW_ALL, realmConfig, TestRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import { anonymous } from "./access/authenticator.ts";
import type { Permission, RoleConfig } from "./access/role.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { Realm, RealmConfig } from "./realm.ts";

const TOLD = { ...ALL_ROLES, subscriber: { features: { subscription_revocation: true } } };
const allow = (uri: string, ...actions: ("call" | "register" | "publish" | "subscribe")[]): Permission => ({
  uri,
  match: "prefix",
  allow: Object.fromEntries(actions.map((action) => [action, true])),
});
const role = (...permissions: Permission[]): RoleConfig => ({ name: "anonymous", permissions });

function realm1(router: TestRouter): Realm {
  const realm = router.router.realm("realm1");
  if (realm === undefined) throw new Error("no realm1");
  return realm;
}

function reconfigure(router: TestRouter, config: Partial<RealmConfig>) {
  return realm1(router).prepare({ ...realmConfig("realm1"), ...config })();
}

describe("a role with other rights", () => {
  test("takes subscriptions and registrations away, tells those who asked to be told, and leaves the rest (PS-REVOKE-01, RPC-REVOKE-01)", () => {
    const router = new TestRouter();
    const peer = router.join(TOLD);
    const [kept, lost] = [peer.subscribe("com.kept.x"), peer.subscribe("com.lost.x")];
    const [offered, withdrawn] = [peer.register("com.kept.p"), peer.register("com.lost.p")];
    const change = reconfigure(router, { roles: [role(allow("com.kept.", "subscribe", "register", "call", "publish"))] });
    expect(change).toEqual({ ended: 0, subscriptions: 1, registrations: 1 });
    expect(peer.inbox).toEqual([
      { type: MessageType.Unsubscribed, request: 0, details: { subscription: lost, reason: Uri.notAuthorized } },
      { type: MessageType.Unregistered, request: 0, details: { registration: withdrawn, reason: Uri.notAuthorized } },
    ]);
    peer.inbox = [];
    peer.publish("com.kept.x", [1], { exclude_me: false });
    peer.call("com.kept.p");
    expect(peer.inbox).toMatchObject([
      { type: MessageType.Event, subscription: kept },
      { type: MessageType.Invocation, registration: offered },
    ]);
    peer.inbox = [];
    peer.call("com.lost.p");
    expect(peer.inbox).toMatchObject([{ type: MessageType.Error, error: Uri.notAuthorized }]);
  });

  test("that is the same object looks at nobody", () => {
    const before = role(ALLOW_ALL);
    const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), roles: [before] }] });
    const peer = router.join();
    const session = router.session(peer);
    session.recheck = () => {
      throw new Error("looked at");
    };
    expect(reconfigure(router, { roles: [before, { name: "other", permissions: [] }] })).toEqual({
      ended: 0,
      subscriptions: 0,
      registrations: 0,
    });
    expect(realm1(router).role("other")).toBeDefined();
  });

  test("has its placeholders filled for each session anew", () => {
    const router = new TestRouter();
    const peer = router.join();
    const own = `com.app.${peer.session}.x`;
    peer.subscribe(own);
    peer.subscribe("com.app.1.x");
    reconfigure(router, { roles: [role(allow("com.app.{session}.", "subscribe"))] });
    expect([...router.broker().subscriptions()].map(({ topic }) => topic)).toEqual([own]);
  });

  test("whose calls in flight are answered all the same", () => {
    const router = new TestRouter();
    const [callee, caller] = [router.join(), router.join()];
    callee.register("com.p");
    caller.call("com.p");
    const { request } = callee.take(MessageType.Invocation);
    reconfigure(router, { roles: [role()] });
    callee.inbox = [];
    callee.yield(request, ["done"]);
    expect(caller.take(MessageType.Result).payload.args).toEqual(["done"]);
    expect(router.dealer().registrationCount).toBe(0);
  });

  test("asks its authorizer about what sessions hold, and takes away what that denies once it answers", () => {
    const router = new TestRouter();
    const peer = router.join(TOLD);
    const id = peer.subscribe("com.x");
    let deny = () => {};
    const authorize: RoleConfig["authorize"] = (request, answer) => {
      expect(request).toMatchObject({ action: "subscribe", uri: "com.x", session: peer.session });
      deny = () => answer({ allow: false, disclose: "deny" });
    };
    reconfigure(router, { roles: [{ ...role(), authorize }] });
    expect(peer.inbox).toEqual([]);
    deny();
    expect(peer.take(MessageType.Unsubscribed).details).toEqual({ subscription: id, reason: Uri.notAuthorized });
  });

  test("has other limits at once", () => {
    const router = new TestRouter();
    const peer = router.join();
    peer.subscribe("com.a");
    reconfigure(router, { roles: [{ ...role(ALLOW_ALL), limits: { subscriptions: 1, sessions: 1 } }] });
    peer.send({ type: MessageType.Subscribe, request: ++peer.request, options: {}, topic: "com.b" });
    expect(peer.take(MessageType.Error).payload.args).toEqual(["subscriptions", 1]);
    const late = router.attach();
    late.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } });
    expect(late.take(MessageType.Abort).details).toMatchObject({ message: expect.stringContaining("all of its 1 sessions") });
  });
});

test("a role that is gone ends its sessions with a reason, and no other ones", () => {
  const both = [role(ALLOW_ALL), { name: "guest", permissions: [ALLOW_ALL] }];
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), roles: both, authenticate: anonymous("guest") }] });
  const guest = router.join();
  reconfigure(router, { roles: both });
  const stays = router.join();
  expect(reconfigure(router, { roles: both.slice(0, 1) })).toEqual({ ended: 1, subscriptions: 0, registrations: 0 });
  expect(guest.take(MessageType.Goodbye)).toMatchObject({ reason: Uri.noSuchRole, details: { message: expect.stringContaining("guest") } });
  expect([stays.inbox, realm1(router).sessions.size]).toEqual([[], 1]);
});

test("sessions of the router's own program stay as they are", () => {
  const router = new TestRouter();
  const own = router.join(ALL_ROLES, "realm1", true);
  own.subscribe("com.x");
  expect(reconfigure(router, { roles: [] }).ended).toBe(0);
  expect([router.broker().subscriptionCount, own.inbox]).toEqual([1, []]);
});

test("how a session counts its requests stays, and new ones count as is configured (AMB-22)", () => {
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), requestIds: "lenient" }] });
  const early = router.join();
  reconfigure(router, { requestIds: "strict" });
  const subscribe: Message = { type: MessageType.Subscribe, request: 77, options: {}, topic: "com.x" };
  early.send(subscribe);
  early.take(MessageType.Subscribed);
  const late = router.join();
  late.send(subscribe);
  expect(late.take(MessageType.Abort).reason).toBe(Uri.protocolViolation);
});

test("terms of calls and events are those of the new configuration, and WELCOME announces them (FEAT-01)", () => {
  const router = new TestRouter();
  const [callee, caller] = [router.join(), router.join()];
  reconfigure(router, { calls: { defaultTimeoutMs: 100, sharding: true }, events: { retention: false } });
  callee.register("com.p");
  caller.call("com.p");
  router.clock.advance(101);
  expect(caller.take(MessageType.Error).error).toBe(Uri.timeout);
  caller.publish("com.x", [1], { retain: true });
  callee.inbox = [];
  callee.subscribe("com.x", { get_retained: true });
  expect(callee.inbox).toEqual([]);
  const peer = router.attach();
  peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } });
  const { roles } = peer.take(MessageType.Welcome).details;
  expect(roles.dealer?.features?.sharded_registration).toBe(true);
  expect(roles.broker?.features?.event_retention).toBeUndefined();
});

test("the router's limits hold for sessions that are there, also where their role has some of its own", () => {
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), roles: [{ ...role(ALLOW_ALL), limits: { registrations: 5 } }] }] });
  const peer = router.join();
  router.router.setLimits({ ...DEFAULT_LIMITS, subscriptions: 0, registrations: 0 });
  peer.send({ type: MessageType.Subscribe, request: ++peer.request, options: {}, topic: "com.a" });
  expect(peer.take(MessageType.Error).payload.args).toEqual(["subscriptions", 0]);
  peer.register("com.p");
});

describe("who is about to join when the realm changes", () => {
  const asking = () => {
    let welcome = () => {};
    const authenticate: RealmConfig["authenticate"] = (_request, answer) => {
      welcome = () => answer({ kind: "welcome", authid: "a", authrole: "anonymous", authmethod: "x", authprovider: "x" });
    };
    const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), authenticate }] });
    const peer = router.attach();
    peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } });
    return { router, peer, authenticate, welcome: () => welcome() };
  };

  test("has to do so again, where the ways in are others", () => {
    const { router, peer, welcome } = asking();
    reconfigure(router, {});
    welcome();
    expect(peer.take(MessageType.Abort).reason).toBe(Uri.authenticationFailed);
  });

  test("joins, where they are the same", () => {
    const { router, peer, authenticate, welcome } = asking();
    reconfigure(router, { authenticate, roles: [role()] });
    welcome();
    peer.take(MessageType.Welcome);
  });

  test("does not join a realm that is gone, also where another one has its name", () => {
    const { router, peer, authenticate, welcome } = asking();
    router.router.removeRealm("realm1");
    router.router.addRealm({ ...realmConfig("realm1"), authenticate });
    welcome();
    expect(peer.take(MessageType.Abort).reason).toBe(Uri.noSuchRealm);
  });
});

test("a transport is dismissed with GOODBYE where it has a session, and with ABORT where it has none (AMB-134)", () => {
  const router = new TestRouter();
  const [joined, stranger] = [router.join(), router.attach()];
  for (const { receiver } of [joined, stranger]) router.router.dismiss(receiver, "com.reason", "why");
  expect(joined.inbox).toEqual([{ type: MessageType.Goodbye, reason: "com.reason", details: { message: "why" } }]);
  expect(stranger.inbox).toEqual([{ type: MessageType.Abort, reason: "com.reason", details: { message: "why" }, payload: Payload.EMPTY }]);
});
