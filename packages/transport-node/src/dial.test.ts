// The side that dials: a router that vanishes is noticed, and one that does not read is still read (G6, G7).
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import {
  encodeHandshake,
  FRAME_HEAD_SIZE,
  FrameType,
  type Message,
  MessageType,
  NO_OPTIONS,
  Payload,
  type Receiver,
  type Transport,
  writeFrameHead,
} from "@junctor/protocol";
import { Inbox } from "@junctor/testkit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { WebSocketServer } from "ws";
import { dial } from "./dial.ts";
import { nodeSerializers } from "./encodings.ts";

interface Place extends AsyncDisposable {
  readonly url: string;
  /** The router's end, as soon as there is one. */
  readonly accepted: Inbox<Socket>;
}

/** Answers the handshake; PINGs only if told to. */
async function rawSocketServer(answers: boolean): Promise<Place> {
  const accepted = new Inbox<Socket>();
  const server = createServer((socket) => {
    socket.once("data", () => {
      socket.write(encodeHandshake({ serializer: 1, maxLength: 1 << 24 }));
      socket.on("data", () => {
        if (answers) socket.write(frame(FrameType.Pong));
      });
      accepted.push(socket);
    });
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    accepted,
    [Symbol.asyncDispose]: async () => {
      for (const socket of accepted.all) socket.destroy();
      server.close();
    },
  };
}

async function webSocketServer(answers: boolean): Promise<Place> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", autoPong: answers, handleProtocols: () => "wamp.2.json" });
  await once(server, "listening");
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    accepted: new Inbox(),
    [Symbol.asyncDispose]: async () => {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}

function frame(type: FrameType, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEAD_SIZE + payload.length);
  writeFrameHead(bytes, 0, type, payload.length);
  bytes.set(payload, FRAME_HEAD_SIZE);
  return bytes;
}

async function dialled({ url }: Place): Promise<{ transport: Transport; received: Inbox<Message>; lost: Inbox<string> }> {
  const received = new Inbox<Message>();
  const lost = new Inbox<string>();
  const receiver: Receiver = {
    receive: (message) => received.push(message),
    violated: () => {},
    lost: (reason) => lost.push(reason),
  };
  const json = nodeSerializers.filter(({ name }) => name === "json");
  return { transport: await dial(url, { serializers: json })(receiver), received, lost };
}

const call = (text: string): Message => ({
  type: MessageType.Call,
  request: 1,
  options: NO_OPTIONS,
  procedure: "com.x",
  payload: Payload.of([text]),
});

describe.each([
  ["RawSocket", rawSocketServer],
  ["WebSocket", webSocketServer],
])("over %s", (_name, start) => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  /** Lets seconds pass, with time for the network in each. @returns how many, when the connection was lost */
  async function watch(lost: Inbox<string>, most: number): Promise<number | undefined> {
    for (let second = 1; second <= most; second++) {
      vi.advanceTimersByTime(1_000);
      for (let i = 0; i < 20 && lost.all.length === 0; i++) await new Promise((resolve) => setImmediate(resolve));
      if (lost.all.length > 0) return second;
    }
    return undefined;
  }

  test("a router that is silent is pinged, and left when it stays so (G7)", async () => {
    await using place = await start(false);
    const { lost, transport } = await dialled(place);
    expect(await watch(lost, 60)).toBeGreaterThanOrEqual(30);
    expect(lost.all).toEqual(["timeout.ping"]);
    expect(transport.send(call("gone"))).toBe("closed");
  });

  test("a router that answers is not", async () => {
    await using place = await start(true);
    const { lost, transport } = await dialled(place);
    expect(await watch(lost, 90)).toBeUndefined();
    transport.close("test");
    await lost.next();
  });
});

test("a client goes on reading, however many of its requests wait for the router to read them (G6)", async () => {
  await using place = await rawSocketServer(false);
  const { transport, received, lost } = await dialled(place);
  const router = await place.accepted.next();
  router.pause();
  const text = "x".repeat(1 << 20);
  // More than the kernel takes; each turn one, so that they are written.
  for (let i = 0; i < 24; i++) {
    expect(transport.send(call(text))).toBe("sent");
    await new Promise((resolve) => setImmediate(resolve));
  }
  router.write(frame(FrameType.Message, new TextEncoder().encode('[50,1,{},["answer"]]')));
  expect(await received.next()).toMatchObject({ type: MessageType.Result, payload: { args: ["answer"] } });
  let hasRoom = false;
  const drained = transport.drained?.()?.then(() => {
    hasRoom = true;
  });
  expect(drained).toBeInstanceOf(Promise);
  expect(hasRoom).toBe(false);
  router.resume();
  await drained;
  expect(transport.drained?.()).toBeUndefined();
  transport.close("test");
  await lost.next();
});

test("whoever waits for room is told when the connection goes", async () => {
  await using place = await rawSocketServer(false);
  const { transport, lost } = await dialled(place);
  const router = await place.accepted.next();
  router.pause();
  for (let i = 0; i < 24; i++) {
    transport.send(call("x".repeat(1 << 20)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const drained = transport.drained?.();
  expect(drained).toBeInstanceOf(Promise);
  router.destroy();
  await drained;
  await lost.next();
});
