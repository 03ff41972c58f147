/** The Basic Profile: messages, sessions, identifiers, URIs, serialization (requirements 1.3, 2). */
import { MessageType, Uri } from "@junctor/protocol";
import { ensure, isDict, isId, same } from "./peer.ts";
import { chapter, must, should } from "./requirement.ts";

const text = (value: string) => new TextEncoder().encode(value);
const ROLES = { publisher: {}, subscriber: {}, caller: {}, callee: {} };

export const messages = chapter(
  "Messages",
  [],
  [
    must("MSG-01", "aborts a session that sends a message of an unknown type", async ({ join }) => {
      const peer = await join();
      peer.send([99, 1, {}]);
      await peer.aborted();
    }),
    must("MSG-02", "takes no integer for a boolean", async ({ join, uri }) => {
      const peer = await join();
      peer.publish(uri("topic"), { acknowledge: 1 });
      await peer.aborted();
    }),
    must("MSG-04", "uses keys of the form [a-z][a-z0-9_]{2,} or _[a-z0-9_]{3,} in what it sends", async ({ two, uri }) => {
      const [alice, bob] = await two();
      await bob.register(uri("procedure"));
      await bob.subscribe(uri("topic"));
      alice.call(uri("procedure"));
      alice.publish(uri("topic"));
      const dicts = [alice.welcome, (await bob.invocation()).details, (await bob.event()).details];
      const wrong = dicts.flatMap(Object.keys).filter((key) => !/^([a-z][a-z0-9_]{2,}|_[a-z0-9_]{3,})$/.test(key));
      same(wrong, [], "keys of another form");
    }),
    must("MSG-05", "ignores keys that it does not know", async ({ join, uri }) => {
      const peer = await join({ details: { surely_unknown: [1], _custom: "x" } });
      await peer.subscribe(uri("topic"), { surely_unknown: 1, _custom: {} });
      await peer.register(uri("procedure"), { surely_unknown: null, _custom: 1 });
      await peer.published(uri("topic"), { surely_unknown: "yes", _custom: [] });
    }),
    must("MSG-06", "aborts a session that gives a known option a value that it cannot have", async ({ join, uri }) => {
      const peer = await join();
      peer.request(MessageType.Subscribe, { match: "invalid" }, uri("topic"));
      await peer.aborted();
    }),
    must("MSG-07", "aborts a session that sends a message of the wrong length", async ({ join, uri }) => {
      const peer = await join();
      peer.send([MessageType.Subscribe, 1, {}, uri("topic"), 5]);
      await peer.aborted();
    }),
    should("MSG-10", "sends no empty list of arguments where there are none", async ({ two, uri }) => {
      const [alice, bob] = await two();
      await bob.subscribe(uri("topic"));
      alice.publish(uri("topic"));
      same((await bob.event()).message.length, 4, "length of an EVENT without payload");
    }),
    should("MSG-11", "sends no empty keyword arguments where there are none", async ({ two, uri }) => {
      const [alice, bob] = await two();
      await bob.register(uri("procedure"));
      alice.call(uri("procedure"), {}, [1]);
      same((await bob.invocation()).message.length, 5, "length of an INVOCATION with positional arguments only");
    }),
    must("MSG-12", "takes empty payloads, spelt out, for what they are", async ({ two, uri }) => {
      const [alice, bob] = await two();
      await bob.register(uri("procedure"));
      const call = alice.call(uri("procedure"), {}, [], {});
      const invocation = await bob.invocation();
      same([invocation.args, invocation.kwargs], [[], {}], "payload of the INVOCATION");
      bob.yield(invocation.id, {}, [], {});
      await alice.result(call);
    }),
    must("MSG-14", "carries payloads unchanged in CALL, YIELD, ERROR and PUBLISH", async ({ two, uri }) => {
      const [alice, bob] = await two();
      const args = [1, -1.5, "ž", true, null, [[], {}], { "": { deep: ["ключ"] } }];
      const kwargs = { key: [1, { a: null }], "with space": "x" };
      await bob.register(uri("procedure"));
      await bob.subscribe(uri("topic"));
      const called = alice.call(uri("procedure"), {}, args, kwargs);
      const invocation = await bob.invocation();
      bob.yield(invocation.id, {}, args, kwargs);
      const result = await alice.result(called);
      const failing = alice.call(uri("procedure"));
      bob.refuse((await bob.invocation()).id, uri("error"), {}, args, kwargs);
      const error = (await alice.refused(failing, uri("error"))).slice(5);
      alice.publish(uri("topic"), {}, args, kwargs);
      const event = await bob.event();
      for (const [what, payload] of Object.entries({ INVOCATION: invocation, RESULT: result, EVENT: event }))
        same([payload.args, payload.kwargs], [args, kwargs], `payload of ${what}`);
      same(error, [args, kwargs], "payload of ERROR");
    }),
    must("MSG-15", "sends one EVENT for a subscription that is asked for twice", async ({ two, uri }) => {
      const [alice, bob] = await two();
      await bob.subscribe(uri("topic"));
      await bob.subscribe(uri("topic"));
      await alice.published(uri("topic"));
      await bob.event();
      await bob.quiet();
    }),
  ],
);

export const sessions = chapter(
  "Sessions",
  [],
  [
    must("SES-01", "routes nothing from one realm to another", async ({ join, uri, needs }) => {
      const alice = await join({ realm: needs("otherRealm") });
      const bob = await join();
      await bob.subscribe(uri("topic"));
      await bob.register(uri("procedure"));
      await alice.published(uri("topic"));
      await alice.refused(alice.call(uri("procedure")), Uri.noSuchProcedure);
      await bob.quiet();
    }),
    must("SES-02", "announces one of its roles at least", async ({ join }) => {
      const { welcome } = await join();
      const roles = Object.keys(isDict(welcome["roles"]) ? welcome["roles"] : {});
      ensure(roles.includes("broker") || roles.includes("dealer"), `broker or dealer among the roles in WELCOME, got ${roles.join(", ")}`);
    }),
    must("SES-03", "announces features as flags of a role", async ({ join }) => {
      const { welcome } = await join();
      for (const [role, details] of Object.entries(isDict(welcome["roles"]) ? welcome["roles"] : {})) {
        ensure(isDict(details), `${role} to be a dict`);
        const features = details["features"] ?? {};
        ensure(isDict(features), `features of ${role} to be a dict`);
        for (const [flag, value] of Object.entries(features)) ensure(typeof value === "boolean", `${flag} to be true or false`);
      }
    }),
    must("SES-04", "lets a session in with any combination of roles", async ({ connect, realm, uri }) => {
      for (const roles of [{ caller: {} }, { subscriber: {}, callee: {} }, ROLES]) {
        const peer = await connect();
        await peer.join(realm, { roles });
      }
      const peer = await connect();
      await peer.join(realm, { roles: ROLES });
      await peer.register(uri("procedure"));
      peer.call(uri("procedure"));
      await peer.invocation();
    }),
    must(
      "SES-05",
      "answers calls of its own procedures as a callee would",
      async ({ join }) => {
        const peer = await join();
        const call = peer.call("wamp.session.count", { receive_progress: true, disclose_me: true });
        ensure((await peer.result(call)).details["progress"] !== true, "a final RESULT");
        await peer.quiet();
      },
      "dealer.session_meta_api",
    ),
    must("SES-11", "answers HELLO with WELCOME before anything else", async ({ connect, realm }) => {
      const peer = await connect();
      await peer.join(realm, { roles: ROLES });
      same(peer.inbox, [], "what came before or with WELCOME");
    }),
    must("SES-12", "draws session ids at random from 1 to 2^53", async ({ join }) => {
      const ids: number[] = [];
      for (let i = 0; i < 8; i++) ids.push((await join()).session);
      ensure(ids.every(isId) && new Set(ids).size === 8, `8 ids, got ${ids.join(", ")}`);
      ensure(
        ids.some((id) => id > 2 ** 48),
        `ids from the whole range, got ${ids.join(", ")}`,
      ); // by chance once in 2^40
    }),
    must("SES-13", "aborts a session that sends HELLO again", async ({ join, realm }) => {
      const peer = await join();
      peer.send([MessageType.Hello, realm, { roles: ROLES }]);
      await peer.aborted();
    }),
    must("SES-14", "creates an unknown realm or refuses it with no_such_realm", async ({ connect, uri }) => {
      const peer = await connect();
      peer.send([MessageType.Hello, uri("no_such_realm"), { roles: ROLES }]);
      const answer = await peer.first();
      ensure(
        answer[0] === MessageType.Welcome || answer[2] === Uri.noSuchRealm,
        `WELCOME or ABORT no_such_realm, got ABORT ${String(answer[2])}`,
      );
    }),
    must("SES-15", "refuses a realm whose name is no URI with invalid_uri", async ({ connect }) => {
      const peer = await connect();
      peer.send([MessageType.Hello, "no uri..at all", { roles: ROLES }]);
      await peer.aborted(Uri.invalidUri);
    }),
    must(
      "SES-16",
      "keeps a session from WELCOME to GOODBYE, no longer",
      async ({ two, eventually }) => {
        const [alice, bob] = await two();
        const has = async () => {
          const [list] = await alice.ask("wamp.session.list");
          return Array.isArray(list) && list.includes(bob.session);
        };
        ensure(await has(), "the session to be listed after WELCOME");
        await bob.leave();
        await eventually(async () => ensure(!(await has()), "the session not to be listed after GOODBYE"));
      },
      "dealer.session_meta_api",
    ),
    must("SES-18", "aborts a session that sends AUTHENTICATE when it is established", async ({ join }) => {
      const peer = await join();
      peer.send([MessageType.Authenticate, "signature", {}]);
      await peer.aborted();
    }),
    must("SES-20", "answers GOODBYE with GOODBYE", async ({ join }) => {
      const peer = await join();
      peer.send([MessageType.Goodbye, {}, Uri.closeRealm]);
      const [, details, reason] = await peer.take(MessageType.Goodbye);
      ensure(isDict(details) && typeof reason === "string", "GOODBYE to have details and a reason");
    }),
    must("SES-21", "does not answer ABORT", async ({ join }) => {
      const peer = await join();
      peer.send([MessageType.Abort, {}, Uri.closeRealm]);
      same(await peer.last(), [], "what came after ABORT");
    }),
    must(
      "SES-22",
      "ignores what comes after its own GOODBYE",
      async ({ two, uri }) => {
        const [alice, bob] = await two();
        await alice.ask("wamp.session.kill", [bob.session]);
        await bob.take(MessageType.Goodbye);
        bob.request(MessageType.Subscribe, {}, uri("topic"));
        bob.send([MessageType.Goodbye, {}, Uri.goodbyeAndOut]);
        same(await bob.last(), [], "what came after GOODBYE");
      },
      "dealer.session_meta_api",
    ),
    must("SES-24", "forgets the subscriptions and registrations of a session that leaves", async ({ two, uri, eventually }) => {
      const [alice, bob] = await two();
      await alice.register(uri("procedure"));
      await alice.leave();
      await eventually(() => bob.register(uri("procedure")));
    }),
  ],
);

export const protocolErrors = chapter(
  "Protocol errors",
  [],
  [
    must("PERR-01", "ends a session that breaks the protocol, with all that it had", async ({ two, uri, eventually }) => {
      const [alice, bob] = await two();
      await alice.register(uri("procedure"));
      alice.send([MessageType.Welcome, 1, {}]);
      await alice.aborted();
      await eventually(() => bob.register(uri("procedure")));
    }),
    must("PERR-02", "aborts a session that sends CHALLENGE when it is established", async ({ join }) => {
      const peer = await join();
      peer.send([MessageType.Challenge, "ticket", {}]);
      await peer.aborted();
    }),
    must("PERR-03", "aborts a peer that sends GOODBYE before it has a session", async ({ connect }) => {
      const peer = await connect();
      peer.send([MessageType.Goodbye, {}, Uri.closeRealm]);
      await peer.aborted();
    }),
    must("PERR-04", "aborts a session that sends an ERROR for what is no invocation", async ({ join, uri }) => {
      const peer = await join();
      peer.send([MessageType.Error, MessageType.Call, 1, {}, uri("error")]);
      await peer.aborted();
    }),
    must("PERR-05", "aborts a callee that answers an invocation that it never had", async ({ join, uri }) => {
      const peer = await join();
      await peer.register(uri("procedure"));
      peer.yield(4711);
      await peer.aborted();
    }),
    must("PERR-06", "aborts a session whose request ids leave something out", async ({ join, uri }) => {
      const peer = await join();
      await peer.subscribe(uri("topic"));
      peer.send([MessageType.Subscribe, 5, {}, uri("other")]);
      await peer.aborted();
    }),
    must("PERR-07", "aborts a session that sends an element of the wrong type", async ({ join }) => {
      const peer = await join();
      peer.send([MessageType.Subscribe, 1, {}, 5]);
      await peer.aborted();
    }),
    must("PERR-08", "aborts a session that sends what cannot be decoded", async ({ join, serializer }) => {
      const peer = await join();
      peer.sendBytes(serializer === "json" ? text('[32, 1, {"match": }') : Uint8Array.of(0xc1));
      await peer.aborted();
    }),
    must("PERR-09", "aborts a peer that sends something else before HELLO", async ({ connect, uri }) => {
      const peer = await connect();
      peer.send([MessageType.Subscribe, 1, {}, uri("topic")]);
      await peer.aborted();
    }),
    must(
      "PERR-10",
      "aborts a caller that progresses a call without having announced it",
      async ({ join, uri }) => {
        const peer = await join({ features: {} });
        await peer.register(uri("procedure"));
        peer.call(uri("procedure"), { progress: true });
        await peer.aborted();
      },
      "dealer.progressive_call_invocations",
    ),
  ],
);

export const uris = chapter(
  "URIs",
  [],
  [
    must("URI-01", "takes URIs of dot-separated components for topics and procedures", async ({ join, uri }) => {
      const peer = await join();
      await peer.subscribe(uri("a.b_1.c"));
      await peer.register(uri("a.b_1.c"));
    }),
    must("URI-02", "refuses URIs with an empty component, with white space or with #", async ({ join, uri }) => {
      const peer = await join();
      for (const wrong of [uri("", "x"), uri("a b"), uri("a#b")])
        await peer.refused(peer.request(MessageType.Subscribe, {}, wrong), Uri.invalidUri);
    }),
    must(
      "URI-03",
      "takes empty components for wildcards where a pattern may have them",
      async ({ join, uri }) => void (await (await join()).subscribe(uri("", "x", ""), { match: "wildcard" })),
      "broker.pattern_based_subscription",
    ),
    must(
      "URI-04",
      "takes a prefix whose last component is empty",
      async ({ join, uri }) => void (await (await join()).subscribe(uri(""), { match: "prefix" })),
      "broker.pattern_based_subscription",
    ),
    must("URI-06", "keeps the name space wamp for itself", async ({ join }) => {
      const peer = await join();
      await peer.refused(peer.request(MessageType.Register, {}, "wamp.conformance.procedure"));
      await peer.refused(peer.publish("wamp.conformance.topic", { acknowledge: true }));
    }),
    must("URI-08", "answers a request with an invalid URI with ERROR invalid_uri", async ({ join, uri }) => {
      const peer = await join();
      await peer.refused(peer.request(MessageType.Register, {}, uri("a b")), Uri.invalidUri);
      await peer.refused(peer.call(uri("a b")), Uri.invalidUri);
      await peer.subscribe(uri("topic"));
    }),
    must("URI-10", "takes full URIs only in CALL and PUBLISH", async ({ join, uri }) => {
      const peer = await join();
      await peer.refused(peer.call(uri("", "x")), Uri.invalidUri);
      await peer.refused(peer.publish(uri("", "x"), { acknowledge: true }), Uri.invalidUri);
    }),
  ],
);

export const ids = chapter(
  "Identifiers",
  [],
  [
    must("ID-01", "gives ids from 1 to 2^53", async ({ join, uri }) => {
      const peer = await join();
      const given = [
        peer.session,
        await peer.subscribe(uri("topic")),
        await peer.register(uri("procedure")),
        await peer.published(uri("topic")),
      ];
      ensure(given.every(isId), `ids, got ${given.join(", ")}`);
    }),
    must("ID-02", "draws publication ids at random from the whole range", async ({ join, uri }) => {
      const peer = await join();
      const given: number[] = [];
      for (let i = 0; i < 8; i++) given.push(await peer.published(uri("topic")));
      ensure(new Set(given).size === 8 && given.some((id) => id > 2 ** 48), `ids from the whole range, got ${given.join(", ")}`);
    }),
    must("ID-04", "takes the request ids 1, 2, 3, … of all requests of a session, unacknowledged ones too", async ({ join, uri }) => {
      const peer = await join();
      const subscription = await peer.subscribe(uri("topic"));
      peer.publish(uri("topic"));
      const registration = await peer.register(uri("procedure"));
      await peer.unsubscribe(subscription);
      peer.publish(uri("topic"));
      await peer.unregister(registration);
      await peer.refused(peer.call(uri("procedure")), Uri.noSuchProcedure);
      same(peer.lastRequest, 7, "the last request");
    }),
    must("ID-06", "numbers the invocations of each callee 1, 2, 3, …", async ({ three, uri }) => {
      const [alice, bob, carol] = await three();
      await bob.register(uri("bobs"));
      await carol.register(uri("carols"));
      for (const name of ["bobs", "carols", "bobs", "carols", "bobs"]) alice.call(uri(name));
      const given = [];
      for (const callee of [bob, bob, bob, carol, carol]) given.push((await callee.invocation()).id);
      same(given, [1, 2, 3, 1, 2], "the ids of the invocations of two callees");
    }),
    must("ID-07", "answers with the id of the request", async ({ join, uri }) => {
      const peer = await join();
      peer.send([MessageType.Subscribe, 1, {}, uri("topic")]);
      same((await peer.take(MessageType.Subscribed))[1], 1, "the request of SUBSCRIBED");
      peer.send([MessageType.Register, 2, {}, uri("procedure")]);
      same((await peer.take(MessageType.Registered))[1], 2, "the request of REGISTERED");
      peer.send([MessageType.Publish, 3, { acknowledge: true }, uri("topic")]);
      same((await peer.take(MessageType.Published))[1], 3, "the request of PUBLISHED");
      peer.send([MessageType.Call, 4, {}, uri("nobody")]);
      same((await peer.take(MessageType.Error)).slice(1, 3), [MessageType.Call, 4], "type and id of the request in ERROR");
    }),
    must("ID-08", "aborts a session that uses a request id again", async ({ join, uri }) => {
      const peer = await join();
      await peer.subscribe(uri("topic"));
      await peer.subscribe(uri("other"));
      peer.send([MessageType.Subscribe, 1, {}, uri("third")]);
      await peer.aborted();
    }),
    must("ID-10", "counts requests that failed", async ({ join, uri }) => {
      const peer = await join();
      await peer.refused(peer.call(uri("nobody")), Uri.noSuchProcedure);
      await peer.refused(peer.request(MessageType.Unsubscribe, 4711), Uri.noSuchSubscription);
      await peer.subscribe(uri("topic"));
      same(peer.lastRequest, 3, "the last request");
    }),
    must("ID-11", "gives one publication one id, in PUBLISHED and in all EVENTs", async ({ three, uri }) => {
      const [alice, bob, carol] = await three();
      for (const peer of [bob, carol]) await peer.subscribe(uri("topic"));
      const publication = await alice.published(uri("topic"));
      same([(await bob.event()).second, (await carol.event()).second], [publication, publication], "the publication in two EVENTs");
    }),
    must("ID-12", "counts from 1 in each session", async ({ join, uri }) => {
      const alice = await join();
      for (let i = 0; i < 2; i++) {
        const bob = await join();
        await bob.register(uri("procedure", String(i)));
        alice.call(uri("procedure", String(i)));
        same((await bob.invocation()).id, 1, "the first invocation of a session");
      }
    }),
  ],
);

const VALUES = [
  0,
  -1,
  255,
  65_536,
  2 ** 31,
  2 ** 53 - 1,
  -(2 ** 53) + 1,
  0.5,
  -1e300,
  "",
  '日本語 🏴‍☠️ \n"',
  true,
  null,
  [],
  [[1]],
  {},
  { a: { b: [] } },
];

export const serialization = chapter(
  "Serialization",
  [],
  [
    ...(
      [
        ["SER-04", "json", "JSON"],
        ["SER-05", "msgpack", "MessagePack"],
        ["SER-06", "cbor", "CBOR"],
      ] as const
    ).map(([id, serializer, name]) =>
      must(id, `speaks ${name}`, async ({ join, uri }) => {
        const peer = await join({ serializer });
        await peer.register(uri("procedure"));
        const call = peer.call(uri("procedure"), {}, VALUES);
        const { id: invocation, args } = await peer.invocation();
        same(args, VALUES, "what was called with");
        peer.yield(invocation, {}, args);
        same((await peer.result(call)).args, VALUES, "what was answered");
      }),
    ),
    must("SER-07", "writes binary values in JSON as U+0000 and Base64", async ({ join, uri }) => {
      const [alice, bob] = [await join({ serializer: "msgpack" }), await join({ serializer: "json" })];
      await bob.subscribe(uri("topic"));
      alice.publish(uri("topic"), {}, [Buffer.from("10e3ff9053075c526f5fc06d4fe37cdb", "hex")]);
      same((await bob.event()).args, ["\u0000EOP/kFMHXFJvX8BtT+N82w=="], "the binary value");
    }),
    must("SER-08", "reads binary values in JSON", async ({ join, uri }) => {
      const [alice, bob] = [await join({ serializer: "json" }), await join({ serializer: "msgpack" })];
      await bob.subscribe(uri("topic"));
      alice.publish(uri("topic"), {}, ["\u0000AAECAwQFBgcICQoLDA0ODw==", "plain"]);
      same((await bob.event()).args, [Uint8Array.from({ length: 16 }, (_, i) => i), "plain"], "the binary value");
    }),
    must("SER-10", "carries payloads between sessions of different serializers", async ({ join, uri }) => {
      const [alice, bob] = [await join({ serializer: "msgpack" }), await join({ serializer: "cbor" })];
      const binary = Uint8Array.of(0, 1, 254, 255);
      await bob.register(uri("procedure"));
      const call = alice.call(uri("procedure"), {}, [...VALUES, binary], { binary });
      const { id, args, kwargs } = await bob.invocation();
      same([args, kwargs], [[...VALUES, binary], { binary }], "what was called with");
      bob.yield(id, {}, args, kwargs);
      same((await alice.result(call)).args, [...VALUES, binary], "what was answered");
    }),
    must("SER-12", "loses nothing of integers up to 2^53", async ({ two, uri }) => {
      const [alice, bob] = await two();
      const values = [2 ** 53, -(2 ** 53), 9007199254740991, 4294967296];
      await bob.subscribe(uri("topic"));
      alice.publish(uri("topic"), {}, values);
      same((await bob.event()).args, values, "the integers");
    }),
    must("SER-13", "takes any valid form of a message", async ({ join, uri }) => {
      const peer = await join({ serializer: "json" });
      peer.sendBytes(text(` [ 32 ,\n\t1 , { "match" : "ex\\u0061ct" } , "${uri("topic")}" ] `));
      await peer.accepted(1, MessageType.Subscribed);
    }),
  ],
);

/** The errors that a router may give by itself (requirements 10.1). */
const PREDEFINED: ReadonlySet<unknown> = new Set(Object.values(Uri));

export const errors = chapter(
  "Errors",
  [],
  [
    should("ERR-01", "names its errors as the specification does", async ({ join, uri }) => {
      const peer = await join();
      await peer.register(uri("procedure"));
      for (const request of [
        peer.call(uri("nobody")),
        peer.call(uri("a b")),
        peer.request(MessageType.Register, {}, uri("procedure")),
        peer.request(MessageType.Unregister, 4711),
        peer.request(MessageType.Unsubscribe, 4711),
      ]) {
        const [, , , , error] = await peer.refused(request);
        ensure(PREDEFINED.has(error), `a predefined error, got ${String(error)}`);
      }
    }),
  ],
);

export const features = chapter(
  "Feature announcement",
  [],
  [
    must("FEAT-02", "ignores roles and features that it does not know", async ({ connect, realm }) => {
      const peer = await connect();
      await peer.join(realm, { roles: { ...ROLES, caller: { features: { surely_unknown: true } }, surely_unknown: {} } });
    }),
  ],
);
