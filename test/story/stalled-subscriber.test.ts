// A subscriber that stops reading costs the router its queue limit in memory, and the other subscribers nothing (G5): over
// real sockets, whose kernel takes megabytes before anything shows.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  CODECS,
  connections,
  HELLO,
  Inbox,
  type StoryRouter,
  startRouter,
  TEST_CERTIFICATE,
  type TransportName,
  WirePeer,
} from "@junctor/testkit";
import type { Connection, SlowConsumerPolicy } from "@junctor/transport-node";
import { expect, test } from "vitest";
import { WebSocket } from "ws";

const TOPIC = "town.news";
const QUEUE_HARD = 1 << 20;
const EVENT_SIZE = 32 << 10;
/** Fewer than would make a slow consumer of somebody who reads. */
const AT_ONCE = 8;
/** More than what any kernel buffers for one connection. */
const MOST_ROUNDS = 1_000;
/** What nobody asked for: chunks of the pool of frames, and what Node.js reads into. */
const OVERHEAD = 4 << 20;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes of buffers that something still refers to. */
async function held(): Promise<number> {
  // Buffers that one collection finds to be unused are counted until another has begun.
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().arrayBuffers;
}

/** A subscriber on a socket of its own, which it can stop to read. */
interface Subscriber extends AsyncDisposable {
  readonly connection: Connection;
  stall(): void;
  goOn(): void;
  /** Numbers of the events that it has got. */
  readonly got: Inbox<number>;
}

async function subscriber(router: StoryRouter): Promise<Subscriber> {
  const known = new Set(router.listener.connections);
  const peer = router.url.startsWith("ws") ? await webSocketPeer(router) : await rawPeer(router);
  const [connection] = [...router.listener.connections].filter((each) => !known.has(each));
  if (connection === undefined) throw new Error("the subscriber has no connection");
  return { ...peer, connection };
}

type Peer = Omit<Subscriber, "connection">;

async function rawPeer(router: StoryRouter): Promise<Peer> {
  const peer = await WirePeer.join(router.listener.address);
  const got = new Inbox<number>();
  await peer.subscribe(TOPIC);
  peer.frames.all.length = 0;
  peer.socket.on("data", () => {
    for (const { payload } of peer.frames.all.splice(0)) got.push(numberOf(payload));
  });
  return {
    got,
    stall: () => void peer.socket.pause(),
    goOn: () => void peer.socket.resume(),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

async function webSocketPeer(router: StoryRouter): Promise<Peer> {
  const socket = new WebSocket(router.url, "wamp.2.json", { ca: TEST_CERTIFICATE });
  socket.on("error", () => {}); // `close` follows
  const next = async () => ((await once(socket, "message")) as [Buffer])[0];
  await once(socket, "open");
  socket.send(CODECS.json.encode(HELLO).toString());
  await next();
  socket.send(JSON.stringify([32, 1, {}, TOPIC]));
  await next();
  const got = new Inbox<number>();
  socket.on("message", (data: Buffer) => got.push(numberOf(data)));
  return {
    got,
    stall: () => socket.pause(),
    goOn: () => socket.resume(),
    async [Symbol.asyncDispose]() {
      if (socket.readyState === WebSocket.CLOSED) return;
      socket.terminate();
      await once(socket, "close");
    },
  };
}

function numberOf(event: Uint8Array): number {
  return ((CODECS.json.decode(event) as unknown[])[4] as number[])[0] as number;
}

const cases: [TransportName, SlowConsumerPolicy][] = [
  ["tcp", "disconnect"],
  ["tcp", "drop_newest"],
  ["tcp", "drop_oldest"],
  ["tcp", "conflate"],
  ["ws", "disconnect"],
  ["wss", "disconnect"],
  ["ws deflate", "disconnect"],
];

test.each(cases)(
  "over %s: a subscriber that stops reading costs no more than its queue, and others lose nothing (G5, %s)",
  {
    timeout: 60_000,
  },
  async (transport, slowConsumer) => {
    const connection = connections.find((each) => each.transport === transport && each.serializer === "json");
    if (connection === undefined) throw new Error(`no transport ${transport}`);
    await using router = await startRouter({ connection, limits: { slowConsumer, queueHard: QUEUE_HARD, queueSoft: QUEUE_HARD / 2 } });
    const publisher = await router.join();
    const others = [await router.join(), await router.join()];
    const heard = others.map(() => new Inbox<number>());
    for (const [i, other] of others.entries()) await other.subscribe(TOPIC, ({ args }) => heard[i]?.push(Number(args[0])));
    await using stalled = await subscriber(router);

    // Its queue after each message.
    let most = 0;
    const { send } = stalled.connection;
    stalled.connection.send = (message) => {
      const outcome = send.call(stalled.connection, message);
      most = Math.max(most, stalled.connection.queued);
      return outcome;
    };

    let sent = 0;
    const publish = async () => {
      const value = randomBytes((EVENT_SIZE * 3) / 4).toString("base64"); // which does not get shorter
      for (let i = 0; i < AT_ONCE; i++) void publisher.publish(TOPIC, [sent++, value]);
      await Promise.all(heard.map((each) => each.count(sent)));
    };
    await publish();
    await stalled.got.count(sent);
    const before = await held();
    stalled.stall();
    const isSlow = () => router.log.all.some(({ event }) => event === "slow.consumer");
    for (let round = 0; !isSlow(); round++) {
      if (round > MOST_ROUNDS) throw new Error("the limit of its queue was never reached");
      await publish();
    }
    // As much again as its queue holds, several times over.
    for (let round = 0; round < 24; round++) await publish();

    expect(most).toBeLessThanOrEqual(QUEUE_HARD);
    expect(most).toBeGreaterThan(QUEUE_HARD / 4);
    expect((await held()) - before).toBeLessThanOrEqual(QUEUE_HARD + OVERHEAD);
    for (const each of heard) expect(each.all).toEqual(Array.from({ length: sent }, (_, i) => i));
    const slow = router.log.all.filter(({ event }) => event === "slow.consumer");
    expect(slow).toMatchObject([{ action: slowConsumer }]);
    expect(others.every(({ isOpen }) => isOpen) && publisher.isOpen).toBe(true);

    if (slowConsumer === "disconnect") {
      expect(stalled.connection.queued).toBe(0);
      expect(router.log.all).toContainEqual(expect.objectContaining({ event: "connection.close", reason: "slow_consumer" }));
      return;
    }
    // It goes on: what it gets is in order, what it does not get is counted, and once it has caught up it misses nothing.
    stalled.goOn();
    for (let round = 0; stalled.got.all.at(-1) !== sent - 1; round++) {
      if (round > MOST_ROUNDS) throw new Error("it never caught up");
      await publish();
    }
    const caughtUp = stalled.got.all.length;
    await publish();
    await stalled.got.count(caughtUp + AT_ONCE);
    const { all } = stalled.got;
    expect(all).toEqual([...new Set(all)].sort((a, b) => a - b));
    expect(stalled.connection.dropped).toBeGreaterThan(0);
    expect(all.length + stalled.connection.dropped).toBe(sent);
  },
);
