// A client that asks for much in one breath: small requests in one chunk, with large answers (G6).
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { batchFormatOf, type Message, MessageType, NO_OPTIONS, Payload } from "@junctor/protocol";
import { CODECS, frameOf, joinBatch } from "@junctor/testkit";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import type { Connection, ConnectionObserver } from "./connection.ts";
import { encodingOf, nodeSerializers } from "./encodings.ts";
import { rawFraming, webSocketFraming } from "./framing.ts";
import { type ConnectionLimits, DEFAULT_CONNECTION_LIMITS } from "./limits.ts";
import { listen } from "./listener.ts";
import { RawSocketConnection } from "./rawsocket-connection.ts";
import { WebSocketConnection } from "./websocket-connection.ts";

const KINDS = ["rawsocket", "websocket", "batched websocket"] as const;
type Kind = (typeof KINDS)[number];

/** A connection whose receiver answers each CALL at once. */
class Answering implements AsyncDisposable {
  readonly connection: Connection;
  /** The requests, as they were handled. */
  readonly handled: number[] = [];
  readonly actions: string[] = [];
  readonly peer: Socket;
  readonly #server: ReturnType<typeof createServer>;
  /** Of what waits for the peer after any message. */
  mostQueued = 0;

  private constructor(kind: Kind, server: ReturnType<typeof createServer>, socket: Socket, peer: Socket, limits: ConnectionLimits) {
    this.#server = server;
    this.peer = peer;
    peer.on("error", () => {});
    const [serializer] = nodeSerializers;
    if (serializer === undefined) throw new Error("no serializer");
    const observer: ConnectionObserver = {
      joined: () => {},
      closed: () => {},
      slowConsumer: (_connection, action) => void this.actions.push(action),
    };
    this.connection =
      kind === "rawsocket"
        ? new RawSocketConnection(socket, encodingOf(serializer, rawFraming), limits, observer, undefined, () => 0, 1 << 24, 1 << 24)
        : new WebSocketConnection(
            socket,
            encodingOf(serializer, webSocketFraming("text", kind === "websocket" ? undefined : batchFormatOf(serializer))),
            limits,
            observer,
            undefined,
            () => 0,
          );
    this.connection.receiver = {
      receive: (message) => this.#answer(message),
      violated: (error) => {
        throw error;
      },
      lost: () => {},
    };
  }

  static async of(kind: Kind, limits: Partial<ConnectionLimits> = {}): Promise<Answering> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const peer = connect((server.address() as AddressInfo).port, "127.0.0.1");
    const [socket] = (await once(server, "connection")) as [Socket];
    const all = { ...DEFAULT_CONNECTION_LIMITS, messageSizeBeforeJoin: 1 << 20, bytesBeforeJoin: Number.POSITIVE_INFINITY, ...limits };
    return new Answering(kind, server, socket, peer, all);
  }

  #answer(message: Message): void {
    if (message.type !== MessageType.Call) throw new Error(`a message of type ${message.type}`);
    this.handled.push(message.request);
    this.connection.send({ type: MessageType.Result, request: message.request, details: NO_OPTIONS, payload: ANSWER });
    this.mostQueued = Math.max(this.mostQueued, this.connection.queued);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.peer.destroy();
    this.connection.destroy("test.over");
    this.#server.close();
    await once(this.#server, "close");
  }
}

const ANSWER = Payload.of(["x".repeat(100_000)]);
const COUNT = 500;
const REQUESTS = Array.from({ length: COUNT }, (_, i) => i + 1);

/** CALLs, one behind the other. */
function calls(kind: Kind, requests = REQUESTS): Buffer {
  const messages = requests.map((request) => CODECS.json.encode([48, request, {}, "com.x"]));
  if (kind === "rawsocket") return Buffer.concat(messages.map((call) => frameOf(0, call)));
  return Buffer.concat(kind === "websocket" ? messages.map(maskedFrame) : [maskedFrame(joinBatch(messages, "text"))]);
}

function maskedFrame(payload: Uint8Array): Buffer {
  const length = payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Uint8Array.of(0x81, ...length, 0, 0, 0, 0), payload]);
}

/** The octets of all answers, heads included. */
const WHOLE = REQUESTS.reduce((sum, request) => sum + `[50,${request},{},["${"x".repeat(100_000)}"]]`.length, 0);
const HEAD = { rawsocket: 4, websocket: 10, "batched websocket": 11 };

test.each(KINDS)(
  "over %s a peer that does not read its replies is not heard on, not even from the chunk or the batch at hand",
  async (kind) => {
    await using answering = await Answering.of(kind);
    const { connection, handled, actions } = answering;
    answering.peer.pause();
    (connection as RawSocketConnection | WebSocketConnection).push(calls(kind));
    // Two writes and a backlog, each of the mark and an answer more at most.
    const { replyHighMark } = DEFAULT_CONNECTION_LIMITS;
    expect(answering.mostQueued).toBeLessThanOrEqual(3 * (replyHighMark + 110_000));
    expect(handled.length).toBeLessThanOrEqual(3 * Math.ceil(replyHighMark / 100_000) + 3);
    expect(actions).toEqual([]);
  },
);

test.each(KINDS)("over %s a peer that reads gets every reply, in order, whatever was asked at once", async (kind) => {
  await using answering = await Answering.of(kind);
  const { peer, connection, handled, actions } = answering;
  const whole = WHOLE + COUNT * HEAD[kind];
  const replies = new Promise<Buffer>((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    peer.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= whole) resolve(Buffer.concat(chunks));
    });
  });
  (connection as RawSocketConnection | WebSocketConnection).push(calls(kind));
  const octets = await replies;
  expect(handled).toEqual(REQUESTS);
  expect(octets.length).toBe(whole);
  expect(Array.from(octets.toString("latin1").matchAll(/\[50,(\d+),/g), ([, id]) => Number(id))).toEqual(REQUESTS);
  expect(actions).toEqual([]);
  // And it is read again.
  peer.write(calls(kind, [1]));
  await once(peer, "data");
  expect(handled).toEqual([...REQUESTS, 1]);
});

test("a turn whose messages pass the hard limit ends the session, before the turn is over", async () => {
  await using answering = await Answering.of("rawsocket", { queueHard: 2 << 20 });
  const { connection, actions } = answering;
  answering.peer.pause();
  // EVENTs: not what the peer asked for, so that it does no good not to read it.
  const outcomes = REQUESTS.map((publication) =>
    connection.send({ type: MessageType.Event, subscription: 1, publication, details: {}, payload: ANSWER, encoded: undefined }),
  );
  expect(actions).toEqual(["disconnect"]);
  expect(outcomes.indexOf("closed")).toBeLessThan(100);
  expect(outcomes.slice(outcomes.indexOf("closed")).every((outcome) => outcome === "closed")).toBe(true);
});

test("a turn whose calls pass the hard limit ends nothing: what there is no room for is not taken", async () => {
  await using answering = await Answering.of("rawsocket", { queueHard: 2 << 20 });
  const { connection, actions } = answering;
  answering.peer.pause();
  const outcomes = REQUESTS.map((request) =>
    connection.send({ type: MessageType.Invocation, request, registration: 1, details: {}, payload: ANSWER }),
  );
  expect(actions).toEqual([]);
  expect(outcomes.indexOf("full")).toBeGreaterThan(0);
  expect(outcomes.slice(outcomes.indexOf("full")).every((outcome) => outcome === "full")).toBe(true);
});

test.each([
  ["", "wamp.2.json"],
  [" and in one batch", "wamp.2.json.batched"],
])("with compression%s, too, a peer that reads gets every reply, in order, whatever was asked at once", async (_how, subprotocol) => {
  const asked = 100;
  const payload = Payload.of([randomBytes(75_000).toString("base64")]); // does not get much shorter
  const handled: number[] = [];
  const events: string[] = [];
  let held = 0;
  const listener = await listen({
    kind: "web",
    host: "127.0.0.1",
    port: 0,
    deflate: true,
    limits: { messageSizeBeforeJoin: 1 << 20, bytesBeforeJoin: Number.POSITIVE_INFINITY },
    log: ({ event }) => void events.push(event),
    accept: (connection) => ({
      receive(message) {
        if (message.type !== MessageType.Call) throw new Error(`a message of type ${message.type}`);
        handled.push(message.request);
        connection.send({ type: MessageType.Result, request: message.request, details: NO_OPTIONS, payload });
        held = Math.max(held, connection.queued);
      },
      violated(error) {
        throw error;
      },
      lost() {},
    }),
  });
  const client = new WebSocket(`ws://${listener.address}/ws`, subprotocol);
  const upgraded = once(client, "upgrade") as Promise<[{ socket: Socket }]>;
  await once(client, "open");
  const [response] = await upgraded;
  expect(client.extensions).toBe("permessage-deflate");
  const replies: number[] = [];
  const all = new Promise<void>((resolve) => {
    client.on("message", (data: Buffer) => {
      replies.push(Number(/^\[50,(\d+),/.exec(data.subarray(0, 20).toString())?.[1]));
      if (replies.length === asked) resolve();
    });
  });
  const messages = REQUESTS.slice(0, asked).map((request) => CODECS.json.encode([48, request, {}, "com.x"]));
  response.socket.cork();
  for (const message of subprotocol === "wamp.2.json" ? messages : [joinBatch(messages, "text")]) client.send(message, { binary: false });
  response.socket.uncork();
  await all;
  expect(handled).toEqual(REQUESTS.slice(0, asked));
  expect(replies).toEqual(handled);
  expect(held).toBeLessThan(3 * (DEFAULT_CONNECTION_LIMITS.replyHighMark + 110_000));
  expect(events).not.toContain("slow.consumer");
  client.terminate();
  await listener.close();
});
