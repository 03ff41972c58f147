// Payload passthru mode, from one peer to the other (requirements 12.1): what is sealed, no router reads.
import { ApplicationError, Chunk, HANDLER_FAILED, PayloadError, Uri } from "@junctor/client";
import { cbor } from "@junctor/client/cbor";
import { msgpack } from "@junctor/client/msgpack";
import { aesGcm } from "@junctor/client/passthru/aes-gcm";
import { type Message, MessageType } from "@junctor/protocol";
import { connections, failure, Heard, Inbox, ScriptedRouter, startRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

const key = (octet: number) => new Uint8Array(32).fill(octet);
const box = () => aesGcm({ keys: { first: key(1), second: key(2) }, keyid: "first" });

describe.each(connections)("over $name", (connection) => {
  test("call, chunks, progressive results, result, error and event go sealed from peer to peer (PPT-03, PPT-04, PPT-05, PPT-13)", async () => {
    await using router = await startRouter({ connection });
    const [mine, theirs] = [box(), box()];
    const [caller, callee] = [await router.join({ codecs: [mine] }), await router.join({ codecs: [theirs] })];
    await callee.register("com.box", async function* ({ args: [what], kwargs, chunks, details }) {
      expect(details).toMatchObject({
        ppt_scheme: "x_junctor_aes_gcm",
        ppt_cipher: "aes256gcm",
        ppt_serializer: "json",
        ppt_keyid: "first",
      });
      if (what === "fail") throw new ApplicationError("com.error.broken", ["secret"], { n: 1 });
      if (what === "bug") throw new Error("secret");
      for await (const { value } of chunks) yield new Chunk([value], kwargs);
      return new Uint8Array([1, 2, 3]);
    });
    const stream = caller.stream("com.box", ["start"], { k: 2n ** 60n }, { codec: mine, chunks: ["a", "b"] });
    const parts: unknown[] = [];
    for await (const { value, kwargs } of stream) parts.push([value, kwargs]);
    expect(parts).toEqual([
      ["a", { k: 2n ** 60n }],
      ["b", { k: 2n ** 60n }],
    ]);
    expect((await stream.result).value).toEqual(new Uint8Array([1, 2, 3]));
    expect(await failure(caller.call("com.box", ["fail"], {}, { codec: mine }))).toMatchObject({
      uri: "com.error.broken",
      args: ["secret"],
      kwargs: { n: 1 },
    });
    expect(await failure(caller.call("com.box", ["bug"], {}, { codec: mine }))).toMatchObject({ uri: HANDLER_FAILED, args: ["secret"] });

    const heard = new Heard();
    await callee.subscribe("com.news", (event) => heard.push(event));
    const plain = connection.transport === "memory" ? caller : await router.join();
    for (let i = 0; i < 5; i++) void caller.publish("com.news", [i], {}, { codec: mine });
    await caller.publish("com.news", ["sealed"], {}, { codec: mine, acknowledge: true });
    await plain.publish("com.news", ["open"], {}, { acknowledge: true });
    expect(await heard.untilValue("open")).toEqual([0, 1, 2, 3, 4, "sealed", "open"]);
  });
});

test("nothing of the arguments stands in what the router sees (PPT-06)", async () => {
  await using router = await startRouter({ connection: { name: "memory", transport: "memory", serializer: "json" } });
  const seen: Message[] = [];
  const dial = router.router.dial();
  const codec = box();
  const session = await router.join({
    codecs: [codec],
    dial: async (receiver, signal) => {
      const transport = await dial(receiver, signal);
      return {
        send: (message) => {
          seen.push(message);
          return transport.send(message);
        },
        close: (reason) => transport.close(reason),
      };
    },
  });
  await session.register("com.box", ({ args }) => args[0]);
  expect((await session.call("com.box", ["secret"], {}, { codec })).value).toBe("secret");
  await session.publish("com.news", ["secret"], {}, { codec, acknowledge: true });
  const payloads = seen.flatMap((message) => ("payload" in message ? [message.payload] : []));
  expect(payloads.map(({ args, kwargs }) => [args?.length, args?.[0] instanceof Uint8Array, kwargs])).toEqual(
    Array(3).fill([1, true, undefined]),
  );
  expect(payloads.some(({ args }) => Buffer.from(args?.[0] as Uint8Array).includes("secret"))).toBe(false);
});

describe("where it cannot be", () => {
  test("a callee without a codec is not called: feature_not_supported (PPT-08)", async () => {
    await using router = await startRouter();
    const codec = box();
    const [caller, callee] = [await router.join({ codecs: [codec] }), await router.join()];
    await callee.register("com.box", () => "called");
    expect(await failure(caller.call("com.box", [], {}, { codec }))).toMatchObject({ uri: Uri.featureNotSupported });
    expect((await caller.call("com.box")).value).toBe("called");
  });

  test("a callee with other codecs answers feature_not_supported, one with other keys invalid_argument (AMB-129)", async () => {
    await using router = await startRouter();
    const codec = box();
    const other = aesGcm({ keys: { first: key(3) }, keyid: "first" });
    const [caller, stranger, foreigner] = [
      await router.join({ codecs: [codec] }),
      await router.join({ codecs: [other] }),
      await router.join({ codecs: [aesGcm({ keys: { first: key(1) }, keyid: "first", scheme: "x_other" })] }),
    ];
    await stranger.register("com.keys", () => "called");
    await foreigner.register("com.scheme", () => "called");
    expect(await failure(caller.call("com.keys", [], {}, { codec }))).toMatchObject({ uri: Uri.invalidArgument });
    expect(await failure(caller.call("com.scheme", [], {}, { codec }))).toMatchObject({ uri: Uri.featureNotSupported });
  });

  test("a subscriber that cannot open an event is told, not its publisher; further events arrive (PPT-10)", async () => {
    await using router = await startRouter();
    const codec = box();
    const troubles = new Inbox<unknown>();
    const [publisher, subscriber] = [
      await router.join({ codecs: [codec] }),
      await router.join({ onHandlerError: (error) => troubles.push(error) }),
    ];
    const heard = new Heard();
    await subscriber.subscribe("com.news", (event) => heard.push(event));
    await publisher.publish("com.news", ["sealed"], {}, { codec, acknowledge: true });
    await publisher.publish("com.news", ["open"]);
    expect(await troubles.next()).toBeInstanceOf(PayloadError);
    expect(await heard.untilValue("open")).toEqual(["open"]);
  });

  test("a router without it is not asked, nor with a codec that HELLO knew nothing of (PPT-07, FEAT-04)", async () => {
    const { session, router } = await ScriptedRouter.join();
    const codec = box();
    expect(await failure(session.call("com.box", [], {}, { codec }))).toMatchObject({ uri: Uri.featureNotSupported });
    expect(await failure(session.publish("com.news", [], {}, { codec }))).toMatchObject({ uri: Uri.featureNotSupported });
    expect(router.sent.all.map(({ type }) => type)).toEqual([MessageType.Hello]);
    await using other = await startRouter();
    expect(await failure((await other.join()).call("com.box", [], {}, { codec }))).toBeInstanceOf(TypeError);
  });

  test("a result that cannot be opened fails the call here (AMB-129)", async () => {
    await using router = await startRouter();
    const codec = box();
    const forged = { ...codec, seal: async () => ({ bytes: new Uint8Array(40), serializer: "json", cipher: "aes256gcm", keyid: "first" }) };
    const [caller, callee] = [await router.join({ codecs: [codec] }), await router.join({ codecs: [forged] })];
    await callee.register("com.box", () => 1);
    await callee.register("com.parts", async function* () {
      yield 1;
    });
    expect(await failure(caller.call("com.box", [], {}, { codec }))).toBeInstanceOf(PayloadError);
    expect(await failure(caller.call("com.parts", [], {}, { codec, onProgress: () => {} }))).toBeInstanceOf(PayloadError);
  });
});

describe("AES-GCM", () => {
  const about = { kind: "call", uri: "com.box" } as const;
  const content = { args: ["ü", 1, [null, true, 0.5], new Uint8Array([0, 255])], kwargs: { deep: { a: [1] } } };

  test.each([
    ["json", undefined],
    ["msgpack", msgpack()],
    ["cbor", cbor()],
  ] as const)("keeps values in %s, and opens with any of its keys", async (name, serializer) => {
    const options = { ...(serializer !== undefined && { serializer }) };
    const keys = { first: key(1), second: key(2) };
    const sealed = await aesGcm({ keys, keyid: "second", ...options }).seal(content, about);
    expect(sealed).toMatchObject({ keyid: "second", serializer: name, cipher: "aes256gcm" });
    expect(await aesGcm({ keys, keyid: "first", ...options }).open(sealed, about)).toEqual(content);
  });

  test("opens nothing that was changed, or that belongs to something else", async () => {
    const codec = box();
    const sealed = await codec.seal(content, about);
    const changed = sealed.bytes.slice();
    changed[20] = (changed[20] ?? 0) ^ 1;
    const open = async (what: typeof sealed, subject: Parameters<typeof codec.open>[1]) => codec.open(what, subject);
    await failure(open({ ...sealed, bytes: changed }, about));
    await failure(open(sealed, { kind: "call", uri: "com.other" }));
    await failure(open(sealed, { kind: "result", uri: "com.box" }));
    await failure(open({ ...sealed, keyid: "third" }, about));
    await failure(open({ ...sealed, keyid: "second" }, about));
    await failure(open({ ...sealed, bytes: sealed.bytes.subarray(0, 5) }, about));
    expect(await open(sealed, about)).toEqual(content);
  });

  test("wants keys of 32 octets, and the one that it seals with", () => {
    expect(() => aesGcm({ keys: { a: new Uint8Array(16) }, keyid: "a" })).toThrow("the key a has 16 octets in place of 32");
    expect(() => aesGcm({ keys: { a: key(1) }, keyid: "b" })).toThrow("there is no key b to seal with; there are a");
  });
});
