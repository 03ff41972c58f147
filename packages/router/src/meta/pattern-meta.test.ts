// Registrations and subscriptions are told about alike: one suite, run for both.
import { MessageType, NO_OPTIONS, Uri } from "@junctor/protocol";
import { ALL_POWERS, ALL_ROLES, ALLOW_ALL, realmConfig, type TestPeer, TestRouter, VIRTUAL_EPOCH } from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import type { Permission } from "../access/role.ts";

const open = () => new TestRouter({ realms: [realmConfig("realm1", ALL_POWERS), realmConfig("realm2", ALL_POWERS)] });
const created = new Date(VIRTUAL_EPOCH).toISOString();

const REVOCABLE = {
  subscriber: { features: { subscription_revocation: true } },
  callee: { features: { registration_revocation: true } },
};

const KINDS = {
  registration: {
    noSuch: Uri.noSuchRegistration,
    members: "callees",
    remove: "remove_callee",
    joined: "on_register",
    left: "on_unregister",
    revocation: MessageType.Unregistered,
    details: { invoke: "roundrobin" },
    join: (peer: TestPeer, uri: string, options: object = {}) => peer.register(uri, { invoke: "roundrobin", ...options }),
    leave: (peer: TestPeer, registration: number) => {
      peer.send({ type: MessageType.Unregister, request: ++peer.request, registration });
      peer.take(MessageType.Unregistered);
    },
  },
  subscription: {
    noSuch: Uri.noSuchSubscription,
    members: "subscribers",
    remove: "remove_subscriber",
    joined: "on_subscribe",
    left: "on_unsubscribe",
    revocation: MessageType.Unsubscribed,
    details: {},
    join: (peer: TestPeer, uri: string, options: object = {}) => peer.subscribe(uri, options),
    leave: (peer: TestPeer, subscription: number) => {
      peer.send({ type: MessageType.Unsubscribe, request: ++peer.request, subscription });
      peer.take(MessageType.Unsubscribed);
    },
  },
} as const;

describe.each(Object.keys(KINDS) as (keyof typeof KINDS)[])("%s", (name) => {
  const { noSuch, members, remove, joined, left, revocation, details, join, leave } = KINDS[name];
  const topic = (verb: string) => `wamp.${name}.${verb}`;
  const ask = (peer: TestPeer, verb: string, ...args: unknown[]) => peer.ask(topic(verb), args);
  const listen = (peer: TestPeer) => {
    const ids = new Map(["on_create", joined, left, "on_delete"].map((verb) => [peer.subscribe(topic(verb)), verb]));
    return () => peer.events(ids);
  };

  describe("events", () => {
    test("the first one creates, the last one deletes, each in between joins and leaves (META-R-01, META-P-01)", () => {
      const router = open();
      const [a, b, watcher] = [router.join(), router.join(), router.join()];
      const heard = listen(watcher);
      const id = join(a, "com.x", { match: "prefix" });
      join(b, "com.x", { match: "prefix" });
      const object = { id, created, uri: "com.x", match: "prefix", ...details };
      expect(heard()).toEqual([
        ["on_create", a.session, object],
        [joined, a.session, id],
        [joined, b.session, id],
      ]);
      leave(a, id);
      leave(b, id);
      expect(heard()).toEqual([
        [left, a.session, id],
        [left, b.session, id],
        ["on_delete", b.session, id],
      ]);
    });

    test("the reply comes first, and who caused an event hears it too (AMB-90, AMB-99)", () => {
      const peer = open().join();
      const heard = listen(peer);
      const id = join(peer, "com.x"); // takes the reply, which must be the first message
      expect(heard().map(([verb]) => verb)).toEqual(["on_create", joined]);
      leave(peer, id);
      expect(heard().map(([verb]) => verb)).toEqual([left, "on_delete"]);
    });

    test("a session that leaves gives up one object after the other, and then is told of as gone (AMB-90)", () => {
      const router = open();
      const [peer, stays, watcher] = [router.join(), router.join(), router.join()];
      const heard = listen(watcher);
      const onLeave = watcher.subscribe("wamp.session.on_leave");
      const [x, y] = [join(peer, "com.x"), join(peer, "com.y")];
      join(stays, "com.y");
      heard();
      peer.close("transport.lost");
      const order = watcher.inbox.map((message) =>
        message.type === MessageType.Event && message.subscription === onLeave ? "on_leave" : "",
      );
      expect(order).toEqual(["", "", "", "on_leave"]);
      expect(heard().slice(0, 3)).toEqual([
        [left, peer.session, x],
        ["on_delete", peer.session, x],
        [left, peer.session, y],
      ]);
    });

    test("a session that leaves hears nothing of what it gives up (SES-24)", () => {
      const peer = open().join();
      const heard = listen(peer);
      join(peer, "com.x");
      heard();
      peer.send({ type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm });
      expect([heard(), peer.inbox.map(({ type }) => type)]).toEqual([[], [MessageType.Goodbye]]);
    });

    test("a refused request is told to nobody, nor a second one of the same session (AMB-70, AMB-36)", () => {
      const router = open();
      const [peer, watcher] = [router.join(), router.join()];
      const heard = listen(watcher);
      join(peer, "com.x");
      heard();
      if (name === "subscription") join(peer, "com.x");
      else peer.send({ type: MessageType.Register, request: ++peer.request, options: NO_OPTIONS, procedure: "com.x" });
      peer.send({ type: MessageType.Subscribe, request: ++peer.request, options: NO_OPTIONS, topic: "com..x" });
      expect(heard()).toEqual([]);
    });

    test("other realms hear nothing (META-S-02)", () => {
      const router = open();
      const heard = listen(router.join(ALL_ROLES, "realm2"));
      join(router.join(), "com.x");
      expect(heard()).toEqual([]);
    });
  });

  describe("procedures", () => {
    test("list, lookup, get, and who takes part (META-R-03, META-P-02)", () => {
      const router = open();
      const [a, b, asker] = [router.join(), router.join(), router.join()];
      const exact = join(a, "com.x");
      const prefix = join(a, "com.x", { match: "prefix" });
      const wildcard = join(b, "com.", { match: "wildcard" });
      join(b, "com.x");
      expect(ask(asker, "list")).toEqual([{ exact: [exact], prefix: [prefix], wildcard: [wildcard] }]);
      expect(ask(asker, "lookup", "com.x")).toEqual([exact]);
      expect(ask(asker, "lookup", "com.x", null)).toEqual([exact]);
      expect(ask(asker, "lookup", "com.x", { match: "prefix", more: 1 })).toEqual([prefix]);
      expect(ask(asker, "lookup", "com.", { match: "wildcard" })).toEqual([wildcard]);
      expect(ask(asker, "lookup", "com.x", { match: "wildcard" })).toEqual([null]); // [AMB-95]
      expect(ask(asker, "get", wildcard)).toEqual([{ id: wildcard, created, uri: "com.", match: "wildcard", ...details }]);
      expect(ask(asker, `list_${members}`, exact)).toEqual([[a.session, b.session]]);
      expect(ask(asker, `count_${members}`, exact)).toEqual([2]);
      b.close("transport.lost");
      expect(ask(asker, `count_${members}`, exact)).toEqual([1]);
      expect(ask(asker, "get", wildcard)).toBe(noSuch);
    });

    test("match tells what would be reached, or null (META-R-03, META-P-02, AMB-95)", () => {
      const router = open();
      const [peer, asker] = [router.join(), router.join()];
      const exact = join(peer, "com.x.y");
      const prefix = join(peer, "com.x.", { match: "prefix" });
      const wildcard = join(peer, "com..y", { match: "wildcard" });
      const one = name === "registration";
      expect(ask(asker, "match", "com.x.y")).toEqual([one ? exact : [exact, prefix, wildcard]]);
      expect(ask(asker, "match", "com.z.y")).toEqual([one ? wildcard : [wildcard]]);
      expect(ask(asker, "match", "org.x")).toEqual([null]);
      expect(ask(asker, "match", "com..y")).toEqual([one ? wildcard : [wildcard]]);
    });

    test("created is when it was created, not when it was joined (META-R-02)", () => {
      const router = open();
      const [a, b] = [router.join(), router.join()];
      router.clock.advance(1_500);
      const id = join(a, "com.x");
      router.clock.advance(60_000);
      join(b, "com.x");
      expect(ask(b, "get", id)).toEqual([{ id, created: "2026-01-01T00:00:01.500Z", uri: "com.x", match: "exact", ...details }]);
    });

    test("objects of other realms do not exist (AMB-98)", () => {
      const router = open();
      const [peer, elsewhere] = [router.join(), router.join(ALL_ROLES, "realm2")];
      const id = join(peer, "com.x");
      expect(ask(elsewhere, "list")).toEqual([{ exact: [], prefix: [], wildcard: [] }]);
      expect(ask(elsewhere, "lookup", "com.x")).toEqual([null]);
      for (const verb of ["get", `list_${members}`, `count_${members}`]) expect(ask(elsewhere, verb, id)).toBe(noSuch);
      expect(ask(elsewhere, remove, id, peer.session)).toBe(noSuch);
    });

    test("what the router answers itself is no registration (AMB-89, AMB-95)", () => {
      const router = open();
      const peer = router.join();
      expect(ask(peer, "list")).toEqual([{ exact: [], prefix: [], wildcard: [] }]);
      expect(ask(peer, "lookup", "wamp.session.count")).toEqual([null]);
      expect(ask(peer, "match", "wamp.session.count")).toEqual([null]);
    });

    test.each<[string, readonly unknown[], string]>([
      ["lookup", [], Uri.invalidArgument],
      ["lookup", [1], Uri.invalidArgument],
      ["lookup", ["com.x", "prefix"], Uri.invalidArgument],
      ["lookup", ["com.x", []], Uri.invalidArgument],
      ["lookup", ["com.x", { match: "regex" }], Uri.invalidArgument],
      ["match", [null], Uri.invalidArgument],
      ["get", [], Uri.invalidArgument],
      ["get", ["1"], Uri.invalidArgument],
      ["get", [4711], noSuch],
      [`list_${members}`, [-1], Uri.invalidArgument],
      [`list_${members}`, [4711], noSuch],
      [`count_${members}`, [{}], Uri.invalidArgument],
      [`count_${members}`, [4711], noSuch],
      [remove, [], Uri.invalidArgument],
      [remove, [4711, 1], noSuch],
    ])("%s %j is refused with %s (META-P-03, AMB-96)", (verb, args, error) => {
      expect(ask(open().join(), verb, ...args)).toBe(error);
    });
  });

  describe(remove, () => {
    test("takes one session's part away, tells it, and tells of it (RPC-REVOKE-01, PS-REVOKE-01)", () => {
      const router = open();
      const [a, b, asker] = [router.join(REVOCABLE), router.join(), router.join()];
      const heard = listen(asker);
      const id = join(a, "com.x");
      join(b, "com.x");
      heard();
      expect(ask(asker, remove, id, a.session, "com.app.retired")).toEqual([]);
      expect(a.inbox).toEqual([{ type: revocation, request: 0, details: { [name]: id, reason: "com.app.retired" } }]);
      expect(ask(asker, `list_${members}`, id)).toEqual([[b.session]]);
      expect(ask(asker, remove, id, b.session)).toEqual([]);
      expect(heard()).toEqual([
        [left, a.session, id],
        [left, b.session, id],
        ["on_delete", b.session, id],
      ]);
    });

    test("refuses a session that has no part in it, and a bad reason (AMB-96)", () => {
      const router = open();
      const [a, asker] = [router.join(), router.join()];
      const id = join(a, "com.x");
      expect(ask(asker, remove, id, asker.session)).toBe(Uri.noSuchSession);
      expect(ask(asker, remove, id, 4711)).toBe(Uri.noSuchSession);
      expect(ask(asker, remove, id, "x")).toBe(Uri.invalidArgument);
      expect(ask(asker, remove, id, a.session, "a b")).toBe(Uri.invalidUri);
      expect(a.inbox).toEqual([]);
    });

    test("has to be granted by its name (AMB-97)", () => {
      const all = { uri: "wamp.", match: "prefix", allow: { call: true } } as const;
      const router = new TestRouter({ realms: [realmConfig("realm1", [ALLOW_ALL, all])] });
      const peer = router.join();
      expect(ask(peer, remove, join(peer, "com.x"), peer.session)).toBe(Uri.notAuthorized);
    });
  });

  describe("what a role may know (AMB-97)", () => {
    const may = (uri: string, ...actions: ("call" | "register" | "publish" | "subscribe")[]): Permission => ({
      uri,
      match: "prefix",
      allow: Object.fromEntries(actions.map((action) => [action, true])),
    });
    const use = name === "registration" ? "call" : "publish";
    const offer = name === "registration" ? "register" : "subscribe";
    const router = () => {
      const everything = { name: "owner", permissions: [ALLOW_ALL] };
      const guest = {
        name: "guest",
        permissions: [
          may("wamp.", "call", "subscribe"),
          may("com.used.", use),
          may("com.offered.", offer),
          { uri: "com.used.secret", match: "prefix", allow: { [use]: false } } as Permission,
        ],
      };
      return new TestRouter({
        realms: [
          {
            name: "realm1",
            roles: [everything, guest],
            authenticate: ({ details: { authrole = "guest" } }, answer) =>
              answer({ kind: "welcome", authid: "x", authrole, authmethod: "ticket", authprovider: "test" }),
          },
        ],
      });
    };
    const enter = (test: TestRouter, authrole: string) => {
      const peer = test.attach();
      peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES, authrole } });
      peer.take(MessageType.Welcome);
      return peer;
    };

    test("is what has to do with what it may do; nothing else exists for it", () => {
      const test = router();
      const [owner, guest] = [enter(test, "owner"), enter(test, "guest")];
      const heard = listen(enter(test, "guest"));
      const visible = [join(owner, "com.used.a"), join(owner, "com.offered.b")];
      const pattern = join(owner, "com.offered.", { match: "prefix" });
      const hidden = [join(owner, "com.other"), join(owner, "com.used.secret.c")];
      const wide = join(owner, "com.", { match: "prefix" });

      expect(heard().flatMap(([verb, , what]) => (verb === "on_create" ? [] : [what]))).toEqual([...visible, pattern]);
      const [{ exact, prefix, wildcard }] = ask(guest, "list") as [Record<string, number[]>];
      expect([exact?.slice(-2), prefix, wildcard]).toEqual([visible, [pattern], []]); // before them, the subscriptions of the listener
      for (const id of [...visible, pattern]) expect(ask(guest, `count_${members}`, id)).toEqual([1]);
      for (const id of [...hidden, wide])
        for (const verb of ["get", `list_${members}`, `count_${members}`]) expect(ask(guest, verb, id)).toBe(noSuch);
      expect(ask(guest, "lookup", "com.used.a")).toEqual([visible[0]]);
      expect(ask(guest, "lookup", "com.other")).toEqual([null]);
      expect(ask(guest, "match", "com.used.secret.c")).toEqual([null]);
      expect(ask(guest, "match", "com.used.z")).toEqual([name === "registration" ? wide : [wide]]); // it may use that
      for (const id of [...visible, pattern, ...hidden, wide]) leave(owner, id);
      expect(heard().flatMap(([verb, , what]) => (verb === "on_delete" ? [] : [what]))).toEqual([...visible, pattern]);
    });

    test("includes what it takes part in itself", () => {
      const test = router();
      const guest = enter(test, "guest");
      const id = join(guest, "com.offered.mine", { match: "exact" });
      expect(ask(guest, "get", id)).toEqual([{ id, created, uri: "com.offered.mine", match: "exact", ...details }]);
    });

    test("is decided by the authorizer where a realm has one: who may ask, may know", () => {
      const asked: string[] = [];
      const test = new TestRouter({
        realms: [
          {
            ...realmConfig("realm1", []),
            authorize: ({ uri }, answer) => {
              asked.push(uri);
              answer({ allow: uri !== topic("get"), disclose: "deny" });
            },
          },
        ],
      });
      const peer = test.join();
      const id = join(peer, "com.x");
      expect(ask(test.join(), "list")).toEqual([{ exact: [id], prefix: [], wildcard: [] }]);
      expect(ask(peer, "get", id)).toBe(Uri.notAuthorized);
      expect(asked).toEqual(["com.x", topic("list"), topic("get")]);
    });
  });
});

test("subscriptions to meta topics cause no meta events (AMB-89)", () => {
  const router = open();
  const watcher = router.join();
  const id = watcher.subscribe("wamp.subscription.", { match: "prefix" });
  const other = router.join();
  other.subscribe("wamp.session.on_join");
  other.subscribe("wamp.", { match: "prefix" });
  other.close("transport.lost");
  expect([id > 0, watcher.inbox]).toEqual([true, []]);
  router.join().subscribe("wampum.x");
  expect(watcher.inbox).toHaveLength(2);
});
