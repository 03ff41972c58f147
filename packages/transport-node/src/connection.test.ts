// One connection whose peer reads when the test says so: what waits, what is dropped, what is counted, and how it ends.
import { once } from "node:events";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { type Event, FRAME_HEAD_SIZE, FrameParser, FrameType, type Message, MessageType, NO_OPTIONS, Payload } from "@junctor/protocol";
import { frameOf } from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import { costOf } from "./backlog.ts";
import type { ConnectionObserver } from "./connection.ts";
import type { Encoding } from "./encoding.ts";
import { encodingOf, nodeSerializers } from "./encodings.ts";
import { rawFraming, webSocketFraming } from "./framing.ts";
import { type ConnectionLimits, DEFAULT_CONNECTION_LIMITS, type SlowConsumerPolicy } from "./limits.ts";
import { RawSocketConnection } from "./rawsocket-connection.ts";

/** A socket whose kernel takes what is written while the valve is open, and holds one write while it is shut. */
class Valve extends Duplex {
  readonly written: Buffer[] = [];
  #isOpen = true;
  #held: (() => void) | undefined = undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#take([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    const all = chunks.map(({ chunk }) => chunk);
    this.#take(all, done);
  }

  #take(chunks: Buffer[], done: () => void): void {
    const take = () => {
      this.written.push(...chunks);
      done();
    };
    if (this.#isOpen) take();
    else this.#held = take;
  }

  shut(): void {
    this.#isOpen = false;
  }

  /** The kernel takes the write that it held back, and with `one` no other. */
  open(one = false): void {
    this.#isOpen = !one;
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }
}

interface Rig {
  readonly socket: Valve;
  readonly connection: RawSocketConnection;
  readonly received: Message[];
  /** What the observer was told: `slow drop_oldest`, `closed timeout.ping`. */
  readonly told: string[];
  readonly time: { now: number };
}

const [json] = nodeSerializers;

function rig(limits: Partial<ConnectionLimits> = {}, peerLength = 1 << 24, encoding?: Encoding): Rig {
  if (json === undefined) throw new Error("no serializer");
  const told: string[] = [];
  const observer: ConnectionObserver = {
    joined: () => {},
    closed: (_connection, reason) => void told.push(`closed ${reason}`),
    slowConsumer: (_connection, action) => void told.push(`slow ${action}`),
  };
  const socket = new Valve({ allowHalfOpen: false });
  const time = { now: 0 };
  const connection = new RawSocketConnection(
    socket as unknown as Socket,
    encoding ?? encodingOf(json, rawFraming),
    { ...DEFAULT_CONNECTION_LIMITS, ...limits },
    observer,
    undefined,
    () => time.now,
    1 << 20,
    peerLength,
  );
  const made: Rig = { socket, connection, received: [], told, time };
  made.connection.receiver = { receive: (message) => void made.received.push(message), violated: () => {}, lost: () => {} };
  return made;
}

/** Past the end of the turn, and past what follows from its writes. */
async function turn(count = 2): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

const event = (value: unknown, subscription = 1, topic?: string): Event => ({
  type: MessageType.Event,
  subscription,
  publication: 1,
  details: topic === undefined ? NO_OPTIONS : { topic },
  payload: Payload.of([value]),
  encoded: undefined,
});
const result = (request: number, value: unknown = ""): Message => ({
  type: MessageType.Result,
  request,
  details: NO_OPTIONS,
  payload: Payload.of([value]),
});
const invocation = (request: number, value: unknown): Message => ({
  type: MessageType.Invocation,
  request,
  registration: 1,
  details: NO_OPTIONS,
  payload: Payload.of([value]),
});

const interrupt = (request: number): Message => ({ type: MessageType.Interrupt, request, options: {} });

/** What the peer has got, as short texts: `e1` an event with the value 1, `r2` the result of request 2, `pong`. */
function got(socket: Valve): string[] {
  const texts: string[] = [];
  new FrameParser(1 << 24).push(Buffer.concat(socket.written), {
    frame: (type, bytes, start, end) => {
      if (type !== FrameType.Message) {
        texts.push(type === FrameType.Ping ? "ping" : "pong");
        return;
      }
      const message = JSON.parse(Buffer.from(bytes.subarray(start, end)).toString()) as unknown[];
      const value = (message.at(-1) as unknown[])[0];
      texts.push(message[0] === 36 ? `e${String(value).trim()}` : message[0] === 50 ? `r${String(message[1])}` : `m${String(message[0])}`);
    },
  });
  return texts;
}

/** Shuts the valve and hands over what shows that the peer does not read: two turns' output. */
async function stall({ socket, connection }: Rig): Promise<void> {
  socket.shut();
  for (const value of ["first", "second"]) {
    connection.send(event(value));
    await turn();
  }
}

describe("while the peer keeps up", () => {
  test("a turn's output is one write, in the order of sending, own and shared frames alike", async () => {
    const { socket, connection } = rig();
    const shared = [event(1), event(2), event(3)];
    const other = rig();
    for (const each of shared) other.connection.send(each);
    connection.send(result(1));
    connection.send(shared[0] as Event);
    connection.send(shared[1] as Event);
    connection.send(result(2));
    connection.send(result(3));
    connection.send(shared[2] as Event);
    expect(socket.written).toEqual([]);
    await turn();
    expect(got(socket)).toEqual(["r1", "e1", "e2", "r2", "r3", "e3"]);
    expect(got(other.socket)).toEqual(["e1", "e2", "e3"]);
  });

  test("connections that are sent the same events in a turn are handed the same bytes", async () => {
    const rigs = [rig(), rig(), rig()];
    const own = event("own");
    const shared = [event(1), event(2)];
    rigs[2]?.connection.send(own);
    for (const each of shared) for (const { connection } of rigs) connection.send(each);
    await turn();
    const [a, b, c] = rigs.map(({ socket }) => socket.written[0]);
    expect(a?.buffer).toBe(b?.buffer);
    expect(a?.byteOffset).toBe(b?.byteOffset);
    expect(c?.length).toBeGreaterThan(a?.length ?? 0);
    expect(rigs.map(({ socket }) => got(socket))).toEqual([
      ["e1", "e2"],
      ["e1", "e2"],
      ["eown", "e1", "e2"],
    ]);
  });

  test("what lies in the pool unflushed survives what others are sent, new chunks included", async () => {
    const [a, b] = [rig(), rig()];
    const large = "x".repeat(600_000);
    const expected: string[] = [];
    for (let i = 0; i < 8; i++) {
      a.connection.send(result(i, large));
      b.connection.send(result(i));
      a.connection.send(event(i));
      // What is too long, or has no form, takes its place in the pool back.
      rig({}, 512).connection.send(result(i, "y".repeat(1_000)));
      b.connection.send({ ...result(99), payload: Payload.of(["\u0000not in JSON"]) } as Message);
      expected.push(`r${i}`, `e${i}`);
    }
    await turn();
    expect(got(a.socket)).toEqual(expected);
    expect(got(b.socket)).toEqual(expected.filter((text) => text.startsWith("r")));
  });

  test.each(
    nodeSerializers.flatMap((serializer) => [rawFraming, webSocketFraming(serializer.frame)].map((framing) => ({ serializer, framing }))),
  )("long payloads leave between what is before and behind them ($serializer.name, $framing.name)", async ({ serializer, framing }) => {
    const { socket, connection } = rig({}, 1 << 24, encodingOf(serializer, framing));
    const values = ["a", "b".repeat(32_000), "c".repeat(40_000), "d", "e".repeat(70_000), "f".repeat(70_000)];
    const messages = values.flatMap((value, i) => [result(i, value), invocation(i, value), ...(i % 2 === 0 ? [event(value)] : [])]);
    for (const message of messages) expect(connection.send(message)).toBe("sent");
    const expected = messages.flatMap((message) => {
      const bytes = serializer.encode(message);
      const head = new Uint8Array(framing.headSize(bytes.length));
      framing.writeHead(head, 0, bytes.length, false);
      return [head, bytes];
    });
    await turn();
    expect(Buffer.concat(socket.written).equals(Buffer.concat(expected))).toBe(true);
  });

  test("a write that takes its time, as every one over TLS does, keeps nothing back", async () => {
    const { socket, connection, told } = rig({ queueHard: 10 });
    for (let i = 0; i < 5; i++) {
      socket.shut();
      connection.send(result(i));
      await turn(1);
      socket.open();
    }
    await turn();
    expect(got(socket)).toEqual(["r0", "r1", "r2", "r3", "r4"]);
    expect(told).toEqual([]);
  });
});

describe("while the peer does not read", () => {
  test("frames wait, and leave in order when it goes on, however small they are", async () => {
    const made = rig();
    await stall(made);
    const expected = ["efirst", "esecond"];
    for (let i = 0; i < 50; i++) {
      expect(made.connection.send(i % 3 === 0 ? result(i) : event(i))).toBe("sent");
      expected.push(i % 3 === 0 ? `r${i}` : `e${i}`);
      if (i % 10 === 0) await turn();
    }
    expect(got(made.socket)).toEqual([]);
    made.socket.open();
    await turn(4);
    made.connection.send(result(99));
    await turn();
    expect(got(made.socket)).toEqual([...expected, "r99"]);
    expect(made.connection.queued).toBe(0);
  });

  test("it costs its own queue: the bytes of an event that many wait for are kept once, and not the pool's chunk", async () => {
    const rigs = [rig(), rig()];
    await Promise.all(rigs.map(stall));
    const before = rigs.map(({ connection }) => connection.queued);
    const each = event("x".repeat(1_000));
    for (const { connection } of rigs) connection.send(each);
    const length = Buffer.byteLength(JSON.stringify([36, 1, 1, {}, ["x".repeat(1_000)]])) + FRAME_HEAD_SIZE;
    expect(rigs.map(({ connection }, i) => connection.queued - (before[i] as number))).toEqual(
      [length, length].map((n) => costOf(new Uint8Array(n))),
    );
    for (const { socket } of rigs) socket.open();
    await turn(4);
    const [a, b] = rigs.map(({ socket }) => socket.written.at(-1) as Buffer);
    expect(a?.buffer).toBe(b?.buffer);
    expect(a?.buffer.byteLength).toBe(length);
  });

  test("above queueHard it is cut at once, by default, and what was to come is not kept (G5)", async () => {
    const made = rig({ queueHard: 10_000, queueSoft: 1_000 });
    await stall(made);
    const outcomes = Array.from({ length: 20 }, (_, i) => made.connection.send(event("x".repeat(1_000), i)));
    expect(outcomes.filter((outcome) => outcome === "sent").length).toBe(8);
    expect(outcomes.slice(8)).toEqual(new Array(12).fill("closed"));
    await once(made.socket, "close");
    expect(made.told).toEqual(["slow disconnect", "closed slow_consumer"]);
    expect(got(made.socket)).toEqual([]);
  });

  test("calls leave room for what it must get, also above queueSoft, and end nothing (G5)", async () => {
    const made = rig({ queueHard: 10_000, queueSoft: 2_000 });
    await stall(made);
    const call = (_: unknown, i: number) => made.connection.send(invocation(i + 1, "x".repeat(1_000)));
    const outcomes = Array.from({ length: 20 }, call);
    expect(outcomes.indexOf("full")).toBeGreaterThan(3);
    expect(made.connection.queued).toBeLessThan(7_500);
    expect(made.connection.send(event("x".repeat(1_000)))).toBe("sent");
    expect(made.connection.send(interrupt(1))).toBe("sent");
    made.socket.open();
    await turn(4);
    expect(call(undefined, 20)).toBe("sent");
    await stall(made);
    Array.from({ length: 4 }, call);
    made.connection.tick(1_000); // above the soft limit at a tick: no more until it has caught up
    expect(call(undefined, 30)).toBe("full");
    expect(made.told).toEqual([]);
  });

  test("progressive results leave room for what it must get, their call's error among it, and end nothing (T33)", async () => {
    const made = rig({ queueHard: 10_000, queueSoft: 2_000 });
    await stall(made);
    const result = (details: object) =>
      made.connection.send({ type: MessageType.Result, request: 1, details, payload: Payload.of(["x".repeat(1_000)]) });
    const outcomes = Array.from({ length: 20 }, () => result({ progress: true }));
    expect(outcomes.indexOf("full")).toBeGreaterThan(3);
    expect(made.connection.queued).toBeLessThan(7_500);
    expect(result(NO_OPTIONS)).toBe("sent");
    made.socket.open();
    await turn(4);
    expect(result({ progress: true })).toBe("sent");
    expect(made.told).toEqual([]);
  });

  test("EVENTs that may be dropped take no room from calls", async () => {
    const made = rig({ slowConsumer: "drop_newest", queueHard: 10_000, queueSoft: 2_000 });
    await stall(made);
    for (let i = 0; i < 20; i++) made.connection.send(event("x".repeat(1_000), i));
    expect(made.connection.send(invocation(1, "x".repeat(1_000)))).toBe("sent");
  });

  test.each(["disconnect", "drop_newest", "drop_oldest", "conflate"] as const)(
    "what one turn gathers counts, too, before the turn is over (G5, %s)",
    async (slowConsumer) => {
      const made = rig({ slowConsumer, queueHard: 10_000, queueSoft: 5_000 });
      made.socket.shut();
      let most = 0;
      const outcomes = Array.from({ length: 30 }, (_, i) => {
        const outcome = made.connection.send(event("x".repeat(1_000), i));
        most = Math.max(most, made.connection.queued);
        return outcome;
      });
      expect(most).toBeGreaterThan(5_000);
      expect(most).toBeLessThanOrEqual(10_000);
      expect(made.told).toEqual([`slow ${slowConsumer}`]);
      const left = outcomes.filter((outcome) => outcome !== "sent").length;
      if (slowConsumer === "disconnect") expect(outcomes.slice(-left)).toEqual(new Array(left).fill("closed"));
      else expect(made.connection.dropped).toBeGreaterThan(15);
    },
  );

  test.each(["backlog", "socket"])(
    "above queueSoft for queueSoftTime it is cut, and not before (its bytes wait in the %s)",
    async (where) => {
      const made = rig({ queueSoft: 1_000, queueSoftMs: 10_000, pingIntervalMs: 1e9 });
      const { socket, connection, told } = made;
      if (where === "backlog") await stall(made);
      else socket.shut();
      connection.send(event("x".repeat(2_000)));
      await turn();
      for (let ms = 0; ms <= 9_000; ms += 1_000) connection.tick(ms);
      expect(told).toEqual([]);
      socket.open();
      await turn(4);
      // It has caught up: the time counts from the beginning.
      connection.tick(10_000);
      await stall(made);
      connection.send(event("x".repeat(2_000)));
      for (let ms = 11_000; ms <= 20_000; ms += 1_000) connection.tick(ms);
      expect(told).toEqual([]);
      connection.tick(21_000);
      await once(socket, "close");
      expect(told).toEqual(["slow disconnect", "closed slow_consumer"]);
    },
  );

  describe.each(["drop_newest", "drop_oldest", "conflate"] as const)("%s", (slowConsumer: SlowConsumerPolicy) => {
    const limits = { slowConsumer, queueSoft: 5_000, queueHard: 10_000, replyHighMark: 1e9 };

    test("drops EVENTs and nothing else, keeps under the hard limit, and tells so once", async () => {
      const made = rig(limits);
      const { socket, connection, told } = made;
      await stall(made);
      const sent: string[] = [];
      let dropped = 0;
      for (let i = 0; i < 200; i++) {
        if (i % 20 === 0) {
          expect(connection.send(result(i))).toBe("sent");
          sent.push(`r${i}`);
        }
        // Three topics by turns.
        const outcome = connection.send(event(`${i}${" ".repeat(200)}`, i % 3));
        expect(["sent", "dropped"]).toContain(outcome);
        if (outcome === "dropped") dropped++;
        sent.push(`e${i}`);
        expect(connection.queued).toBeLessThanOrEqual(limits.queueHard);
      }
      expect(told).toEqual([`slow ${slowConsumer}`]);
      socket.open();
      await turn(4);
      const arrived = got(socket).slice(2);
      expect(arrived).toEqual(sent.filter((text) => arrived.includes(text))); // in order
      expect(arrived.filter((text) => text.startsWith("r")).length).toBe(10);
      expect(connection.dropped).toBe(sent.length - arrived.length);
      const events = arrived.filter((text) => text.startsWith("e"));
      if (slowConsumer === "drop_newest") {
        expect(events).toEqual(events.map((_, i) => `e${i}`));
        expect(dropped).toBeLessThanOrEqual(connection.dropped);
      } else {
        expect(events.at(-1)).toBe("e199");
        expect(dropped).toBe(0);
      }
      // The topics' last values are there, once each.
      if (slowConsumer === "conflate") expect(events.slice(-3)).toEqual(["e197", "e198", "e199"]);
      // It has caught up: nothing is dropped any more.
      const { dropped: before } = connection;
      await stall(made);
      socket.open();
      await turn(4);
      expect([got(socket).slice(-2), connection.dropped]).toEqual([["efirst", "esecond"], before]);
    });

    test("above queueSoft for queueSoftTime dropping begins, too", async () => {
      const made = rig({ ...limits, queueHard: 1e6, pingIntervalMs: 1e9 });
      await stall(made);
      for (let i = 0; i < 30; i++) made.connection.send(event(`${i}${" ".repeat(200)}`));
      for (let ms = 0; ms <= 10_000; ms += 1_000) made.connection.tick(ms);
      expect(made.told).toEqual([`slow ${slowConsumer}`]);
      const { queued } = made.connection;
      for (let i = 30; i < 100; i++) made.connection.send(event(`${i}${" ".repeat(200)}`));
      expect(made.connection.dropped).toBeGreaterThan(30);
      expect(made.connection.queued).toBeLessThanOrEqual(queued + 1_000);
    });

    test("replies that find no room end the session (G5)", async () => {
      const made = rig(limits);
      await stall(made);
      const outcomes = Array.from({ length: 60 }, (_, i) => made.connection.send(result(i, "x".repeat(200))));
      expect(outcomes.at(-1)).toBe("closed");
      expect(outcomes.filter((outcome) => outcome === "dropped")).toEqual([]);
      await once(made.socket, "close");
      expect(made.told.slice(-2)).toEqual(["slow disconnect", "closed slow_consumer"]);
    });
  });

  test.each(["drop_oldest", "conflate"] as const)(
    "%s makes room for a reply by dropping EVENTs, also those that fill the queue to its end",
    async (slowConsumer) => {
      const made = rig({ slowConsumer, queueSoft: 5_000, queueHard: 10_000 });
      await stall(made);
      for (let i = 0; made.connection.queued < 9_900; i++)
        made.connection.send(event(" ".repeat(Math.min(500, 9_700 - made.connection.queued)), i));
      expect(made.told).toEqual([]);
      expect(made.connection.send(result(1, "x".repeat(300)))).toBe("sent");
      expect(made.connection.dropped).toBeGreaterThan(0);
      expect(made.told).toEqual([`slow ${slowConsumer}`]);
    },
  );

  test("conflate keeps the last value of a rare topic while a busy one is conflated", async () => {
    const made = rig({ slowConsumer: "conflate", queueSoft: 5_000, queueHard: 10_000 });
    await stall(made);
    made.connection.send(event("rare", 7));
    for (let i = 0; i < 500; i++) made.connection.send(event(`${i}${" ".repeat(200)}`, 8));
    made.connection.send(event("new", 9)); // of a topic that has none to replace
    made.connection.send(event("a", 10, "by.pattern.a")); // one subscription, two topics
    made.connection.send(event("b", 10, "by.pattern.b"));
    made.socket.open();
    await turn(4);
    expect(got(made.socket).slice(2)).toEqual(["erare", "e499", "enew", "ea", "eb"]);
  });
});

describe("a peer that does not take the replies to its own requests (G6)", () => {
  const limits = { replyHighMark: 10_000, queueSoft: 1e6, queueHard: 1e7 };
  const fill = ({ connection }: Rig, message: (i: number) => Message) => {
    for (let i = 0; i < 30; i++) connection.send(message(i));
  };

  test("is not read until it has taken half of what was above the mark", async () => {
    const made = rig(limits);
    const { socket, connection, received } = made;
    await stall(made);
    fill(made, (i) => result(i, "x".repeat(500)));
    expect(socket.isPaused()).toBe(true);
    socket.push(frameOf(FrameType.Message, Buffer.from('[48,1,{},"a.b"]')));
    await turn();
    expect(received).toEqual([]);
    socket.open();
    await turn(4);
    expect(socket.isPaused()).toBe(false);
    expect(received).toMatchObject([{ type: MessageType.Call }]);
    expect(connection.queued).toBe(0);
  });

  test.each([
    ["events", (i: number) => event("x".repeat(500), i)],
    ["invocations", (i: number) => invocation(i, "x".repeat(500))],
  ])("is read as before where what waits are %s, which it did not ask for", async (_what, message) => {
    const made = rig(limits);
    await stall(made);
    fill(made, message);
    expect(made.socket.isPaused()).toBe(false);
    made.socket.push(frameOf(FrameType.Message, Buffer.from("[70,1,{}]")));
    await turn();
    expect(made.received).toMatchObject([{ type: MessageType.Yield }]);
  });

  test("PINGs that it sends count, and are answered when it reads (TRN-RAW-10)", async () => {
    const made = rig(limits);
    await stall(made);
    made.socket.push(Buffer.concat(Array.from({ length: 30 }, () => frameOf(FrameType.Ping, new Uint8Array(500)))));
    await turn();
    expect(made.socket.isPaused()).toBe(true);
    made.socket.open();
    await turn(4);
    expect(got(made.socket).filter((text) => text === "pong").length).toBe(30);
    expect(made.socket.isPaused()).toBe(false);
  });

  test("is not cut for its silence while it takes something, and is when it takes nothing (G7)", async () => {
    const made = rig({ ...limits, pingIntervalMs: 20_000, pingTimeoutMs: 10_000, queueSoftMs: 1e9 });
    const { socket, connection, told } = made;
    await stall(made);
    for (let i = 0; i < 120; i++) connection.send(result(i, "x".repeat(40_000)));
    expect(socket.isPaused()).toBe(true);
    let second = 0;
    for (; second < 300; second++) {
      connection.tick(second * 1_000);
      if (second % 20 === 19) socket.open(true); // takes a portion of 256 KiB, and stops again
      await turn();
    }
    expect(told).toEqual([]);
    for (; second < 350 && told.length === 0; second++) {
      connection.tick(second * 1_000);
      await turn();
    }
    expect(told).toEqual(["closed timeout.ping"]);
  });
});

describe("liveness", () => {
  test("a silent peer is pinged after pingInterval and cut after pingTimeout; any octet is a sign of life (G7)", async () => {
    const { socket, connection, told } = rig();
    for (let ms = 0; ms < 20_000; ms += 1_000) connection.tick(ms);
    await turn();
    expect(got(socket)).toEqual([]);
    connection.tick(20_000);
    await turn();
    expect(got(socket)).toEqual(["ping"]);
    socket.push(frameOf(FrameType.Pong, new Uint8Array(0)));
    await turn();
    for (let ms = 21_000; ms < 41_000; ms += 1_000) connection.tick(ms);
    await turn();
    expect(got(socket)).toEqual(["ping"]);
    connection.tick(41_000);
    for (let ms = 42_000; ms < 51_000; ms += 1_000) connection.tick(ms);
    await turn();
    expect([got(socket), told]).toEqual([["ping", "ping"], []]);
    connection.tick(51_000);
    await once(socket, "close");
    expect(told).toEqual(["closed timeout.ping"]);
  });
});

describe("the end", () => {
  test("close sends what waits, then nothing, and waits for the peer no longer than closeTimeout", async () => {
    const made = rig({ closeTimeoutMs: 2_000 });
    const { socket, connection, told } = made;
    await stall(made);
    connection.send(event("waiting"));
    made.time.now = 5_000;
    connection.close("wamp.close.close_realm");
    expect(connection.send(event("late"))).toBe("closed");
    connection.close("again");
    socket.open();
    await turn(4);
    expect(got(socket)).toEqual(["efirst", "esecond", "ewaiting"]);
    expect(socket.writableEnded).toBe(true);
    connection.tick(6_000);
    expect(socket.destroyed).toBe(false);
    connection.tick(7_000);
    await once(socket, "close");
    expect(told).toEqual(["closed wamp.close.close_realm"]);
  });

  test("close while the peer is not read, too, hears the peer's end", async () => {
    const made = rig({ replyHighMark: 100 });
    await stall(made);
    made.connection.send(result(1, "x".repeat(200)));
    expect(made.socket.isPaused()).toBe(true);
    made.connection.close("closed");
    expect(made.socket.isPaused()).toBe(false);
    made.socket.push(null);
    made.socket.open();
    await once(made.socket, "close");
    expect(made.told).toEqual(["closed closed"]);
  });

  test.each(["destroy", "error", "end"])("nothing is written after the end, and nothing thrown (%s)", async (how) => {
    const { socket, connection, told } = rig();
    connection.send(result(1));
    connection.send(event(1));
    if (how === "destroy") connection.destroy("test.cut");
    else if (how === "error") socket.destroy(Object.assign(new Error("reset"), { code: "ECONNRESET" }));
    else {
      socket.push(null);
      await new Promise(process.nextTick);
    }
    await turn();
    if (!socket.closed) await once(socket, "close");
    expect(["closed", "closed"]).toEqual([connection.send(result(2)), connection.send(event(2))]);
    await turn();
    expect(told).toEqual([{ destroy: "closed test.cut", error: "closed transport.error.ECONNRESET", end: "closed transport.closed" }[how]]);
    expect(got(socket).length).toBeLessThanOrEqual(how === "end" ? 2 : 0);
  });

  test("a write that fails ends the connection, whatever waits", async () => {
    const made = rig();
    await stall(made);
    made.connection.send(event("waiting"));
    made.socket.destroy(Object.assign(new Error("broken pipe"), { code: "EPIPE" }));
    await turn();
    expect(made.told).toEqual(["closed transport.error.EPIPE"]);
  });
});

describe("the longest message that the peer takes (TRN-RAW-07, AMB-67)", () => {
  const lengthOf = (message: Message) => {
    const { socket, connection } = rig();
    connection.send(message);
    connection.flush();
    return Buffer.concat(socket.written).length - FRAME_HEAD_SIZE;
  };

  test.each([
    ["an answer", result],
    ["an event", (_request: number, value: unknown) => event(value)],
  ])("%s of just that length is sent, and a longer one is not", (_what, message: (request: number, value: unknown) => Message) => {
    const fits = "x".repeat(512 - lengthOf(message(1, "")));
    const { socket, connection } = rig({}, 512);
    expect(connection.send(message(1, fits))).toBe("sent");
    expect(connection.send(message(1, `${fits}x`))).toBe("too-large");
    expect(connection.send(message(1, fits))).toBe("sent");
    connection.flush();
    expect(Buffer.concat(socket.written).length).toBe(2 * (512 + FRAME_HEAD_SIZE));
  });

  test("an error of the program's is thrown, where nobody asks to be told (T45)", () => {
    const { connection } = rig();
    connection.receiver = {
      receive: () => {
        throw new Error("a bug");
      },
      violated: () => {},
      lost: () => {},
    };
    expect(() => connection.push(frameOf(FrameType.Message, Buffer.from("[70,1,{}]")))).toThrow("a bug");
  });

  test("a WELCOME that is not sent raises no limit (AMB-67)", () => {
    const { connection } = rig({}, 512);
    const features = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`feature_${i}`, true]));
    expect(connection.send({ type: MessageType.Welcome, session: 1, details: { roles: { broker: { features } } } })).toBe("too-large");
    expect(connection.hasJoined).toBe(false);
  });
});
