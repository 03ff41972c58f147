// Messages as an attacker writes them, over real sockets and in each serializer: what they are made of reaches nobody, or as any
// other data does, and whoever sends them is the only one who notices (T17, T19, T21, T32).
import { FrameType, MessageType, Uri } from "@junctor/protocol";
import {
  ALL_ROLES,
  ALLOW_ALL,
  CODECS,
  HELLO,
  SERIALIZER_NAMES,
  type SerializerName,
  startRouter,
  TestRouter,
  WirePeer,
} from "@junctor/testkit";
import { describe, expect, test } from "vitest";

const PROTOTYPE = JSON.stringify(Object.getOwnPropertyNames(Object.prototype));

/** Bytes of a list within a list, so deep; and of a map within a map. */
const LISTS: Readonly<Record<SerializerName, (depth: number) => Uint8Array>> = {
  json: (depth) => Buffer.from("[".repeat(depth) + "]".repeat(depth)),
  msgpack: (depth) => Buffer.concat([Buffer.alloc(depth - 1, 0x91), Buffer.of(0x90)]),
  cbor: (depth) => Buffer.concat([Buffer.alloc(depth - 1, 0x81), Buffer.of(0x80)]),
};
const MARK = "here-it-lies";

/** The bytes of a message, with those of `deep` in the place of the mark. */
function withDeep(serializer: SerializerName, message: readonly unknown[], deep: Uint8Array): Uint8Array {
  const whole = Buffer.from(CODECS[serializer].encode(message));
  const mark = Buffer.from(CODECS[serializer].encode(MARK));
  const at = whole.indexOf(mark);
  if (at < 0) throw new Error("the mark is not there");
  return Buffer.concat([whole.subarray(0, at), deep, whole.subarray(at + mark.length)]);
}

const PLACES: Readonly<Record<string, readonly unknown[]>> = {
  "the options of a CALL": [48, 1, { x: MARK }, "p"],
  "the arguments of a CALL": [48, 1, {}, "p", [MARK]],
  "the keyword arguments of a PUBLISH": [16, 1, {}, "t", [], { x: MARK }],
  "the options of a SUBSCRIBE": [32, 1, { x: MARK }, "t"],
  "the arguments of a YIELD": [70, 1, {}, [MARK]],
  "the details of an ERROR": [8, 68, 1, { x: MARK }, "com.x"],
};

describe.each(SERIALIZER_NAMES)("%s", (serializer) => {
  test.each(Object.entries(PLACES))("nesting without end in %s ends the session that sends it, and no other", async (_where, message) => {
    await using router = await startRouter();
    await using witness = await router.join();
    for (const depth of [33, 1_000, 60_000]) {
      await using sender = await WirePeer.join(router.listener.address, serializer);
      sender.frame(FrameType.Message, withDeep(serializer, message, LISTS[serializer](depth)));
      expect((await sender.receive()).slice(0, 1)).toEqual([MessageType.Abort]);
      await sender.ended;
    }
    expect(router.log.all.flatMap((entry) => (entry.event === "proto.violation" ? [entry.code] : []))).toEqual(Array(3).fill("TOO_DEEP"));
    expect((await witness.call("wamp.session.count")).value).toBe(1);
  });

  test("and so does it in HELLO, before a session is there", async () => {
    await using router = await startRouter();
    await using sender = await WirePeer.connect(router.listener.address, serializer);
    sender.frame(FrameType.Message, withDeep(serializer, [1, "realm1", { ...HELLO[2], x: MARK }], LISTS[serializer](8_000)));
    expect((await sender.receive())[0]).toBe(MessageType.Abort);
  });

  test("keys that end in the same place of a hash table pass like any others (T21)", async () => {
    await using router = await startRouter();
    await using sender = await WirePeer.join(router.listener.address, serializer);
    await using reader = await WirePeer.join(router.listener.address, serializer);
    await reader.subscribe("t");
    // Array indices were hashed by their value and length alone (CVE-2026-21717).
    const kwargs = Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [String(16_777_216 + i * 1_024), i]));
    sender.send([16, 1, { acknowledge: true }, "t", [], kwargs]);
    expect((await sender.receive())[0]).toBe(MessageType.Published);
    expect(Object.keys((await reader.receive())[5] as object).length).toBe(40_000);
    // Options are read, and have few.
    sender.send([16, 2, kwargs, "t"]);
    expect((await sender.receive())[0]).toBe(MessageType.Abort);
  });

  test("what would poison prototypes poisons nothing, wherever it stands (T19)", async () => {
    await using router = await startRouter();
    await using sender = await WirePeer.join(router.listener.address, "json");
    await using reader = await WirePeer.join(router.listener.address, serializer);
    await reader.subscribe("t");
    const poison = '{"__proto__":{"acknowledge":true,"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    for (const text of [`[16,1,${poison},"t",[${poison}],${poison}]`, `[32,2,${poison},"u"]`, `[48,3,${poison},"wamp.session.count"]`])
      sender.frame(FrameType.Message, Buffer.from(text));
    expect((await sender.receive()).slice(0, 2)).toEqual([MessageType.Subscribed, 2]); // nothing was acknowledged before
    expect((await sender.receive()).slice(0, 2)).toEqual([MessageType.Result, 3]);
    const raw = Buffer.from(await reader.receiveBytes());
    expect(raw.includes("__proto__")).toBe(true);
    expect([({} as { polluted?: unknown }).polluted, JSON.stringify(Object.getOwnPropertyNames(Object.prototype))]).toEqual([
      undefined,
      PROTOTYPE,
    ]);
  });
});

test("nobody takes a procedure from its callee: not by force, nor by a pattern, nor by another policy (T32)", () => {
  const router = new TestRouter();
  const [backend, thief, caller] = [router.join(), router.join(), router.join()];
  backend.register("com.app.pay");
  for (const options of [{}, { force_reregister: true }, { invoke: "roundrobin" }, { invoke: "first", force_reregister: true }]) {
    thief.send({ type: MessageType.Register, request: ++thief.request, options, procedure: "com.app.pay" } as never);
    expect(thief.take(MessageType.Error).error).toBe(Uri.procedureAlreadyExists);
  }
  thief.register("com.app.", { match: "prefix" });
  thief.register("com..pay", { match: "wildcard" });
  caller.call("com.app.pay");
  expect(backend.take(MessageType.Invocation)).toBeDefined();
  expect(thief.inbox).toEqual([]);
});

test("and a role without the right to register it gets it in no way at all (T32)", () => {
  const router = new TestRouter({
    realms: [
      {
        name: "realm1",
        roles: [
          { name: "backend", permissions: [ALLOW_ALL] },
          { name: "user", permissions: [{ uri: "com.user.", match: "prefix", allow: { register: true } }] },
        ],
        authenticate: ({ details }, answer) =>
          answer({ kind: "welcome", authid: "x", authrole: details.authrole ?? "user", authmethod: "test", authprovider: "test" }),
      },
    ],
  });
  const user = router.join(ALL_ROLES);
  for (const [procedure, match] of [
    ["com.app.pay", "exact"],
    ["com.", "prefix"],
    ["com.u", "prefix"],
    ["com..pay", "wildcard"],
    ["..", "wildcard"],
    ["", "prefix"],
  ]) {
    user.send({ type: MessageType.Register, request: ++user.request, options: { match, force_reregister: true }, procedure } as never);
    expect([procedure, user.take(MessageType.Error).error]).toEqual([procedure, Uri.notAuthorized]);
  }
});
