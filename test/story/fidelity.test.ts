// What is sent is what arrives, whatever the transport and whichever serializers the two parties speak (requirements 2.7,
// 14.4; SER-07 to SER-13, AMB-28 to AMB-32).
import { SerializationError, Uri } from "@junctor/client";
import { FrameType } from "@junctor/protocol";
import {
  CODECS,
  connections,
  hear,
  type SerializerName,
  type StoryConnection,
  serializerPairs,
  startRouter,
  tidy,
  WirePeer,
} from "@junctor/testkit";
import { describe, expect, test } from "vitest";

const bytes = (...octets: number[]) => Uint8Array.of(...octets);
const proto: unknown = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}');

/** Values that every serializer has a form for. */
const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  23,
  -25,
  255,
  256,
  -32_769,
  65_536,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  -(2 ** 53) + 1,
  2 ** 53,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 64n - 1n,
  0.5,
  -0,
  1e300,
  5e-324,
  "",
  "plain",
  'quotes " and \\ and \n and \u0001',
  "žluťoučký kůň, 日本語, 🏴‍☠️, \u2028",
  "x".repeat(70_000),
  bytes(),
  bytes(0, 1, 2, 253, 254, 255),
  new Uint8Array(300).fill(7),
  [],
  [[], [[[]]], [1, [2, [3]]]],
  {},
  { "": "empty key", ключ: { deep: [{ er: bytes(9) }] } },
  proto,
  Array.from({ length: 70 }, (_, i) => i),
  Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`key${i}`, i])),
];

const transports = connections.filter(({ transport, serializer }) => transport === "memory" || serializer === "json");
const cases = transports.flatMap((connection): { name: string; connection: StoryConnection; from: SerializerName; to: SerializerName }[] =>
  connection.transport === "memory"
    ? [{ name: "memory", connection, from: "json", to: "json" }]
    : serializerPairs.map(([from, to]) => ({ name: `${connection.transport} from ${from} to ${to}`, connection, from, to })),
);

describe.each(cases)("over $name", ({ connection, from, to }) => {
  test("values arrive as they were, by events and by calls there and back (SER-10, SER-12, AMB-31)", async () => {
    await using router = await startRouter({ connection });
    const alice = await router.join({ serializer: from });
    const bob = await router.join({ serializer: to });
    const heard = await hear(bob, "echo.event");
    await bob.register("echo.call", ({ args, kwargs }) => {
      expect(tidy([args, kwargs])).toEqual(tidy([VALUES, { values: VALUES }]));
      return args;
    });
    await alice.publish("echo.event", VALUES, { values: VALUES });
    const event = await heard.next();
    expect(tidy([event.args, event.kwargs])).toEqual(tidy([VALUES, { values: VALUES }]));
    const result = await alice.call("echo.call", VALUES, { values: VALUES });
    expect(tidy(result.value)).toEqual(tidy(VALUES));
    expect(Object.getPrototypeOf(event.args[VALUES.indexOf(proto)])).toBe(Object.prototype);
    expect("polluted" in {}).toBe(false);
  });

  test("no arguments, no keyword arguments, and both", async () => {
    await using router = await startRouter({ connection });
    const alice = await router.join({ serializer: from });
    const bob = await router.join({ serializer: to });
    const heard = await hear(bob, "echo.event");
    await bob.register("echo.call", () => undefined);
    const given: [(unknown[] | undefined)?, Record<string, unknown>?][] = [
      [],
      [[]],
      [[], { k: 1 }],
      [[1]],
      [[1], { k: 2 }],
      [undefined, { k: 3 }],
    ];
    for (const [args, kwargs] of given) {
      await alice.publish("echo.event", args, kwargs);
      const event = await heard.next();
      expect([event.args, event.kwargs]).toEqual([args ?? [], kwargs ?? {}]);
    }
    const result = await alice.call("echo.call");
    expect([result.args, result.kwargs, result.value]).toEqual([[], {}, undefined]);
  });
});

describe("text that starts with U+0000, which JSON cannot tell from binary (AMB-28),", () => {
  test("is refused by a client that speaks JSON, and the session goes on", async () => {
    await using router = await startRouter();
    const alice = await router.join({ serializer: "json" });
    await alice.register("town.echo", ({ args }) => args[0]);
    await expect(alice.publish("town.news", ["\u0000text"])).rejects.toThrow(SerializationError);
    await expect(alice.call("town.echo", ["\u0000text"])).rejects.toThrow(SerializationError);
    expect((await alice.call("town.echo", ["text"])).value).toBe("text"); // the next request id is right
  });

  test("reaches those who can be told, and is an error for a call", async () => {
    await using router = await startRouter();
    const [alice, bob, carol] = await Promise.all([
      router.join({ serializer: "msgpack" }),
      router.join({ serializer: "json" }),
      router.join({ serializer: "cbor" }),
    ]);
    const bobHeard = await hear(bob, "town.news");
    const carolHeard = await hear(carol, "town.news");
    await bob.register("bob.echo", ({ args }) => args[0]);
    await carol.register("carol.bad", () => "\u0000text");
    await alice.publish("town.news", ["\u0000text"]);
    await alice.publish("town.news", ["end"]);
    expect(await carolHeard.untilValue("end")).toEqual(["\u0000text", "end"]);
    expect(await bobHeard.untilValue("end")).toEqual(["end"]);
    await expect(alice.call("bob.echo", ["\u0000text"])).rejects.toMatchObject({ uri: Uri.invalidArgument });
    await expect(bob.call("carol.bad")).rejects.toMatchObject({ uri: Uri.invalidArgument });
    expect((await alice.call("bob.echo", ["text"])).value).toBe("text");
  });
});

describe("on the wire", () => {
  /** Payload bytes that another encoder would write otherwise, or not at all. */
  const PAYLOADS: Readonly<Record<SerializerName, readonly [string, Uint8Array][]>> = {
    json: [
      [
        "white space, escapes, an exponent and a large integer",
        Buffer.from('[ "\\u00e9\\/" , 1.0, 1e2,\t-0, 123456789012345678901234567890 ]'),
      ],
      ["repeated keys", Buffer.from('[{"a":1,"a":2,"__proto__":3}]')],
    ],
    msgpack: [
      ["extension types", bytes(0x93, 0xd4, 0x05, 0x10, 0xc7, 0x03, 0x40, 1, 2, 3, 0xd6, 0xff, 0, 0, 0, 1)],
      [
        "wide integers, floats of both sizes and nil",
        bytes(0x95, 0xcf, 0, 0, 0, 0, 0, 0, 0, 1, 0xd1, 0, 1, 0xca, 0x3f, 0x80, 0, 0, 0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0),
      ],
      ["integers as keys", bytes(0x91, 0x81, 0x01, 0xc3)],
    ],
    cbor: [
      ["tags", bytes(0x83, 0xc0, 0x74, ...Buffer.from("2013-03-21T20:04:00Z"), 0xc2, 0x41, 0xff, 0xd8, 0x64, 0x01)],
      [
        "indefinite lengths, half floats and undefined",
        bytes(0x9f, 0x7f, 0x61, 0x61, 0x61, 0x62, 0xff, 0xbf, 0x61, 0x6b, 0x01, 0xff, 0xf9, 0x3c, 0x00, 0xf7, 0xff),
      ],
      ["integers as keys", bytes(0x81, 0xa1, 0x01, 0xf5)],
    ],
  };
  const cases = Object.entries(PAYLOADS).flatMap(([serializer, payloads]) =>
    payloads.map(([name, payload]) => ({ serializer: serializer as SerializerName, name, payload })),
  );

  /** A message whose last element is given as bytes. */
  function withPayload(serializer: SerializerName, head: readonly unknown[], payload: Uint8Array): Uint8Array {
    const encoded = head.map((element) => CODECS[serializer].encode(element));
    if (serializer === "json")
      return Buffer.concat([Buffer.from("["), ...encoded.flatMap((part) => [part, Buffer.from(",")]), payload, Buffer.from("]")]);
    return Buffer.concat([bytes((serializer === "msgpack" ? 0x90 : 0x80) | (head.length + 1)), ...encoded, payload]);
  }

  test.each(cases)("$serializer payload passes between peers that speak it byte for byte: $name", async ({ serializer, payload }) => {
    await using router = await startRouter();
    const { address } = router.listener;
    await using alice = await WirePeer.join(address, serializer);
    await using bob = await WirePeer.join(address, serializer);
    await bob.subscribe("town.news");
    await bob.register("town.echo");
    const tail = Buffer.concat([payload, serializer === "json" ? Buffer.from("]") : bytes()]);
    const expectTail = (message: Uint8Array) =>
      expect(Buffer.from(message.subarray(-tail.length)).toString("hex")).toBe(tail.toString("hex"));

    alice.frame(FrameType.Message, withPayload(serializer, [16, alice.request, {}, "town.news"], payload));
    expectTail(await bob.receiveBytes());
    alice.frame(FrameType.Message, withPayload(serializer, [48, alice.request, {}, "town.echo"], payload));
    expectTail(await bob.receiveBytes());
    bob.frame(FrameType.Message, withPayload(serializer, [70, 1, {}], payload));
    expectTail(await alice.receiveBytes());
  });

  test.each(serializerPairs)("absent, empty and present payloads stay what they are from %s to %s (MSG-10, MSG-11)", async (from, to) => {
    await using router = await startRouter();
    await using alice = await WirePeer.join(router.listener.address, from);
    await using bob = await WirePeer.join(router.listener.address, to);
    await bob.subscribe("town.news");
    for (const payload of [[], [[]], [[], {}], [[1]], [[1], {}], [[], { k: 1 }], [[1], { k: 1 }]]) {
      alice.send([16, alice.request, {}, "town.news", ...payload]);
      const [type, , , details, ...received] = await bob.receive();
      expect([type, details, received]).toEqual([36, {}, payload]);
    }
  });

  test("a float with an integral value stays a float between MessagePack and CBOR, and an integer an integer (AMB-31)", async () => {
    await using router = await startRouter();
    await using alice = await WirePeer.join(router.listener.address, "msgpack");
    await using bob = await WirePeer.join(router.listener.address, "cbor");
    await bob.subscribe("town.news");
    alice.frame(
      FrameType.Message,
      withPayload("msgpack", [16, alice.request, {}, "town.news"], bytes(0x92, 0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0x01)),
    );
    const event = Buffer.from(await bob.receiveBytes()).toString("hex");
    expect(event).toMatch(/82(f93c00|fa3f800000|fb3ff0000000000000)01$/);
  });

  test("what has no form in the receiver's serializer is an error for a call, and skips the receiver of an event (AMB-32)", async () => {
    await using router = await startRouter();
    await using alice = await WirePeer.join(router.listener.address, "msgpack");
    const bob = await router.join({ serializer: "json" });
    const heard = await hear(bob, "town.news");
    await bob.register("town.echo", ({ args }) => args[0]);
    const extension = bytes(0x91, 0xd4, 0x05, 0x10);
    alice.frame(FrameType.Message, withPayload("msgpack", [16, alice.request, {}, "town.news"], extension));
    alice.frame(FrameType.Message, withPayload("msgpack", [48, alice.request, {}, "town.echo"], extension));
    expect((await alice.receive()).slice(0, 5)).toEqual([8, 48, 2, {}, Uri.invalidArgument]);
    alice.send([16, alice.request, {}, "town.news", ["end"]]);
    expect(await heard.untilValue("end")).toEqual(["end"]);
  });
});
