/**
 * What clients in the field send that the specification does not foresee, byte by byte as they send it: none of it may cost
 * them their session. Runs without the clients themselves; matrix.test.ts runs them.
 */
import { JsonSerializer, MessageType, type Serializer, Uri } from "@junctor/protocol";
import { CborSerializer } from "@junctor/protocol/serializer/cbor";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";
import { ALL_ROLES, realmConfig, TestRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

const json = new JsonSerializer();
const msgpack = new MsgpackSerializer();
const cbor = new CborSerializer();
const text = (message: unknown) => new TextEncoder().encode(JSON.stringify(message));
const hex = (bytes: string) => Uint8Array.from(Buffer.from(bytes.replaceAll(" ", ""), "hex"));

/** A realm as the product has it by default, and a peer in it that sends bytes. */
function join(roles: object = ALL_ROLES) {
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), requestIds: "lenient" }] });
  const peer = router.join(roles);
  return { router, peer, send: (bytes: Uint8Array, serializer: Serializer = json) => peer.send(serializer.decode(bytes)) };
}

describe("options", () => {
  test.each([
    ["SUBSCRIBE", [32, 1, { match: null, get_retained: null }, "com.x"], MessageType.Subscribed],
    ["REGISTER", [64, 1, { match: null, invoke: null, concurrency: null }, "com.x"], MessageType.Registered],
    ["PUBLISH", [16, 1, { acknowledge: true, exclude: null, exclude_me: null, retain: null }, "com.x"], MessageType.Published],
  ])("of null count as not given, in %s (AMB-12)", (_name, message, answer) => {
    const { peer, send } = join();
    send(text(message));
    peer.take(answer);
  });

  test("of undefined count as not given, as wampy sends them over MessagePack: an extension type of msgpackr's", () => {
    const { peer, send } = join();
    // [32, 1, {match: undefined, get_retained: undefined}, "com.x"]
    send(hex("94 20 01 82 a56d61746368 d40000 ac6765745f72657461696e6564 d40000 a5636f6d2e78"), msgpack);
    peer.take(MessageType.Subscribed);
  });

  test("of undefined count as not given, as wampy sends them over CBOR", () => {
    const { peer, send } = join();
    send(hex("84 18 20 01 b90002 656d61746368 f7 6c6765745f72657461696e6564 f7 65636f6d2e78"), cbor);
    peer.take(MessageType.Subscribed);
  });

  test("may be a map whose length takes more bytes than it needs, as cbor-x writes one", () => {
    const { peer, send } = join();
    send(hex("84 18 40 01 b90000 65636f6d2e78"), cbor);
    peer.take(MessageType.Registered);
  });

  test("that nobody knows are ignored (MSG-05)", () => {
    const { peer, send } = join();
    send(text([32, 1, { x_custom: [1], _wampy_custom: 2, nodes: {} }, "com.x"]));
    peer.take(MessageType.Subscribed);
  });
});

describe("ids", () => {
  test("may be floats, as msgpackr writes those beyond 32 bits (AMB-26)", () => {
    const { peer, send } = join();
    // [32, 4294967296.0, {}, "com.x"]
    send(hex("94 20 cb41f0000000000000 80 a5636f6d2e78"), msgpack);
    expect(peer.take(MessageType.Subscribed).request).toBe(4294967296);
  });

  test("may come out of order: nexus and xconn number a request before they queue it (AMB-22)", () => {
    const { peer, send } = join();
    for (const request of [2, 1, 4, 3]) send(text([32, request, {}, `com.x${request}`]));
    expect([2, 1, 4, 3].map(() => peer.take(MessageType.Subscribed).request)).toEqual([2, 1, 4, 3]);
  });

  test("need not start at 1 in a new session: wampy counts on when it joins again (AMB-22, ID-12)", () => {
    const { peer, send } = join();
    send(text([64, 17, {}, "com.x"]));
    expect(peer.take(MessageType.Registered).request).toBe(17);
  });
});

describe("payloads", () => {
  test("may have null in place of args and kwargs (AMB-14)", () => {
    const { router, peer, send } = join();
    const callee = router.join();
    callee.register("com.x");
    send(text([48, 1, {}, "com.x", null, null]));
    expect(callee.take(MessageType.Invocation).payload.length).toBe(0);
    send(text([48, 2, {}, "com.x", null, { a: 1 }]));
    expect(callee.take(MessageType.Invocation).payload).toMatchObject({ length: 2, args: [], kwargs: { a: 1 } });
    expect(peer.closed).toBeUndefined();
  });

  test("may have empty args and kwargs, as kraftfahrstrasse sends them always", () => {
    const { router, send } = join();
    const callee = router.join();
    callee.register("com.x");
    send(text([48, 1, {}, "com.x", [], {}]));
    expect(callee.take(MessageType.Invocation).payload).toMatchObject({ args: [], kwargs: {} });
  });

  test("of bytes with CBOR's tag 64, as Autobahn|JS and wampy send them, are bytes to peers of other formats (AMB-32)", () => {
    const { router, send } = join();
    const subscriber = router.join();
    subscriber.subscribe("com.x");
    // [16, 1, {}, "com.x", [64(h'0102')]]
    send(hex("85 10 01 a0 65636f6d2e78 81 d840420102"), cbor);
    const { payload } = subscriber.take(MessageType.Event);
    expect(Buffer.from(payload.bytes(json)).toString()).toBe('["\\u0000AQI="]');
    expect(Buffer.from(payload.bytes(msgpack)).toString("hex")).toBe("91c4020102");
    expect(payload.args).toEqual([Uint8Array.of(1, 2)]);
  });
});

describe("messages", () => {
  test("UNSUBSCRIBE and UNREGISTER may have options (AMB-13)", () => {
    const { peer, send } = join();
    const subscription = peer.subscribe("com.x");
    const registration = peer.register("com.x");
    send(text([34, 3, subscription, {}]));
    peer.take(MessageType.Unsubscribed);
    send(text([66, 4, registration, {}]));
    peer.take(MessageType.Unregistered);
  });

  test("GOODBYE may give any reason: wampy leaves with wamp.close.system_shutdown", () => {
    const { peer, send } = join();
    send(text([6, {}, "wamp.close.system_shutdown"]));
    expect(peer.take(MessageType.Goodbye).reason).toBe(Uri.goodbyeAndOut);
  });
});

describe("HELLO", () => {
  const hello = (details: object) => {
    const peer = new TestRouter().attach();
    peer.send(json.decode(text([1, "realm1", details])));
    return peer.take(MessageType.Welcome);
  };
  test("may have features in a place of its own, as kraftfahrstrasse's callee, or none, as xconn's", () => {
    expect(hello({ roles: { callee: { call_canceling: true }, caller: {} } }).session).toBeGreaterThan(0);
  });
  test("may have null for what a client does not set (AMB-12)", () => {
    expect(hello({ roles: { caller: { features: null } }, authid: null, authmethods: null, authextra: null }).session).toBeGreaterThan(0);
  });
});

describe("what clients cannot take is not sent", () => {
  test("null for args or kwargs that are not there (AMB-14): a result, an event, an error", () => {
    const { router, peer, send } = join();
    const other = router.join();
    other.register("com.x");
    other.subscribe("com.y");
    send(text([16, 1, {}, "com.y", null, null]));
    expect(Buffer.from(json.encode(other.take(MessageType.Event))).toString()).toMatch(/^\[36,\d+,\d+,\{\}\]$/);
    send(text([48, 2, {}, "com.x"]));
    other.send(json.decode(text([70, other.take(MessageType.Invocation).request, {}, null, null])));
    expect(Buffer.from(json.encode(peer.take(MessageType.Result))).toString()).toBe("[50,2,{}]");
    send(text([48, 3, {}, "com.x"]));
    other.send(json.decode(text([8, 68, other.take(MessageType.Invocation).request, {}, "com.error", null])));
    expect(Buffer.from(json.encode(peer.take(MessageType.Error))).toString()).toBe('[8,48,3,{},"com.error"]');
  });

  // wampy answers an unknown message with ABORT, Autobahn|JS closes the connection.
  test("INTERRUPT, to a callee that has not announced call_canceling (RPC-CANCEL-06)", () => {
    const { router, peer, send } = join();
    const callee = router.join({ callee: { features: { caller_identification: true, progressive_call_results: true } } });
    callee.register("com.x");
    for (const [request, mode] of ["kill", "killnowait", "skip"].entries()) {
      send(text([48, request + 1, {}, "com.x"]));
      callee.take(MessageType.Invocation);
      send(text([49, request + 1, { mode }]));
      expect(peer.take(MessageType.Error).error).toBe(Uri.canceled);
    }
    expect(callee.inbox).toEqual([]);
  });

  // Autobahn|JS closes the connection for an answer to a call that has had one.
  test("a second answer to a call: not by a late YIELD, nor by a late ERROR (AMB-42)", () => {
    const { router, peer, send } = join();
    const callee = router.join({ callee: {} });
    callee.register("com.x");
    send(text([48, 1, {}, "com.x"]));
    const { request } = callee.take(MessageType.Invocation);
    send(text([49, 1, {}]));
    expect(peer.take(MessageType.Error).error).toBe(Uri.canceled);
    callee.send(json.decode(text([70, request, {}, [1]])));
    callee.send(json.decode(text([8, 68, request, {}, "com.error"])));
    expect([peer.inbox, callee.closed]).toEqual([[], undefined]);
  });

  // Autobahn|JS closes the connection for an EVENT of a subscription that it has not, xconn stops reading.
  test("EVENT before SUBSCRIBED or after UNSUBSCRIBED", () => {
    const { router, peer, send } = join();
    const publisher = router.join();
    send(text([32, 1, {}, "com.x"]));
    publisher.publish("com.x");
    expect(peer.inbox.map(({ type }) => type)).toEqual([MessageType.Subscribed, MessageType.Event]);
    const { subscription } = peer.take(MessageType.Subscribed);
    peer.inbox.length = 0;
    send(text([34, 2, subscription]));
    publisher.publish("com.x");
    expect(peer.inbox.map(({ type }) => type)).toEqual([MessageType.Unsubscribed]);
  });
});
