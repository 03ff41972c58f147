// How much a stranger may send before it has joined, and how long it may take to read (reliability 2.1, T13).
import { once } from "node:events";
import type { Socket } from "node:net";
import { FrameType, MessageType } from "@junctor/protocol";
import type { AuthenticationAnswer } from "@junctor/router";
import { RouterError } from "@junctor/router";
import { ALL_ROLES, frameOf, openSocket, realmConfig, startRouter, TestRouter, type TransportName } from "@junctor/testkit";
import { expect, test } from "vitest";

const over = (transport: TransportName) => ({ connection: { name: transport, transport, serializer: "json" } as const });
const upgrade = (extension: string) =>
  "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: wamp.2.json\r\n${extension}\r\n`;
/** An empty PING from a client to a server. */
const WEB_SOCKET_PING = "\x89\x80\x00\x00\x00\x00";

test.each([
  ["tcp", "\x7f\xf1\x00\x00", Buffer.from(frameOf(FrameType.Ping, new Uint8Array(4))).toString("latin1")],
  ["ws", upgrade(""), WEB_SOCKET_PING],
  ["ws deflate", upgrade("Sec-WebSocket-Extensions: permessage-deflate\r\n"), WEB_SOCKET_PING],
] as const)("PINGs without end instead of HELLO end at bytesBeforeJoin (%s)", async (transport, handshake, ping) => {
  await using router = await startRouter(over(transport));
  const socket = await openSocket(router.listener.address);
  socket.on("error", () => {});
  const closed = once(socket, "close");
  socket.write(handshake, "latin1");
  await once(socket, "data");
  socket.resume();
  const many = ping.repeat((64 << 10) / ping.length);
  socket.write(many, "latin1"); // no more than is allowed
  await using honest = await router.join();
  await honest.call("wamp.session.count");
  expect(router.log.all.filter(({ event }) => event === "proto.violation")).toEqual([]);
  socket.write(many, "latin1");
  await router.log.until(({ event }) => event === "proto.violation");
  expect(router.log.all.find(({ event }) => event === "proto.violation")).toMatchObject({ code: "TOO_LARGE" });
  router.advance(2_000); // closeTimeout: it goes on with its PINGs
  await closed;
});

test("a router that would have to challenge once more than messagesBeforeJoin allows gives up", () => {
  const challenge: AuthenticationAnswer = { kind: "challenge", authmethod: "test", extra: {}, verify: (_, answer) => answer(challenge) };
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), authenticate: (_, answer) => answer(challenge) }] });
  const peer = router.attach();
  peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } });
  for (let messages = 1; messages < 4; messages++) {
    peer.take(MessageType.Challenge);
    peer.send({ type: MessageType.Authenticate, signature: "", extra: {} });
  }
  expect(peer.take(MessageType.Abort)).toMatchObject({ reason: RouterError.limitExceeded });
  expect([peer.inbox, peer.closed]).toEqual([[], RouterError.limitExceeded]);
});

test("whoever does not read the answer to its HTTP request is cut, and whoever reads slowly is not", async () => {
  const piece = Buffer.alloc(64 << 10);
  const served = new Map<number | undefined, Socket>();
  await using router = await startRouter({
    ...over("ws"),
    listen: {
      onRequest: (request, response) => {
        served.set(request.socket.remotePort, request.socket);
        const more = () => {
          while (response.write(piece));
          response.once("drain", more);
        };
        more();
      },
    },
  });
  const [reading, staring] = [await openSocket(router.listener.address), await openSocket(router.listener.address)];
  for (const socket of [reading, staring]) {
    socket.on("error", () => {});
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  let read = 0;
  reading.on("data", (chunk: Buffer) => {
    read += chunk.length;
  });
  while (served.size < 2) await new Promise((resolve) => setImmediate(resolve));
  const isCut = ({ localPort }: Socket) => served.get(localPort)?.destroyed;
  for (let second = 0; second < 10; second++) {
    router.advance(1_000);
    expect([isCut(staring), isCut(reading)]).toEqual([false, false]);
  }
  while (isCut(staring) === false) {
    const before = read;
    while (read < before + 4 * piece.length) await new Promise((resolve) => setImmediate(resolve));
    router.advance(10_000);
  }
  expect(isCut(reading)).toBe(false);
  for (const socket of [reading, staring]) socket.destroy();
});
