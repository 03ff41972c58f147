// WebSocket and RawSocket as a foreign client meets them (requirements 9.1, 9.3): the `ws` library and bare octets, with other
// people's codecs.
import { once } from "node:events";
import { FrameType, Uri } from "@junctor/protocol";
import {
  CODECS,
  HELLO,
  Inbox,
  joinBatch,
  openSocket,
  read,
  SERIALIZER_NAMES,
  type SerializerName,
  splitBatch,
  startRouter,
  WirePeer,
} from "@junctor/testkit";
import { nodeSerializers } from "@junctor/transport-node";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";

interface Frame {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
}

async function open(address: string, serializer: SerializerName, deflate = false) {
  const socket = new WebSocket(`ws://${address}/ws`, [`wamp.2.${serializer}`], { perMessageDeflate: deflate });
  const frames = new Inbox<Frame>();
  const closed = once(socket, "close") as Promise<[number, Buffer]>;
  socket.on("message", (data: Buffer, isBinary: boolean) => frames.push({ bytes: data, isBinary }));
  await once(socket, "open");
  const encode = (message: readonly unknown[]) => {
    const bytes = CODECS[serializer].encode(message);
    return serializer === "json" ? Buffer.from(bytes).toString() : bytes;
  };
  const next = async () => CODECS[serializer].decode((await frames.next()).bytes) as unknown[];
  return { socket, frames, closed, encode, next };
}
const over = (serializer: SerializerName, deflate = false) => ({
  name: "ws",
  transport: deflate ? ("ws deflate" as const) : ("ws" as const),
  serializer,
});

describe.each(SERIALIZER_NAMES)("WebSocket with %s", (serializer) => {
  test("one message per WebSocket message, in the frames of the format that was agreed on (TRN-WS-01 to TRN-WS-03)", async () => {
    await using router = await startRouter({ connection: over(serializer) });
    const { socket, frames, closed, encode, next } = await open(router.listener.address, serializer);
    expect(socket.protocol).toBe(`wamp.2.${serializer}`);
    socket.send(encode(HELLO));
    expect(await next()).toMatchObject([2, expect.anything(), { realm: "realm1" }]);
    for (const [i, topic] of ["com.a", "com.b", "com.c"].entries()) socket.send(encode([32, i + 1, {}, topic]));
    for (const i of [1, 2, 3]) expect(await next()).toEqual([33, i, expect.any(Number)]);
    expect(frames.all.map(({ isBinary }) => isBinary)).toEqual(Array(4).fill(serializer !== "json"));
    socket.close();
    await closed;
  });

  test("fragments, pings and compression are none of WAMP's business (TRN-WS-05)", async () => {
    await using router = await startRouter({ connection: over(serializer, true) });
    const { socket, closed, encode, next } = await open(router.listener.address, serializer, true);
    expect(socket.extensions).toContain("permessage-deflate");
    const hello = Buffer.from(encode(HELLO));
    const binary = serializer !== "json";
    const pong = once(socket, "pong") as Promise<[Buffer]>;
    socket.send(hello.subarray(0, 5), { fin: false, binary });
    socket.ping("between");
    socket.send(hello.subarray(5, 9), { fin: false, binary });
    socket.send(hello.subarray(9), { fin: true, binary });
    expect((await next())[0]).toBe(2);
    expect((await pong)[0].toString()).toBe("between");
    const long = "x".repeat(20_000);
    socket.send(encode([32, 1, {}, "com.x"]));
    socket.send(encode([16, 2, { exclude_me: false }, "com.x", [long]]));
    await next();
    expect((await next())[4]).toEqual([long]);
    socket.close();
    await closed;
  });

  test.each([
    ["a frame of the wrong type", serializer === "json", "[]", 1003],
    ["bytes that are no message", serializer !== "json", "}", 1002],
  ] as const)("%s ends session and transport (TRN-WS-06, PERR-08, AMB-117)", async (_what, binary, text, code) => {
    await using router = await startRouter({ connection: over(serializer) });
    const { socket, closed, encode, next } = await open(router.listener.address, serializer);
    socket.send(encode(HELLO));
    await next();
    socket.send(Buffer.from(text), { binary });
    expect(await next()).toMatchObject([3, { message: expect.any(String) }, Uri.protocolViolation]);
    expect((await closed)[0]).toBe(code);
    expect(router.router.realm("realm1")?.sessions.size).toBe(0);
  });
});

test.each([false, true])(
  "a text that is no UTF-8 ends in status 1007, whatever else is wrong with it (AMB-117, deflate %s)",
  async (deflate) => {
    await using router = await startRouter({ connection: over("json", deflate) });
    for (const octets of ["ff", "5bff", "5b312c2263ff225d"]) {
      const { socket, closed, next } = await open(router.listener.address, "json", deflate);
      socket.send(Buffer.from(octets, "hex"), { binary: false });
      expect(await next()).toMatchObject([3, { message: expect.stringContaining("UTF-8") }, Uri.protocolViolation]);
      expect((await closed)[0]).toBe(1007);
    }
  },
);

describe.each(SERIALIZER_NAMES)("batched WebSocket with %s", (serializer) => {
  const frame = serializer === "json" ? "text" : "binary";
  const batch = (...messages: (readonly unknown[])[]) => joinBatch(messages.map(CODECS[serializer].encode), frame);

  async function openBatched(address: string, deflate = false) {
    const socket = new WebSocket(`ws://${address}/ws`, [`wamp.2.${serializer}.batched`, "wamp.2.json"], { perMessageDeflate: deflate });
    const batches = new Inbox<Frame>();
    const closed = once(socket, "close") as Promise<[number, Buffer]>;
    socket.on("message", (data: Buffer, isBinary: boolean) => batches.push({ bytes: data, isBinary }));
    await once(socket, "open");
    const send = (bytes: Buffer) => socket.send(bytes, { binary: frame === "binary" });
    const next = async () => splitBatch((await batches.next()).bytes, frame).map((bytes) => CODECS[serializer].decode(bytes) as unknown[]);
    return { socket, batches, closed, send, next };
  }

  test.each([false, true])("many messages in one, both ways, in order (deflate %s, TRN-BATCH-01 to 04, TRN-BATCH-07)", async (deflate) => {
    await using router = await startRouter({ connection: over(serializer, deflate) });
    const { socket, batches, closed, send, next } = await openBatched(router.listener.address, deflate);
    expect(socket.protocol).toBe(`wamp.2.${serializer}.batched`);
    const topics = Array.from({ length: 50 }, (_, i) => `com.topic.${i}`);
    send(batch(HELLO, ...topics.map((topic, i) => [32, i + 1, {}, topic])));
    const answers: unknown[][] = [];
    while (answers.length < 51) answers.push(...(await next()));
    expect(answers.map(([type, request]) => (type === 2 ? "WELCOME" : request))).toEqual(["WELCOME", ...topics.map((_, i) => i + 1)]);
    if (!deflate) expect(batches.all.length).toBeLessThan(5);
    expect(batches.all.every(({ isBinary }) => isBinary === (frame === "binary"))).toBe(true);
    send(batch([34, 51, answers[1]?.[2]]));
    expect(await next()).toEqual([[35, 51]]);
    socket.close();
    await closed;
  });

  test("a batch is no longer than 64 KiB, unless one message alone is (TRN-BATCH-04)", async () => {
    await using router = await startRouter({ connection: over(serializer) });
    const { socket, batches, closed, send, next } = await openBatched(router.listener.address);
    send(batch(HELLO, [32, 1, {}, "com.x"]));
    const lengths = [10, 100, 20_000, 60_000, 10, 5, 70_000, 65_000, 65_000, ...Array<number>(200).fill(1_000)];
    for (let got = 0; got < 2; ) got += (await next()).length;
    const before = batches.all.length;
    // One WebSocket message, so that the router hears it in one turn.
    send(batch(...lengths.map((length, i) => [16, i + 2, { exclude_me: false }, "com.x", ["x".repeat(length)]])));
    const heard: unknown[] = [];
    while (heard.length < lengths.length) heard.push(...(await next()).map((event) => (event[4] as [string])[0].length));
    expect(heard).toEqual(lengths);
    const sizes = batches.all.slice(before).map(({ bytes }) => [bytes.length, splitBatch(bytes, frame).length] as const);
    expect(sizes.filter(([length, messages]) => messages > 1 && length > 0xffff)).toEqual([]);
    expect(sizes.length).toBeLessThan(20);
    socket.close();
    await closed;
  });

  test.each([
    ["an empty batch (TRN-BATCH-05)", Buffer.alloc(0), 1002],
    ["a batch that breaks off (TRN-BATCH-06)", batch([34, 1, 1], [34, 2, 1]).subarray(0, -1), 1002],
    [
      "a batch with a message of no octets",
      Buffer.concat([batch([34, 1, 1]), joinBatch([new Uint8Array(0)], frame)]),
      serializer === "json" ? 1002 : 1007,
    ],
    ["a message without a batch around it (TRN-BATCH-06)", Buffer.from(CODECS[serializer].encode([34, 1, 1])), 1002],
    ["a batch longer than messages may be", batch(...Array<unknown[]>(1_200).fill([16, 1, {}, "com.x", ["x".repeat(1_000)]])), 1009],
  ] as const)("%s ends session and transport", async (_what, bytes, code) => {
    await using router = await startRouter({ connection: over(serializer) });
    const { closed, send, next } = await openBatched(router.listener.address);
    send(batch(HELLO));
    await next();
    send(bytes);
    let last: unknown[] | undefined;
    while (last?.[0] !== 3) last = (await next()).at(-1);
    expect(last).toMatchObject([3, { message: expect.any(String) }, Uri.protocolViolation]);
    expect((await closed)[0]).toBe(code);
    expect(router.router.realm("realm1")?.sessions.size).toBe(0);
  });
});

test("whoever separates by 0x18, as Autobahn|Python does, is answered in kind, and an event for both is right for both (AMB-33)", async () => {
  await using router = await startRouter({ connection: over("json") });
  const open = async (separator: string) => {
    const socket = new WebSocket(`ws://${router.listener.address}/ws`, "wamp.2.json.batched");
    let text = "";
    const arrived = new Inbox<string>();
    socket.on("message", (data: Buffer) => {
      text += data.toString();
      const parts = text.split(separator);
      text = parts.pop() ?? "";
      for (const part of parts) arrived.push(part);
    });
    await once(socket, "open");
    const send = (...messages: unknown[]) => socket.send(messages.map((message) => JSON.stringify(message) + separator).join(""));
    send(HELLO, [32, 1, {}, "com.x"]);
    await arrived.count(2);
    return { socket, arrived, send };
  };
  const [record, cancel] = [await open("\x1e"), await open("\x18")];
  record.send([16, 2, { exclude_me: false }, "com.x", ["one"]], [16, 3, { exclude_me: false }, "com.x", ["two"]]);
  for (const { arrived, socket } of [record, cancel]) {
    await arrived.count(4);
    expect(arrived.all.slice(2).map((text) => JSON.parse(text)[4][0])).toEqual(["one", "two"]);
    socket.close();
    await once(socket, "close");
  }
});

describe("RawSocket", () => {
  test("the client speaks first, the router answers with four octets, then there are frames (TRN-RAW-01, TRN-RAW-05)", async () => {
    await using router = await startRouter();
    for (const serializer of SERIALIZER_NAMES) {
      const { id, encode, decode } = CODECS[serializer];
      const socket = await openSocket(router.listener.address);
      socket.write(Uint8Array.of(0x7f, 0xf0 | id, 0, 0));
      const reply = await read(socket, 4);
      expect([reply[0], (reply[1] ?? 0) & 0x0f, reply[2], reply[3]]).toEqual([0x7f, id, 0, 0]);
      const hello = encode(HELLO);
      socket.write(Uint8Array.of(0, 0, hello.length >> 8, hello.length & 0xff));
      socket.write(hello);
      socket.resume();
      const head = await read(socket, 4);
      expect(head[0]).toBe(0);
      socket.resume();
      expect(decode(await read(socket, head.readUIntBE(1, 3)))).toMatchObject([2, expect.anything(), {}]);
      socket.destroy();
    }
  });

  test("a PING is answered by one PONG with what it held, between messages and before a session (TRN-RAW-10, AMB-120)", async () => {
    await using router = await startRouter();
    await using peer = await WirePeer.connect(router.listener.address);
    const pings = ["", "one", "two"].map((text) => Buffer.from(text));
    peer.frame(FrameType.Ping, pings[0] as Buffer);
    peer.send(HELLO);
    peer.frame(FrameType.Ping, pings[1] as Buffer);
    peer.frame(FrameType.Pong, Buffer.from("nobody asked"));
    peer.frame(FrameType.Ping, pings[2] as Buffer);
    peer.send([32, 1, {}, "com.x"]);
    const isSubscribed = ({ type, payload }: { type: FrameType; payload: Uint8Array }) =>
      type === FrameType.Message && Buffer.from(payload).toString().startsWith("[33,");
    const frames = await peer.frames.until(isSubscribed);
    expect(frames.filter(({ type }) => type === FrameType.Pong).map(({ payload }) => Buffer.from(payload))).toEqual(pings);
    expect(frames.map(({ type }) => type).sort()).toEqual([0, 0, 2, 2, 2]);
  });

  test("a message longer than the peer takes is not sent, and the peer stays (TRN-RAW-07, AMB-67)", async () => {
    await using router = await startRouter();
    await using short = await WirePeer.join(router.listener.address, "msgpack", 3); // 2^12 octets
    await using long = await WirePeer.join(router.listener.address);
    await short.subscribe("com.x");
    for (const text of ["x".repeat(4096), "fits"]) long.send([16, long.request, { acknowledge: true, exclude_me: false }, "com.x", [text]]);
    expect((await short.receive())[4]).toEqual(["fits"]);
    expect(router.router.realm("realm1")?.counters.eventsUndeliverable).toBe(1);
  });

  test("a peer that takes less than WELCOME is refused, and has no session that it does not know of (TRN-RAW-07, SES-11)", async () => {
    await using router = await startRouter();
    await using peer = await WirePeer.connect(router.listener.address, "json", 0); // 2^9 octets
    peer.send(HELLO);
    expect(await peer.receive()).toEqual([3, { message: expect.stringContaining("WELCOME") }, Uri.payloadSizeExceeded]);
    await peer.ended;
    const realm = router.router.realm("realm1");
    expect([realm?.sessions.size, realm?.counters.sessionsOpened]).toEqual([0, 0]);
  });

  test("whatever is asked, a refusal has a code, and it is not 0 (TRN-RAW-03, TRN-RAW-04, TRN-RAW-06)", async () => {
    await using router = await startRouter();
    const answers = new Map<string, number[]>();
    for (const octets of [...Array.from({ length: 16 }, (_, i) => [0xf0 | i, 0, 0]), [0xf1, 1, 0], [0xf1, 0, 1], [0x01, 0xff, 0xff]]) {
      const socket = await openSocket(router.listener.address);
      const gone = once(socket, "close");
      const chunks: Buffer[] = [];
      socket.on("error", () => {}).on("data", (chunk: Buffer) => chunks.push(chunk));
      socket.write(Uint8Array.of(0x7f, ...octets));
      socket.end();
      await gone;
      answers.set(octets.join(), [...Buffer.concat(chunks).subarray(0, 4)]);
    }
    for (const [asked, answer] of answers) {
      if (answer.length === 0)
        expect(asked).toBe("240,0,0"); // serializer 0 is illegal: the connection fails
      else if (((answer[1] ?? 0) & 0x0f) === 0) expect((answer[1] ?? 0) >> 4).toBe(asked.endsWith(",0,0") ? 1 : 3);
    }
    expect([...answers.values()].filter(([, second = 0]) => (second & 0x0f) !== 0)).toHaveLength(3);
  });
});

test("the serializers have the names and numbers that are registered for them, and there are no others (SER-11)", () => {
  expect(nodeSerializers.map(({ name, rawSocketId }) => [name, rawSocketId]).sort()).toEqual([
    ["cbor", 3],
    ["json", 1],
    ["msgpack", 2],
  ]);
});

test.each(["wss", "tls"] as const)("TLS is offered for %s (SEC-01)", async (transport) => {
  await using router = await startRouter({ connection: { name: transport, transport, serializer: "json" } });
  const session = await router.join();
  expect(session.isOpen).toBe(true);
});
