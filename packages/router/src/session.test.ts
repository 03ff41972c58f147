import { type Message, MessageType, messageName, NO_OPTIONS, Payload, ProtocolError, Uri, verdict } from "@junctor/protocol";
import { ALL_ROLES, ALLOW_ALL, realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import type { AuthenticationAnswer } from "./access/authenticator.ts";
import type { AuthorizationRequest } from "./access/authorizer.ts";
import type { Decision } from "./access/role.ts";

const payload = Payload.EMPTY;
const options = NO_OPTIONS;
/** One message of every type, legal in itself. */
const EXAMPLES: readonly Message[] = [
  { type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } },
  { type: MessageType.Welcome, session: 1, details: { roles: { dealer: {} } } },
  { type: MessageType.Abort, details: {}, reason: "com.x", payload },
  { type: MessageType.Challenge, authmethod: "ticket", extra: {} },
  { type: MessageType.Authenticate, signature: "x", extra: {} },
  { type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm },
  { type: MessageType.Error, requestType: MessageType.Invocation, request: 1, details: {}, error: "com.x", payload },
  { type: MessageType.Publish, request: 1, options, topic: "com.x", payload },
  { type: MessageType.Published, request: 1, publication: 1 },
  { type: MessageType.Subscribe, request: 1, options, topic: "com.x" },
  { type: MessageType.Subscribed, request: 1, subscription: 1 },
  { type: MessageType.Unsubscribe, request: 1, subscription: 1 },
  { type: MessageType.Unsubscribed, request: 1, details: undefined },
  { type: MessageType.Event, subscription: 1, publication: 1, details: {}, payload, encoded: undefined },
  { type: MessageType.EventReceived, publication: 1 },
  { type: MessageType.Call, request: 1, options, procedure: "com.x", payload },
  { type: MessageType.Cancel, request: 1, options },
  { type: MessageType.Result, request: 1, details: {}, payload },
  { type: MessageType.Register, request: 1, options, procedure: "com.x" },
  { type: MessageType.Registered, request: 1, registration: 1 },
  { type: MessageType.Unregister, request: 1, registration: 1 },
  { type: MessageType.Unregistered, request: 1, details: undefined },
  { type: MessageType.Invocation, request: 1, registration: 1, details: {}, payload },
  { type: MessageType.Interrupt, request: 1, options },
  { type: MessageType.Yield, request: 1, options, payload },
];
const challenging = {
  ...realmConfig("realm1"),
  authenticate: (_: unknown, answer: (outcome: AuthenticationAnswer) => void) =>
    answer({ kind: "challenge", authmethod: "test", extra: {}, verify: () => {} }),
};
const pending = { ...realmConfig("realm1"), authenticate: () => {} };

describe("every message type in every state (SES-18, PERR-01 to PERR-09, T1)", () => {
  const states = {
    closed: () => new TestRouter().attach(),
    establishing: () => {
      const peer = new TestRouter({ realms: [pending] }).attach();
      peer.send(EXAMPLES[0] as Message);
      return peer;
    },
    challenging: () => {
      const peer = new TestRouter({ realms: [challenging] }).attach();
      peer.send(EXAMPLES[0] as Message);
      peer.take(MessageType.Challenge);
      return peer;
    },
    established: () => new TestRouter().join(),
    shuttingDown: () => {
      const test = new TestRouter();
      const peer = test.join();
      test.router.close();
      peer.take(MessageType.Goodbye);
      return peer;
    },
  } as const;

  test("the examples are complete", () => {
    expect(EXAMPLES.map(({ type }) => type).sort()).toEqual(Object.values(MessageType).sort());
  });

  for (const [state, enter] of Object.entries(states) as [keyof typeof states, () => ReturnType<TestRouter["attach"]>][]) {
    test.each(EXAMPLES.map((message) => [messageName(message.type), message] as const))(`${state}: %s`, (_name, message) => {
      const peer = enter();
      peer.send(message);
      const isViolation =
        verdict("router", state, message.type) === "violation" ||
        (state === "established" && (message.type === MessageType.Yield || message.type === MessageType.Error)); // no invocation 1 was issued (PERR-05)
      const aborts = peer.inbox.filter(({ type }) => type === MessageType.Abort) as Extract<Message, { type: 3 }>[];
      if (isViolation) {
        expect(aborts.map(({ reason }) => reason)).toEqual([Uri.protocolViolation]);
        expect(aborts[0]?.details.message).toMatch(/\w/);
        expect(peer.closed).toMatch(/^protocol_violation/);
        // Nothing further from that peer is processed.
        peer.inbox = [];
        peer.send(EXAMPLES[0] as Message);
        expect(peer.inbox).toEqual([]);
      } else expect(aborts).toEqual([]);
      if (verdict("router", state, message.type) === "ignore") expect([peer.inbox, peer.closed]).toEqual([[], undefined]);
    });
  }
});

describe("joining", () => {
  test("is answered with WELCOME that carries session, realm and identity (SES-11, SES-12, AUTH-05)", () => {
    const peer = new TestRouter().attach();
    peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES, agent: "test" } });
    const { session, details } = peer.take(MessageType.Welcome);
    expect(session).toBeGreaterThan(0);
    expect(details).toMatchObject({ realm: "realm1", authrole: "anonymous", authmethod: "anonymous", authprovider: "static" });
  });
  test.each([
    ["an unknown realm (SES-14)", "nope", {}, Uri.noSuchRealm],
    ["no realm (AMB-07)", null, {}, Uri.noSuchRealm],
    ["an invalid realm (SES-15)", "a b", {}, Uri.invalidUri],
    ["methods that the realm does not take (AMB-08)", "realm1", { authmethods: ["ticket"] }, Uri.noMatchingAuthMethod],
  ])("is refused for %s", (_name, realm, details, reason) => {
    const test = new TestRouter();
    const peer = test.attach();
    peer.send({ type: MessageType.Hello, realm, details: { roles: ALL_ROLES, ...details } });
    expect(peer.take(MessageType.Abort)).toMatchObject({ reason });
    expect(peer.closed).toBe(reason);
    expect(test.log("join.refused")).toHaveLength(1);
  });
  test("a role that the realm lacks is refused (AUTH-06)", () => {
    const peer = new TestRouter({ realms: [{ ...realmConfig("realm1"), roles: [] }] }).attach();
    peer.send(EXAMPLES[0] as Message);
    expect(peer.take(MessageType.Abort)).toMatchObject({ reason: Uri.noSuchRole });
  });
  test("who says nothing is cut after 5 s, who is not let in after 10 s (G8)", () => {
    const test = new TestRouter({ realms: [pending] });
    const silent = test.attach();
    const waiting = test.attach();
    waiting.send(EXAMPLES[0] as Message);
    test.clock.advance(4_999);
    expect(silent.closed).toBeUndefined();
    test.clock.advance(1);
    expect(silent.closed).toBe("timeout.hello");
    test.clock.advance(5_000);
    expect(waiting.take(MessageType.Abort)).toMatchObject({ reason: Uri.authenticationFailed });
    expect(waiting.closed).toBe("timeout.join");
  });
});

describe("a session", () => {
  test("is alive from WELCOME until it leaves, by whatever way, and holds nothing after that (SES-16, SES-24)", () => {
    const ways: Record<string, (peer: TestPeer) => void> = {
      goodbye: (peer) => peer.send({ type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm }),
      abort: (peer) => peer.send({ type: MessageType.Abort, details: {}, reason: "com.x", payload }),
      violation: (peer) => peer.violate(new ProtocolError("MALFORMED_BYTES", "x")),
      lost: (peer) => peer.close("transport.lost"),
    };
    for (const leave of Object.values(ways)) {
      const test = new TestRouter();
      const [other, peer] = [test.join(), test.join()];
      peer.subscribe("com.x");
      peer.register("com.y");
      other.publish("com.x");
      other.call("com.y");
      expect(peer.inbox.splice(0).map(({ type }) => type)).toEqual([MessageType.Event, MessageType.Invocation]);
      leave(peer);
      peer.inbox = [];
      expect(other.take(MessageType.Error).error).toBe(Uri.canceled); // the call that was open (RPC-12)
      other.publish("com.x");
      other.call("com.y");
      expect(other.take(MessageType.Error).error).toBe(Uri.noSuchProcedure);
      expect(peer.inbox).toEqual([]);
      const realm = test.router.realm("realm1");
      expect([realm?.sessions.size, realm?.broker.subscriptionCount, realm?.dealer.registrationCount]).toEqual([1, 0, 0]);
    }
  });

  test("may have all four roles, and be both ends of what it does (SES-04, AMB-69)", () => {
    const peer = new TestRouter().join();
    peer.subscribe("com.x");
    peer.register("com.x");
    peer.publish("com.x", [1], { exclude_me: false });
    expect(peer.take(MessageType.Event).payload.args).toEqual([1]);
    const request = peer.call("com.x", [2]);
    peer.yield(peer.take(MessageType.Invocation).request, [3]);
    expect(peer.take(MessageType.Result)).toMatchObject({ request, payload: { args: [3] } });
  });

  test("is served whatever roles and features it announced: only those with a rule of their own count (AMB-10, AMB-11)", () => {
    const test = new TestRouter();
    const [peer, other] = [test.join({ caller: {} }), test.join({ publisher: {} })];
    const subscription = peer.subscribe("com.", { match: "prefix" });
    peer.register("com.x", { invoke: "roundrobin", disclose_caller: true });
    other.publish("com.x", [], { eligible: [peer.session], disclose_me: true });
    expect(peer.take(MessageType.Event)).toMatchObject({ subscription, details: { publisher: other.session, topic: "com.x" } }); // [AMB-77]
    other.call("com.x", [], { disclose_me: true });
    expect(peer.take(MessageType.Invocation).details).toMatchObject({ caller: other.session });
  });

  test("has an id that no other one has, live or joining, in any realm (AMB-24, ID-02)", () => {
    // The same random bytes again and again: only a redraw can tell the ids apart.
    let draws = 0;
    const test = new TestRouter({ realms: [pending, realmConfig("realm2")], randomFill: (bytes) => bytes.fill(draws++ >> 2) });
    const joining = test.attach();
    joining.send(EXAMPLES[0] as Message);
    const ids = [test.join(ALL_ROLES, "realm2"), test.join(ALL_ROLES, "realm2"), test.join(ALL_ROLES, "realm2")].map(
      ({ session }) => session,
    );
    expect(new Set(ids).size).toBe(3);
  });

  test("is refused with a clear error where its program's randomness is none, and not waited for for ever", () => {
    const test = new TestRouter({ randomFill: (bytes) => bytes.fill(7) });
    test.join();
    expect(() => test.join()).toThrow("randomFill does not fill with random bytes");
  });

  test("is ended by a second HELLO, also while it is being let in (SES-13, AMB-01)", () => {
    for (const realm of [realmConfig("realm1"), challenging]) {
      const peer = new TestRouter({ realms: [realm] }).attach();
      peer.send(EXAMPLES[0] as Message);
      peer.inbox = [];
      peer.send(EXAMPLES[0] as Message);
      expect(peer.take(MessageType.Abort).reason).toBe(Uri.protocolViolation);
      expect([peer.inbox, peer.closed]).toEqual([[], expect.stringMatching(/^protocol_violation/)]);
    }
  });
});

describe("leaving", () => {
  test("crossing GOODBYEs answer each other, with any reason, and nobody sends a second one (AMB-04, AMB-05)", () => {
    const test = new TestRouter();
    const peer = test.join();
    test.router.realm("realm1")?.close(Uri.closeRealm);
    expect(peer.take(MessageType.Goodbye).reason).toBe(Uri.closeRealm);
    peer.send({ type: MessageType.Goodbye, details: {}, reason: "com.own.reason" });
    expect([peer.inbox, peer.closed]).toEqual([[], "closed"]);
  });
  test("ABORT may come at any time, and is the end (AMB-03)", () => {
    for (const peer of [new TestRouter().join(), new TestRouter({ realms: [challenging] }).attach()]) {
      if (peer.session === 0) peer.send(EXAMPLES[0] as Message);
      peer.inbox = [];
      peer.send({ type: MessageType.Abort, details: {}, reason: "com.x", payload });
      expect([peer.inbox, peer.closed]).toEqual([[], "aborted"]);
    }
  });
  test("GOODBYE is answered, and the transport takes another HELLO for a while (SES-20, SES-25, AMB-02)", () => {
    const test = new TestRouter();
    const peer = test.join();
    const first = peer.session;
    peer.send({ type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm });
    expect(peer.take(MessageType.Goodbye).reason).toBe(Uri.goodbyeAndOut);
    peer.send(EXAMPLES[0] as Message);
    expect(peer.take(MessageType.Welcome).session).not.toBe(first);
    peer.request = 0;
    expect(peer.subscribe("com.x")).toBeGreaterThan(0); // ID-12: ids start at 1 again
    peer.send({ type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm });
    test.clock.advance(5_000);
    expect(peer.closed).toBe("timeout.hello");
  });
  test("the router's GOODBYE ends the session at once, and the transport when it is answered or not (AMB-06, AMB-134)", () => {
    const test = new TestRouter();
    const [polite, rude] = [test.join(), test.join()];
    test.router.close();
    expect(test.router.realm("realm1")?.sessions.size).toBe(0);
    expect(polite.take(MessageType.Goodbye).reason).toBe(Uri.systemShutdown);
    polite.send({ type: MessageType.Goodbye, details: {}, reason: Uri.goodbyeAndOut });
    expect(polite.inbox).toEqual([]);
    expect(polite.closed).toBe("closed");
    test.clock.advance(5_000);
    expect(rude.closed).toBe("timeout.goodbye");
    const late = test.attach();
    expect(late.take(MessageType.Abort).reason).toBe(Uri.systemShutdown);
  });
  test("ABORT is never answered (SES-21)", () => {
    const peer = new TestRouter().join();
    peer.send({ type: MessageType.Abort, details: {}, reason: "com.x", payload });
    expect(peer.inbox).toEqual([]);
    expect(peer.closed).toBe("aborted");
  });
  test("every session that ends is logged once, with its reason", () => {
    const test = new TestRouter();
    const peers = [test.join(), test.join(), test.join()];
    peers[0]?.close("transport.lost");
    peers[1]?.send({ type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm });
    peers[2]?.violate(new ProtocolError("MALFORMED_BYTES", "x"));
    for (const peer of peers) peer.receiver.lost("again");
    expect(test.log("session.close").map((event) => "reason" in event && event.reason)).toEqual([
      "transport.lost",
      Uri.closeRealm,
      "protocol_violation.malformed_bytes",
    ]);
    expect(test.router.transportCount).toBe(0);
  });
});

const lenient = { ...realmConfig("realm1"), requestIds: "lenient" } as const;

describe("request ids (PERR-06, ID-04 to ID-10)", () => {
  test.each([0, 2, 9007199254740992])("must be sequential: %d comes not after 0", (request) => {
    const peer = new TestRouter().join();
    peer.send({ type: MessageType.Subscribe, request, options, topic: "com.x" });
    expect(peer.take(MessageType.Abort).reason).toBe(Uri.protocolViolation);
  });
  test.each([2, 7, 9007199254740992])("need not be, where the realm is lenient: %d comes first (AMB-22)", (request) => {
    const peer = new TestRouter({ realms: [lenient] }).join();
    peer.send({ type: MessageType.Call, request, options, procedure: "com.x", payload });
    peer.send({ type: MessageType.Subscribe, request: 1, options, topic: "com.x" });
    expect(peer.take(MessageType.Error)).toMatchObject({ request, error: Uri.noSuchProcedure });
    expect(peer.take(MessageType.Subscribed).request).toBe(1);
  });
  test("of calls in flight cannot be used again, even there (AMB-22)", () => {
    const test = new TestRouter({ realms: [lenient] });
    test.join().register("com.x");
    const peer = test.join();
    peer.send({ type: MessageType.Call, request: 1, options, procedure: "com.x", payload });
    peer.send({ type: MessageType.Call, request: 1, options, procedure: "com.x", payload });
    expect(peer.take(MessageType.Abort).reason).toBe(Uri.protocolViolation);
  });
  test("are shared by all six requests and used up by refused ones", () => {
    const peer = new TestRouter().join();
    peer.send({ type: MessageType.Publish, request: 1, options, topic: "bad uri", payload });
    peer.send({ type: MessageType.Subscribe, request: 2, options, topic: "" });
    peer.send({ type: MessageType.Call, request: 3, options, procedure: "com.x", payload });
    peer.send({ type: MessageType.Register, request: 4, options, procedure: "com.x" });
    peer.send({ type: MessageType.Unregister, request: 5, registration: 99 });
    peer.send({ type: MessageType.Unsubscribe, request: 6, subscription: 99 });
    expect(peer.inbox.map((message) => ("error" in message ? message.error : message.type))).toEqual([
      Uri.invalidUri,
      Uri.noSuchProcedure,
      MessageType.Registered,
      Uri.noSuchRegistration,
      Uri.noSuchSubscription,
    ]);
    expect(peer.closed).toBeUndefined();
  });
});

describe("URIs", () => {
  test.each([
    ["an empty component (URI-02)", "com..x"],
    ["white space", "com x"],
    ["#", "com.#"],
    ["nothing", ""],
    ["too many characters (AMB-135)", `com.${"x".repeat(252)}`],
    ["too many components (T24)", Array.from({ length: 33 }, () => "a").join(".")],
  ])("%s gives ERROR, not ABORT (URI-08)", (_name, uri) => {
    const peer = new TestRouter().join();
    peer.call(uri);
    peer.publish(uri, [], { acknowledge: true });
    expect(peer.take(MessageType.Error)).toMatchObject({ error: Uri.invalidUri, requestType: MessageType.Call });
    expect(peer.take(MessageType.Error)).toMatchObject({ error: Uri.invalidUri, requestType: MessageType.Publish });
  });
  test("reserved ones cannot be registered or published, but subscribed and called (URI-07, AMB-20)", () => {
    const peer = new TestRouter().join();
    peer.publish("wamp.x", [], { acknowledge: true });
    expect(peer.take(MessageType.Error).error).toBe(Uri.invalidUri);
    peer.send({ type: MessageType.Register, request: ++peer.request, options, procedure: "wamp.x" });
    expect(peer.take(MessageType.Error).error).toBe(Uri.invalidUri);
    expect(peer.subscribe("wamp.x")).toBeGreaterThan(0);
    expect(peer.register("wampum.x")).toBeGreaterThan(0);
  });
  test("a realm may be strict (URI-05)", () => {
    const peer = new TestRouter({ realms: [{ ...realmConfig("realm1"), uriRule: "strict" }] }).join();
    peer.call("com.UPPER");
    expect(peer.take(MessageType.Error).error).toBe(Uri.invalidUri);
  });
});

describe("permissions", () => {
  const permissions = [
    { uri: "com.app.", match: "prefix" as const, allow: { call: true, subscribe: true } },
    { uri: "com.app.secret", match: "exact" as const, allow: { call: false } },
    { uri: "com..state", match: "wildcard" as const, allow: { publish: true } },
  ];
  const join = () => new TestRouter({ realms: [realmConfig("realm1", permissions)] }).join();

  test("are closed by default (AUTHZ-06, PS-11)", () => {
    const peer = join();
    peer.call("com.other");
    expect(peer.take(MessageType.Error)).toMatchObject({ error: Uri.notAuthorized });
    peer.send({ type: MessageType.Register, request: ++peer.request, options, procedure: "com.app.x" });
    expect(peer.take(MessageType.Error)).toMatchObject({ error: Uri.notAuthorized });
  });
  test("are decided by the best pattern", () => {
    const peer = join();
    peer.call("com.app.x");
    expect(peer.take(MessageType.Error).error).toBe(Uri.noSuchProcedure);
    peer.call("com.app.secret");
    expect(peer.take(MessageType.Error).error).toBe(Uri.notAuthorized);
    peer.publish("com.door.state", [], { acknowledge: true });
    peer.take(MessageType.Published);
  });
  test("a refused publication is not delivered and answered only if that was asked for (AMB-17)", () => {
    const peer = join();
    peer.publish("com.app.x");
    expect(peer.inbox).toEqual([]);
  });
  test.each([
    ["com.app.x", "exact", true],
    ["com.app.", "prefix", true],
    ["com.app.deep.", "prefix", true],
    ["com.app", "prefix", false],
    ["", "prefix", false],
    ["com.app..x", "wildcard", true],
    ["com..x", "wildcard", false],
    [".app.x", "wildcard", false],
  ])("a pattern must lie wholly inside what is granted: %s %s (T30)", (topic, match, isAllowed) => {
    const peer = join();
    peer.send({ type: MessageType.Subscribe, request: ++peer.request, options: { match: match as "exact" }, topic });
    expect(peer.inbox[0]?.type).toBe(isAllowed ? MessageType.Subscribed : MessageType.Error);
  });
});

test("nothing follows ABORT or GOODBYE, whatever the session owed itself (SES-21)", () => {
  const test = new TestRouter();
  const ends = [
    (peer: ReturnType<typeof test.join>) => peer.send({ type: MessageType.Welcome, session: 1, details: { roles: {} } }),
    (peer: ReturnType<typeof test.join>) => test.router.realm("realm1")?.kill(test.session(peer), Uri.closeRealm),
  ];
  for (const end of ends) {
    const peer = test.join();
    peer.register("com.x");
    peer.call("com.x");
    end(peer);
    expect([MessageType.Abort, MessageType.Goodbye]).toContain(peer.inbox.at(-1)?.type);
  }
});

describe("the authorizer (AMB-126, AUTHZ-04)", () => {
  const questions: [AuthorizationRequest, (decision: Decision) => void][] = [];
  const realm = {
    ...realmConfig("realm1"),
    authorize: (request: AuthorizationRequest, answer: (decision: Decision) => void) => void questions.push([request, answer]),
  };
  const allow: Decision = { allow: true, disclose: "allow" };

  test("holds later messages of the session back, in order, and nobody else's", () => {
    const test = new TestRouter({ realms: [realm] });
    const [asked, other] = [test.join(), test.join()];
    asked.send({ type: MessageType.Subscribe, request: 1, options, topic: "com.x" });
    asked.send({ type: MessageType.Unsubscribe, request: 2, subscription: 99 });
    asked.send({ type: MessageType.Call, request: 3, options, procedure: "com.y", payload });
    other.send({ type: MessageType.Unsubscribe, request: 1, subscription: 99 });
    expect([asked.inbox.length, other.inbox.length, questions.length]).toEqual([0, 1, 1]);
    questions.shift()?.[1](allow);
    expect(asked.inbox.map(({ type }) => type)).toEqual([MessageType.Subscribed, MessageType.Error]);
    expect(questions.map(([{ action, uri }]) => [action, uri])).toEqual([["call", "com.y"]]);
    questions.shift()?.[1]({ allow: false, disclose: "deny" });
    expect(asked.inbox.at(-1)).toMatchObject({ error: Uri.notAuthorized });
  });
  test("may answer after the session has gone", () => {
    const test = new TestRouter({ realms: [realm] });
    const peer = test.join();
    peer.send({ type: MessageType.Subscribe, request: 1, options, topic: "com.x" });
    peer.close("transport.lost");
    questions.shift()?.[1](allow);
    expect(test.router.realm("realm1")?.broker.subscriptionCount).toBe(0);
  });
  test.each([
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["rejects", () => Promise.reject(new Error("broken"))],
  ])("that %s denies", async (_name, authorize) => {
    const test = new TestRouter({ realms: [{ ...realm, authorize }] });
    const peer = test.join();
    peer.call("com.x");
    await null; // a rejection is told one microtask later
    expect(peer.take(MessageType.Error).error).toBe(Uri.authorizationFailed);
    expect(test.log("authorizer.error")).toHaveLength(1);
  });
  test("cannot make a session pile up messages without end", () => {
    const peer = new TestRouter({ realms: [realm], limits: { waitingMessages: 3 } }).join();
    for (let i = 0; i < 5; i++) peer.publish("com.x");
    expect(peer.take(MessageType.Abort).reason).toBe(Uri.protocolViolation);
    questions.length = 0;
  });
});

describe("the authenticator", () => {
  test("may answer later, challenge several times, and is used once (AUTH-02, AUTH-03, AMB-102)", () => {
    const answers: ((outcome: AuthenticationAnswer) => void)[] = [];
    const seen: string[] = [];
    const challenge = (round: number): AuthenticationAnswer => ({
      kind: "challenge",
      authmethod: `round${round}`,
      extra: { round },
      verify: ({ signature }, answer) => {
        seen.push(signature);
        answer(
          round < 2
            ? challenge(round + 1)
            : { kind: "welcome", authid: "ada", authrole: "anonymous", authmethod: "test", authprovider: "test" },
        );
      },
    });
    const test = new TestRouter({ realms: [{ ...realmConfig("realm1"), authenticate: (_request, answer) => void answers.push(answer) }] });
    const peer = test.attach();
    peer.send(EXAMPLES[0] as Message);
    expect(peer.inbox).toEqual([]);
    answers[0]?.(challenge(1));
    answers[0]?.(challenge(1));
    expect(peer.take(MessageType.Challenge)).toMatchObject({ authmethod: "round1", extra: { round: 1 } });
    peer.send({ type: MessageType.Authenticate, signature: "a", extra: {} });
    expect(peer.take(MessageType.Challenge).authmethod).toBe("round2");
    peer.send({ type: MessageType.Authenticate, signature: "b", extra: {} });
    expect(peer.take(MessageType.Welcome).details.authid).toBe("ada");
    expect(seen).toEqual(["a", "b"]);
  });
  test("that throws, rejects, or answers after the peer has gone, lets nobody in", async () => {
    let answer: ((outcome: AuthenticationAnswer) => void) | undefined;
    const test = new TestRouter({
      realms: [
        {
          ...realmConfig("broken"),
          authenticate: () => {
            throw new Error("down");
          },
        },
        { ...realmConfig("rejecting"), authenticate: () => Promise.reject(new Error("down")) },
        {
          ...realmConfig("late"),
          authenticate: (_request, later) => {
            answer = later;
          },
        },
      ],
    });
    const broken = test.attach();
    broken.send({ type: MessageType.Hello, realm: "broken", details: { roles: ALL_ROLES } });
    expect(broken.take(MessageType.Abort).reason).toBe(Uri.authenticationFailed);
    const rejected = test.attach();
    rejected.send({ type: MessageType.Hello, realm: "rejecting", details: { roles: ALL_ROLES } });
    await null;
    expect(rejected.take(MessageType.Abort).reason).toBe(Uri.authenticationFailed);
    const late = test.attach();
    late.send({ type: MessageType.Hello, realm: "late", details: { roles: ALL_ROLES } });
    late.close("transport.lost");
    answer?.({ kind: "welcome", authid: "x", authrole: "anonymous", authmethod: "x", authprovider: "x" });
    expect(test.router.realm("late")?.sessions.size).toBe(0);
  });
});

test("limits of a session answer with an error that names them (G8, AMB-135)", () => {
  const test = new TestRouter({
    limits: { subscriptions: 2, patternSubscriptions: 1, registrations: 1, callsPerSession: 1, listLength: 2 },
  });
  const peer = test.join();
  peer.subscribe("a", { match: "prefix" });
  peer.send({ type: MessageType.Subscribe, request: ++peer.request, options: { match: "prefix" }, topic: "b" });
  expect(peer.take(MessageType.Error)).toMatchObject({ error: "junctor.error.limit_exceeded" });
  peer.subscribe("b");
  peer.send({ type: MessageType.Subscribe, request: ++peer.request, options, topic: "c" });
  expect(peer.take(MessageType.Error).payload.args).toEqual(["subscriptions", 2]);
  peer.register("a");
  peer.send({ type: MessageType.Register, request: ++peer.request, options, procedure: "b" });
  expect(peer.take(MessageType.Error).payload.args).toEqual(["registrations", 1]);
  peer.call("a");
  peer.take(MessageType.Invocation);
  peer.call("a");
  expect(peer.take(MessageType.Error).payload.args).toEqual(["callsPerSession", 1]);
  peer.publish("a", [], { acknowledge: true, exclude: [1, 2, 3] });
  expect(peer.take(MessageType.Error).payload.args).toEqual(["listLength", 2]);
  expect(peer.closed).toBeUndefined();
});

test("realms share nothing (SES-01)", () => {
  const test = new TestRouter({ realms: [realmConfig("one"), realmConfig("two")] });
  const [a, b] = [test.join(ALL_ROLES, "one"), test.join(ALL_ROLES, "two")];
  a.subscribe("com.x");
  a.register("com.x");
  b.publish("com.x");
  b.call("com.x");
  expect(b.take(MessageType.Error).error).toBe(Uri.noSuchProcedure);
  expect(a.inbox).toEqual([]);
  expect(ALLOW_ALL.uri).toBe("");
  test.router.removeRealm("one");
  expect([a.take(MessageType.Goodbye).reason, b.inbox.length]).toEqual([Uri.closeRealm, 0]);
});
