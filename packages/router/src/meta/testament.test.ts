import { JsonSerializer, MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import { ALL_POWERS, ALLOW_ALL, realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import type { AuthorizationRequest } from "../access/authorizer.ts";
import type { Decision, Permission } from "../access/role.ts";

const ADD = "wamp.session.add_testament";
const FLUSH = "wamp.session.flush_testaments";
const open = (...permissions: Permission[]) => new TestRouter({ realms: [realmConfig("realm1", [...ALL_POWERS, ...permissions])] });

/** What a watcher of everything hears, as topics and arguments. */
function watch(router: TestRouter, prefix = "com."): { readonly peer: TestPeer; heard(): unknown[] } {
  const peer = router.join();
  peer.subscribe(prefix, { match: "prefix" });
  return {
    peer,
    heard: () =>
      peer.inbox.splice(0).map((message) => {
        if (message.type !== MessageType.Event) return message;
        return [message.details.topic, message.payload.args, message.payload.kwargs];
      }),
  };
}

describe("a testament", () => {
  test("is published when its session is gone, with its arguments, for every way of leaving (PS-TEST-01, PS-TEST-06)", () => {
    const ways: ((peer: TestPeer, killer: TestPeer) => void)[] = [
      (peer) => peer.close("transport.lost"),
      (peer) => peer.send({ type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm }),
      (peer) => peer.send({ type: MessageType.Welcome, session: 1, details: { roles: { broker: {} } } }),
      (peer, killer) => killer.ask("wamp.session.kill", [peer.session]),
    ];
    for (const leave of ways) {
      const router = open();
      const { heard } = watch(router);
      const peer = router.join();
      expect(peer.ask(ADD, ["com.last", ["words", 1], { of: "me" }])).toEqual([]);
      expect(heard()).toEqual([]);
      leave(peer, router.join());
      expect(heard()).toEqual([["com.last", ["words", 1], { of: "me" }]]);
    }
  });

  test("comes in the order of adding, the detached ones first, each once (PS-TEST-03, PS-TEST-04)", () => {
    const router = open();
    const { heard } = watch(router);
    const peer = router.join();
    const add = (topic: string, scope?: string) => peer.ask(ADD, [topic, [], {}], scope === undefined ? {} : { scope });
    add("com.destroyed.1");
    add("com.detached.1", "detached");
    add("com.destroyed.2", "destroyed");
    add("com.detached.2", "detached");
    add("com.destroyed.1");
    peer.close("transport.lost");
    expect(heard().map((event) => (event as unknown[])[0])).toEqual([
      "com.detached.1",
      "com.detached.2",
      "com.destroyed.1",
      "com.destroyed.2",
      "com.destroyed.1",
    ]);
  });

  test("is flushed by scope, and by its own session only (PS-TEST-02)", () => {
    const router = open();
    const { heard } = watch(router);
    const [peer, other] = [router.join(), router.join()];
    for (const scope of ["detached", "destroyed"]) for (const i of [1, 2]) peer.ask(ADD, [`com.${scope}`, [i], {}], { scope });
    expect(other.ask(FLUSH)).toEqual([]);
    expect(peer.ask(FLUSH)).toEqual([]);
    peer.ask(ADD, ["com.destroyed", [3], {}]);
    expect(peer.ask(FLUSH, [], { scope: "detached" })).toEqual([]);
    peer.close("transport.lost");
    expect(heard()).toEqual([["com.destroyed", [3], undefined]]);
  });

  test("is published after what its session held is gone, and before on_leave (AMB-88, AMB-90)", () => {
    const router = open({ uri: "", match: "prefix", allow: { subscribe: true } });
    const watcher = router.join();
    for (const topic of ["com.last", "wamp.session.on_leave", "wamp.subscription.on_unsubscribe", "wamp.registration.on_unregister"])
      watcher.subscribe(topic);
    const ids = [1, 2, 3, 4];
    const peer = router.join();
    peer.subscribe("com.last");
    peer.register("com.x");
    const request = watcher.call("com.x");
    peer.ask(ADD, ["com.last", [], {}], { publish_options: { exclude_me: false } });
    peer.close("transport.lost");
    const order = watcher.inbox.map((message) =>
      message.type === MessageType.Event
        ? ids.indexOf(message.subscription)
        : message.type === MessageType.Error && message.request === request
          ? "call"
          : message,
    );
    expect(order).toEqual([2, 3, "call", 0, 1]);
  });

  test("is told to nobody after kill_all (META-S-07, AMB-93)", () => {
    const router = open();
    const { peer, heard } = watch(router);
    router.join().ask(ADD, ["com.last", [], {}]);
    peer.ask("wamp.session.kill_all");
    expect(heard()).toEqual([]);
  });

  test("is not left by a session that shares the transport with an earlier one (SES-25)", () => {
    const router = open();
    const { heard } = watch(router);
    const peer = router.join();
    peer.ask(ADD, ["com.last", [], {}]);
    peer.send({ type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm });
    expect(heard()).toHaveLength(1);
    peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: { publisher: {} } } });
    peer.close("transport.lost");
    expect(heard()).toEqual([]);
  });

  test("keeps what JSON carries in it, binary too, for a reader of any format (SER-07, MSG-14)", () => {
    const router = open();
    const { heard } = watch(router);
    const json = new JsonSerializer();
    const peer = router.join();
    const text = `[48,${++peer.request},{},"${ADD}",["com.last",["\\u0000AAEC",12345678901234567890,1.5],{}]]`;
    peer.send(json.decode(new TextEncoder().encode(text)));
    peer.close("transport.lost");
    expect(heard()).toEqual([["com.last", [new Uint8Array([0, 1, 2]), 12345678901234567890n, 1.5], undefined]]);
  });
});

describe("publish options", () => {
  test("lists and disclosure are honoured, acknowledge is not (AMB-88, PS-TEST-05)", () => {
    const router = open();
    const [a, b, peer] = [watch(router), watch(router), router.join()];
    const publish_options = { eligible: [b.peer.session], disclose_me: true, acknowledge: true, unknown: 1, exclude: null };
    expect(peer.ask(ADD, ["com.last", [], {}], { publish_options })).toEqual([]);
    peer.close("transport.lost");
    expect(a.peer.inbox).toEqual([]);
    const event = b.peer.take(MessageType.Event);
    expect(event.details).toMatchObject({ publisher: peer.session, publisher_authrole: "anonymous", topic: "com.last" });
    expect([b.peer.inbox, peer.inbox]).toEqual([[], []]);
  });

  test("disclosure that is denied refuses the testament (PS-PID-02)", () => {
    const peer = new TestRouter({ realms: [realmConfig("realm1", [{ ...ALLOW_ALL, disclose: { publisher: "deny" } }])] }).join();
    expect(peer.ask(ADD, ["com.last", [], {}], { publish_options: { disclose_me: true } })).toBe(Uri.discloseMeDisallowed);
    expect(peer.ask(ADD, ["com.last", [], {}])).toEqual([]);
  });
});

test.each<[string, readonly unknown[], Record<string, unknown>, string]>([
  [ADD, [], {}, Uri.invalidArgument],
  [ADD, ["com.x"], {}, Uri.invalidArgument],
  [ADD, ["com.x", []], {}, Uri.invalidArgument],
  [ADD, [1, [], {}], {}, Uri.invalidArgument],
  [ADD, ["com.x", {}, {}], {}, Uri.invalidArgument],
  [ADD, ["com.x", [], []], {}, Uri.invalidArgument],
  [ADD, ["com.x", [], {}], { scope: "attached" }, Uri.invalidArgument],
  [ADD, ["com.x", [], {}], { scope: 1 }, Uri.invalidArgument],
  [ADD, ["com.x", [], {}], { publish_options: [] }, Uri.invalidArgument],
  [ADD, ["com.x", [], {}], { publish_options: { acknowledge: 1 } }, Uri.invalidArgument],
  [ADD, ["com.x", [], {}], { publish_options: { exclude: ["x"] } }, Uri.invalidArgument],
  [ADD, ["com..x", [], {}], {}, Uri.invalidUri],
  [ADD, ["", [], {}], {}, Uri.invalidUri],
  [ADD, ["x".repeat(256), [], {}], {}, Uri.invalidUri],
  [ADD, ["wamp.session.on_join", [], {}], {}, Uri.invalidUri],
  [ADD, ["com.denied", [], {}], {}, Uri.notAuthorized],
  [FLUSH, [], { scope: "all" }, Uri.invalidArgument],
])("%s %j %j is refused with %s, and nothing is left (AMB-88, AMB-20)", (procedure, args, kwargs, error) => {
  const router = open({ uri: "com.denied", match: "exact", allow: { publish: false } });
  const { heard } = watch(router, "");
  const peer = router.join();
  expect(peer.ask(procedure, args, kwargs)).toBe(error);
  heard();
  peer.close("transport.lost");
  expect(heard().flatMap((event) => (event as unknown[])[0])).toEqual(["wamp.session.on_leave"]);
});

test("a session leaves eight testaments of 64 KiB at most (AMB-88, AMB-135)", () => {
  const router = open();
  const { heard } = watch(router);
  const peer = router.join();
  for (let i = 0; i < 8; i++) expect(peer.ask(ADD, ["com.x", [i], {}], { scope: i % 2 === 0 ? "detached" : "destroyed" })).toEqual([]);
  expect(peer.ask(ADD, ["com.x", [], {}])).toBe("junctor.error.limit_exceeded");
  expect(router.log("limit.hit")).toMatchObject([{ limit: "testaments", session: peer.session }]);
  peer.ask(FLUSH, [], { scope: "detached" });
  expect(peer.ask(ADD, ["com.x", [], {}])).toEqual([]);
  peer.close("transport.lost");
  expect(heard()).toHaveLength(5);

  const json = new JsonSerializer();
  const add = (size: number) => {
    const head = `[48,${++other.request},{},"${ADD}",`;
    const tail = (filling: string) => `["com.x",["${filling}"],{}]`;
    other.send(json.decode(new TextEncoder().encode(`${head}${tail("x".repeat(size - tail("").length))}]`)));
    return other.inbox.shift();
  };
  const other = router.join();
  expect(add(65_536)?.type).toBe(MessageType.Result);
  expect(add(65_537)).toMatchObject({ error: "junctor.error.limit_exceeded" });
});

describe("with an authorizer that takes its time", () => {
  const setup = () => {
    const questions: { request: AuthorizationRequest; answer: (decision: Decision) => void }[] = [];
    const router = new TestRouter({
      realms: [
        {
          ...realmConfig("realm1", []),
          authorize: (request, answer) => {
            if (request.action === "publish") questions.push({ request, answer });
            else answer({ allow: true, disclose: "allow" });
          },
        },
      ],
    });
    const next = (allow: boolean) => {
      const question = questions.shift();
      question?.answer({ allow, disclose: "allow" });
      question?.answer({ allow: true, disclose: "allow" }); // an answer counts once
      return question?.request.uri;
    };
    return { router, next, questions };
  };

  test("the session's later messages wait, in order (AMB-126)", () => {
    const { router, next } = setup();
    const { heard } = watch(router);
    const peer = router.join();
    peer.call(ADD, [], NO_OPTIONS); // refused at once: no topic
    expect(peer.take(MessageType.Error).error).toBe(Uri.invalidArgument);
    peer.send({
      type: MessageType.Call,
      request: ++peer.request,
      options: NO_OPTIONS,
      procedure: ADD,
      payload: Payload.of(["com.last", [], {}]),
    });
    peer.call(FLUSH);
    peer.call("wamp.session.count");
    expect(peer.inbox).toEqual([]);
    expect(next(true)).toBe("com.last");
    expect(peer.inbox.splice(0).map(({ type }) => type)).toEqual(Array(3).fill(MessageType.Result));
    peer.close("transport.lost");
    expect([heard(), next(true)]).toEqual([[], undefined]);
  });

  test("a session that leaves before the answer leaves nothing (AMB-126)", () => {
    const { router, next } = setup();
    const { heard } = watch(router);
    const peer = router.join();
    peer.call(ADD, ["com.last", [], {}]);
    peer.close("transport.lost");
    next(true);
    expect([heard(), router.router.realm("realm1")?.counters.callsInFlight]).toEqual([[], 0]);
  });

  test("it is asked again when the testament falls due, and on_leave waits for it (AMB-88, AMB-90)", () => {
    const { router, next, questions } = setup();
    const { heard } = watch(router, "");
    const peer = router.join();
    for (const topic of ["com.a", "com.b", "com.c"]) {
      peer.call(ADD, [topic, [], {}]);
      next(true);
    }
    heard();
    peer.close("transport.lost");
    expect([next(true), next(false)]).toEqual(["com.a", "com.b"]);
    expect(heard().map((event) => (event as unknown[])[0])).toEqual(["com.a"]);
    expect(questions).toHaveLength(1);
    expect(next(true)).toBe("com.c");
    expect(heard().map((event) => (event as unknown[])[0])).toEqual(["com.c", "wamp.session.on_leave"]);
    expect(router.router.realm("realm1")?.counters.publicationsRefused).toBe(1);
  });
});
