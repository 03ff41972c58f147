// WebSocket and RawSocket as a foreign client meets them (requirements 9.1, 9.3): the `ws` library and bare octets, with other
// people's codecs.
import { once } from "node:events";
import { FrameType, Uri } from "@junctor/protocol";
import { CODECS, HELLO, Inbox, openSocket, read, SERIALIZER_NAMES, type SerializerName, startRouter, WirePeer } from "@junctor/testkit";
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
