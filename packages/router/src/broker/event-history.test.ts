// `wamp.subscription.get_events`: what is asked, who may ask, and what the answer holds (requirements 5.7; AMB-82, AMB-83).
import {
  JsonSerializer,
  type Message,
  MessageType,
  NO_OPTIONS,
  Payload,
  type PublishOptions,
  type Serializer,
  Uri,
} from "@junctor/protocol";
import { CborSerializer } from "@junctor/protocol/serializer/cbor";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";
import { type EventsConfig, MemoryEventStore, type Permission, type RealmConfig, WITHOUT_BOUNDS } from "@junctor/router";
import { ALLOW_ALL, realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import { defined } from "./broker.ts";

const GET_EVENTS = "wamp.subscription.get_events";
const HISTORY: EventsConfig["history"] = [
  { uri: "com.app.", match: "prefix" },
  { uri: "com.app.x", match: "exact", events: 3 },
];

function realm(rest: Partial<RealmConfig> & { history?: EventsConfig["history"]; permissions?: Permission[] } = {}) {
  const { history = HISTORY, permissions, ...config } = rest;
  return new TestRouter({ realms: [{ ...realmConfig("realm1", permissions), events: { history: history ?? [] }, ...config }] });
}

/** A call with its one answer. */
function ask(peer: TestPeer, args: readonly unknown[], kwargs: Readonly<Record<string, unknown>> = {}): Message | undefined {
  peer.inbox = [];
  peer.send({
    type: MessageType.Call,
    request: ++peer.request,
    options: NO_OPTIONS,
    procedure: GET_EVENTS,
    payload: Payload.of(args, kwargs),
  });
  return peer.inbox.shift();
}

function publish(peer: TestPeer, payload: Payload, options: PublishOptions = NO_OPTIONS): void {
  peer.send({ type: MessageType.Publish, request: ++peer.request, options, topic: "com.app.y", payload });
}

function encoded(format: Serializer, payload: Payload): Payload {
  const bytes = payload.bytes(format);
  return payload.length === 0 ? payload : Payload.encoded(format, bytes, 0, bytes.length, payload.length);
}

/** Events as a peer of a format reads them. */
function page(peer: TestPeer, format: Serializer, id: number): readonly unknown[] {
  peer.inbox = [];
  const request = ++peer.request;
  peer.send({ type: MessageType.Call, request, options: NO_OPTIONS, procedure: GET_EVENTS, payload: encoded(format, Payload.of([id])) });
  const answer = peer.inbox.shift();
  if (answer?.type !== MessageType.Result) throw new Error(`answered with ${answer?.type}`);
  expect(answer.payload.source).toBe(format);
  const received = format.decode(format.encode(answer));
  return received.type === MessageType.Result ? (received.payload.args ?? []) : [];
}

const [json, msgpack, cbor] = [new JsonSerializer(), new MsgpackSerializer(), new CborSerializer()];
const formats = [json, msgpack, cbor];

/** The first argument of each event in the answer, or its error. */
function values(peer: TestPeer, id: number, kwargs: Readonly<Record<string, unknown>> = {}): unknown {
  const answer = ask(peer, [id], kwargs);
  if (answer?.type === MessageType.Error) return answer.error;
  if (answer?.type !== MessageType.Result) throw new Error(`answered with ${answer?.type}`);
  return (answer.payload.args ?? []).map((event) => (event as { args?: unknown[] }).args?.[0]);
}

describe("a subscription", () => {
  test("of a history topic is there from the start, and its id stays whoever comes and goes (PS-HIST-08, AMB-83)", () => {
    const router = realm();
    const [a, b] = [router.join(), router.join()];
    const id = Number(b.ask("wamp.subscription.lookup", ["com.app.x"])[0]);
    a.publish("com.app.x", [1]);
    expect(values(b, id)).toEqual([1]);
    expect(b.subscribe("com.app.x")).toBe(id);
    b.close("transport.lost");
    a.publish("com.app.x", [2]);
    const c = router.join();
    expect([c.subscribe("com.app.x"), values(c, id)]).toEqual([id, [1, 2]]);
    c.send({ type: MessageType.Unsubscribe, request: ++c.request, subscription: id });
    expect(values(c, id)).toEqual([1, 2]); // [AMB-83] the requester need not be subscribed
  });

  test("that lies inside a history topic has a history too: of what it would have heard (PS-HIST-02)", () => {
    const router = realm();
    const [a, b] = [router.join(), router.join()];
    for (const [i, topic] of ["com.app.x", "com.app.y", "com.app.y.z", "org.y", "com.app.x"].entries()) a.publish(topic, [i]);
    expect(values(b, b.subscribe("com.app.", { match: "prefix" }))).toEqual([0, 1, 2, 4]);
    expect(values(b, b.subscribe("com.app.y"))).toEqual([1]);
    expect(values(b, b.subscribe("com.app.y", { match: "prefix" }))).toEqual([1, 2]);
    expect(values(b, b.subscribe("com.app.", { match: "wildcard" }))).toEqual([0, 1, 4]);
    for (const [topic, match] of [
      ["com.", "prefix"],
      ["com..x", "wildcard"],
      ["org.y", "exact"],
    ] as const)
      expect(values(b, b.subscribe(topic, { match }))).toBe("junctor.error.no_history");
  });

  test("is answered from the narrowest log, with that log's limits", () => {
    const router = realm();
    const [a, b] = [router.join(), router.join()];
    for (let i = 0; i < 5; i++) a.publish("com.app.x", [i]);
    expect(values(b, b.subscribe("com.app.x"))).toEqual([2, 3, 4]);
    expect(values(b, b.subscribe("com.app.x", { match: "prefix" }))).toEqual([0, 1, 2, 3, 4]);
  });

  test("to a pattern tells each event's topic, and takes one as a filter (PS-HIST-03, PS-PAT-04)", () => {
    const router = realm();
    const [a, b] = [router.join(), router.join()];
    a.publish("com.app.x", [1], { disclose_me: true });
    a.publish("com.app.y", [2]);
    const pattern = b.subscribe("com.app.", { match: "prefix" });
    const answer = ask(b, [pattern]);
    expect(answer).toMatchObject({
      payload: {
        args: [{ subscription: pattern, details: { topic: "com.app.x", publisher: a.session } }, { details: { topic: "com.app.y" } }],
      },
    });
    expect(values(b, pattern, { topic: "com.app.y" })).toEqual([2]);
    expect(values(b, pattern, { topic: "org.x" })).toEqual([]);
    const exact = b.subscribe("com.app.y");
    expect([values(b, exact, { topic: "com.app.y" }), values(b, exact, { topic: "com.app.x" })]).toEqual([[2], []]);
  });

  test("of a realm without history asks in vain", () => {
    const peer = new TestRouter().join();
    expect(values(peer, peer.subscribe("com.x"))).toBe(Uri.noSuchProcedure);
  });
});

describe("filters (PS-HIST-03)", () => {
  const filled = () => {
    const router = realm();
    const [a, b] = [router.join(), router.join()];
    const ids: number[] = [];
    for (let i = 0; i < 5; i++) {
      a.publish("com.app.y", [i], { acknowledge: true });
      ids.push(a.take(MessageType.Published).publication);
      router.clock.advance(1_000);
    }
    return { b, ids, id: b.subscribe("com.app.y") };
  };
  const at = (second: number, zone = "Z") => `2026-01-01T00:00:0${second}.000${zone}`;

  test.each([
    [{}, [0, 1, 2, 3, 4]],
    [{ reverse: true }, [4, 3, 2, 1, 0]],
    [{ limit: 2 }, [0, 1]],
    [{ limit: 2, reverse: true }, [4, 3]],
    [{ from_time: at(2) }, [2, 3, 4]],
    [{ after_time: at(2) }, [3, 4]],
    [{ before_time: at(2) }, [0, 1]],
    [{ until_time: at(2), reverse: true, limit: 1 }, [2]],
    [{ from_time: "2026-01-01t01:00:02+01:00", until_time: "2025-12-31T23:00:03.0-01:00" }, [2, 3]],
    [{ after_time: "2026-01-01T00:00:01.9999Z", before_time: "2026-01-01T00:00:02.000001Z" }, [2]],
    [{ limit: null, from_time: null, topic: null }, [0, 1, 2, 3, 4]],
  ])("%j", (kwargs, expected) => {
    const { b, id } = filled();
    expect(values(b, id, kwargs)).toEqual(expected);
  });

  test("by publication, and by everything together", () => {
    const { b, id, ids } = filled();
    const [first = 0, second = 0, , fourth = 0] = ids;
    expect(values(b, id, { from_publication: second, before_publication: fourth })).toEqual([1, 2]);
    expect(values(b, id, { after_publication: second, until_publication: fourth, reverse: true })).toEqual([3, 2]);
    expect(values(b, id, { after_publication: first, from_time: at(2), topic: "com.app.y", limit: 1 })).toEqual([2]);
    expect(values(b, id, { after_publication: 12345 })).toEqual([]);
  });

  test.each([
    [{ limit: 0 }],
    [{ limit: -1 }],
    [{ limit: 1.5 }],
    [{ limit: "10" }],
    [{ limit: true }],
    [{ reverse: 1 }],
    [{ topic: "com..x" }],
    [{ topic: 1 }],
    [{ from_time: 1_700_000_000 }],
    [{ after_time: "yesterday" }],
    [{ before_time: "2026-02-30T00:00:00Z" }],
    [{ until_time: "2026-01-01" }],
    [{ from_time: "2026-01-01T00:00:00" }],
    [{ from_publication: 0 }],
    [{ after_publication: "1" }],
    [{ limt: 10 }],
    [{ toString: 1 }],
  ])("%j is an invalid argument (AMB-83)", (kwargs) => {
    const { b, id } = filled();
    const answer = ask(b, [id], kwargs);
    expect(answer).toMatchObject({ type: MessageType.Error, error: Uri.invalidArgument });
    expect(answer?.type === MessageType.Error && String(answer.payload.args?.[0])).toContain(Object.keys(kwargs)[0]);
  });

  test.each([[[]], [["1"]], [[0]], [[null]]])("so is %j in place of a subscription", (args) => {
    expect(ask(filled().b, args)).toMatchObject({ error: Uri.invalidArgument });
  });
});

describe("who may ask (PS-HIST-09, AMB-83, T41)", () => {
  test("a subscription that is not there has no events", () => {
    const peer = realm().join();
    expect(values(peer, 12345)).toBe(Uri.noSuchSubscription);
  });

  test("who may not subscribe may not read, and who may not call may not ask", () => {
    const readers: [Permission["allow"], string, unknown][] = [
      [{ call: true, subscribe: true }, "com.app.", []],
      [{ call: true }, "com.app.", Uri.notAuthorized],
      [{ subscribe: true }, "com.app.", Uri.notAuthorized],
    ];
    for (const [allow, uri, expected] of readers) {
      const { call = false, ...rest } = allow;
      const router = realm({
        permissions: [
          { uri, match: "prefix", allow: rest },
          { uri: "wamp.", match: "prefix", allow: { call } },
        ],
      });
      const [log] = router.broker().logs;
      const id = router.broker().find(log?.topic.uri ?? "", "prefix")?.id ?? 0;
      expect(values(router.join(), id)).toEqual(expected);
    }
  });

  test("a part that is denied is not shown as part of the whole", () => {
    const denied: Permission = { uri: "com.app.secret", match: "exact", allow: { subscribe: false } };
    const router = realm({ permissions: [ALLOW_ALL, denied] });
    const id = router.broker().find("com.app.", "prefix")?.id ?? 0;
    expect(values(router.join(), id)).toBe(Uri.notAuthorized);
  });

  test("an authorizer decides, and may take its time", () => {
    const waiting: (() => void)[] = [];
    const router = realm({
      authorize: ({ action, uri }, answer) => {
        const decide = () => answer({ allow: action === "call" || uri.endsWith("open"), disclose: "deny" });
        if (action === "call") decide();
        else waiting.push(decide);
      },
      history: [
        { uri: "com.open", match: "exact" },
        { uri: "com.shut", match: "exact" },
      ],
    });
    const peer = router.join();
    for (const [topic, expected] of [
      ["com.open", MessageType.Result],
      ["com.shut", MessageType.Error],
    ] as const) {
      expect(ask(peer, [router.broker().find(topic, "exact")?.id])).toBeUndefined();
      waiting.shift()?.();
      expect(peer.inbox.shift()?.type).toBe(expected);
    }
    ask(peer, [router.broker().find("com.open", "exact")?.id]);
    peer.close("transport.lost");
    waiting.shift()?.();
    expect([peer.inbox, router.router.realm("realm1")?.counters.callsInFlight]).toEqual([[], 0]);
  });

  test("lists of names are applied to whoever asks, and what was addressed to sessions is not kept (PS-HIST-10, PS-HIST-11)", () => {
    const router = realm();
    const [a, b, c] = [router.join(), router.join(), router.join()];
    const authid = router.session(b).authid;
    const id = b.subscribe("com.app.y");
    for (const [i, options] of [
      {},
      { eligible_authid: [authid] },
      { exclude_authid: [authid] },
      { eligible_authrole: ["admin"] },
      { exclude_authrole: ["admin"] },
      { eligible: [b.session] },
      { exclude: [c.session] },
      { exclude: [] },
      { eligible: [] },
    ].entries())
      a.publish("com.app.y", [i], options);
    expect([values(b, id), values(c, id)]).toEqual([
      [0, 1, 4, 7],
      [0, 2, 4, 7],
    ]);
  });
});

describe("pages (PS-HIST-07, T41)", () => {
  test("hold no more events and bytes than the router allows, and say that there are more", () => {
    const events = { history: [{ uri: "com.", match: "prefix" as const }] };
    const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), events }], limits: { historyPage: 3, historyPageSize: 500 } });
    const [a, b] = [router.join(), router.join()];
    const id = b.subscribe("com.x");
    const more = (kwargs = {}) => {
      const answer = ask(b, [id], kwargs);
      return answer?.type === MessageType.Result ? [answer.payload.args?.length ?? 0, answer.payload.kwargs] : answer;
    };
    for (let i = 0; i < 3; i++) a.publish("com.x", [i]);
    expect(more()).toEqual([3, undefined]);
    a.publish("com.x", ["x".repeat(400)]);
    expect([more(), more({ limit: 1_000 }), more({ limit: 2 })]).toEqual([
      [3, { more: true }],
      [3, { more: true }],
      [2, { more: true }],
    ]);
    a.publish("com.x", ["x".repeat(400)]);
    expect(more({ reverse: true })).toEqual([1, { more: true }]);
  });
});

test("a page without events is an empty list of them, in every format, and not no list (PS-HIST-04, AMB-82)", () => {
  const router = realm();
  const [, b] = [router.join(), router.join()];
  const pattern = b.subscribe("com.app.", { match: "prefix" });
  for (const filter of [{}, { topic: "org.x" }]) {
    const answer = ask(b, [pattern], filter);
    if (answer?.type !== MessageType.Result) throw new Error(`answered with ${answer?.type}`);
    expect([answer.payload.length, answer.payload.args]).toEqual([1, []]);
    expect(Buffer.from(json.encode(answer)).toString()).toBe(`[50,${answer.request},{},[]]`);
    expect(Buffer.from(msgpack.encode(answer)).toString("hex")).toMatch(/^9432..8090$/);
  }
});

describe("payloads", () => {
  test("come back as they were: floats as floats, binary as binary, empty as absent (PS-HIST-04)", () => {
    const router = realm();
    const [a, b] = [router.join(), router.join()];
    const id = b.subscribe("com.app.y");
    // [1.0, h'00ff', {"__proto__": 1.0}] as one argument, and no keyword arguments
    const bytes = new Uint8Array([
      0x91,
      0x93,
      0xcb,
      0x3f,
      0xf0,
      0,
      0,
      0,
      0,
      0,
      0,
      0xc4,
      2,
      0,
      0xff,
      0x81,
      0xa9,
      ...new TextEncoder().encode("__proto__"),
      0xcb,
      0x3f,
      0xf0,
      0,
      0,
      0,
      0,
      0,
      0,
    ]);
    a.send({
      type: MessageType.Publish,
      request: ++a.request,
      options: NO_OPTIONS,
      topic: "com.app.y",
      payload: Payload.encoded(msgpack, bytes, 0, bytes.length, 1),
    });
    a.publish("com.app.y");
    const answer = ask(b, [id]);
    if (answer?.type !== MessageType.Result) throw new Error("no result");
    const encoded = answer.payload.bytes(msgpack);
    expect(Buffer.from(encoded).includes(Buffer.from(bytes.subarray(1)))).toBe(true);
    expect(answer.payload.args?.[1]).not.toHaveProperty("args");
    expect(new TextDecoder().decode(answer.payload.bytes(json))).toContain('"args":[[1.0,"\\u0000AP8=",{"__proto__":1.0}]]');
  });

  test("come in the reader's format, each as a subscriber of that format would have got it (PS-HIST-04)", () => {
    const router = realm();
    const [a, b] = [router.join(), router.join()];
    const id = b.subscribe("com.app.y");
    const payloads = [
      Payload.of([1, "ä\n", [], {}], { deep: { list: [1.5, null, true] } }),
      Payload.of([], { only: "keywords" }),
      Payload.of([new Uint8Array([0, 255])]),
      Payload.EMPTY,
    ].flatMap((payload) => formats.map((format) => encoded(format, payload)));
    const spaced = new TextEncoder().encode(' [ 1 , "]" ] , { "a" : [ ] } '); // JSON as it may be, too
    payloads.push(Payload.encoded(json, spaced, 0, spaced.length, 2));
    for (const payload of payloads) publish(a, payload);
    for (const reader of formats) {
      expect(page(b, reader, id)).toMatchObject(payloads.map(({ args, kwargs }) => defined({ args, kwargs })));
    }
  });

  test.each<[string, Serializer, unknown]>([
    ["an extension type", msgpack, [0x91, 0xd4, 5, 0]],
    ["a key that is a list", msgpack, [0x91, 0x81, 0x90, 1]],
    ["text after U+0000 that is no Base64", json, '["\\u0000!"]'],
    ["an integer of 2 000 digits", json, `[${"1".repeat(2_000)}]`],
    ["a tag of unknown meaning", cbor, [0x81, 0xd8, 0x99, 1]],
  ])("that hold %s hide no other event from any reader: they are left out, and marked (AMB-28, AMB-32)", (_what, format, tail) => {
    const router = realm();
    const [a, b] = [router.join(), router.join()];
    const id = b.subscribe("com.app.y");
    const bytes = typeof tail === "string" ? new TextEncoder().encode(tail) : Uint8Array.from(tail as number[]);
    publish(a, Payload.encoded(format, bytes, 0, bytes.length, 1));
    publish(a, Payload.of([1]));
    for (const reader of formats) {
      const [left, other] = page(b, reader, id);
      expect(left).toMatchObject({ details: { payload_limit_exceeded: true } });
      expect(left).not.toHaveProperty("args");
      expect(other).toMatchObject({ details: {}, args: [1] });
    }
  });

  test("have details without those that would arrive as something else (AMB-28)", () => {
    const router = realm();
    const [a, b] = [router.join(), router.join()];
    const id = b.subscribe("com.app.y");
    publish(a, Payload.of([new Uint8Array(1)]), { enc_algo: "x_sealed", enc_key: "\0key" });
    for (const reader of formats) expect(page(b, reader, id)).toMatchObject([{ details: { enc_algo: "x_sealed" } }]);
    expect(page(b, json, id)[0]).not.toHaveProperty("details.enc_key");
  });

  test("of Autobahn's older end-to-end encryption are the one item that they were (E2EE-02)", () => {
    const router = realm();
    const [a, b] = [router.join(), router.join()];
    const id = b.subscribe("com.app.y");
    const item = new Uint8Array([0xc4, 2, 1, 2]);
    const payload = Payload.transparent(msgpack, item, 0, item.length);
    a.send({ type: MessageType.Publish, request: ++a.request, options: { enc_algo: "cryptobox" }, topic: "com.app.y", payload });
    expect(ask(b, [id])).toMatchObject({ payload: { args: [{ details: { enc_algo: "cryptobox" }, args: [new Uint8Array([1, 2])] }] } });
  });

  test("that would be nested too deep in the answer are left out, and marked: they would end the reader's session", () => {
    const router = realm();
    const [a, b] = [router.join(), router.join()];
    const id = b.subscribe("com.app.y");
    const nested = (depth: number): unknown[] => (depth === 0 ? [] : [nested(depth - 1)]);
    for (const depth of [27, 28, 29]) a.publish("com.app.y", nested(depth));
    // In CBOR a tag is a level as well.
    const tower = Uint8Array.from([0x81, ...Array<number[]>(29).fill([0xd8, 64]).flat(), 0x40]);
    publish(a, Payload.encoded(cbor, tower, 0, tower.length, 1));
    expect(page(b, cbor, id)[3]).toMatchObject({ details: { payload_limit_exceeded: true } });
    expect(page(b, json, id)[3]).toMatchObject({ args: [new Uint8Array(0)] });
    const answer = ask(b, [id]);
    if (answer?.type !== MessageType.Result) throw new Error("no result");
    expect(answer.payload.args?.map((event) => (event as { details: object }).details)).toEqual([
      {},
      {},
      { payload_limit_exceeded: true },
      {},
    ]);
    expect(json.decode(json.encode(answer))).toMatchObject({ type: MessageType.Result });
  });
});

test("what becomes of a payload on the way to its receivers takes no memory of the history", () => {
  const router = realm();
  const [a, b] = [router.join(), router.join()];
  b.subscribe("com.app.y");
  b.inbox = [];
  publish(a, encoded(json, Payload.of(["x".repeat(100)])));
  const { payload } = b.take(MessageType.Event);
  payload.bytes(msgpack); // as a transport does
  router
    .broker()
    .logs[0]?.read(
      { ...WITHOUT_BOUNDS, now: 0, reverse: false, limit: 1, bytes: 1, authid: "", authrole: "", topics: undefined },
      (page) => {
        expect("events" in page && page.events[0]?.payload).toMatchObject({ args: ["x".repeat(100)] });
        expect("events" in page && page.events[0]?.payload).not.toBe(payload);
      },
    );
  expect.assertions(2);
});

test("a store that cannot read is an error of its own", () => {
  class Unreadable extends MemoryEventStore {
    override openLog(topic: Parameters<MemoryEventStore["openLog"]>[0]) {
      return {
        topic,
        read: (_: unknown, answer: (refused: { error: string; args: unknown[] }) => void) =>
          answer({ error: "junctor.error.store_failed", args: ["it is damaged"] }),
      };
    }
  }
  const router = realm({ events: { history: HISTORY ?? [], store: new Unreadable() } });
  const peer = router.join();
  expect(values(peer, peer.subscribe("com.app.x"))).toBe("junctor.error.store_failed");
});

test("a history topic is given once", () => {
  expect(() => realm({ history: [...(HISTORY ?? []), { uri: "com.app.", match: "prefix" }] })).toThrow(TypeError);
});
