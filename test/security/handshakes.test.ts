// Strangers that say nothing, or half of something, in great numbers and all at once: they do not keep an honest client out,
// and those who are in notice nothing (T13, T14). Told in counts and in virtual time: no clock is looked at.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { FrameType } from "@junctor/protocol";
import type { AuthenticationAnswer } from "@junctor/router";
import { frameOf, HELLO, realmConfig, type StoryOptions, type StoryRouter, startRouter, type TransportName } from "@junctor/testkit";
import { afterEach, describe, expect, test } from "vitest";

const CROWD = 2_000;
const SHAKEN = "\x7f\xf1\x00\x00";
const hello = Buffer.from(frameOf(FrameType.Message, Buffer.from(JSON.stringify([HELLO[0], "slow", HELLO[2]])))).toString("latin1");
const upgrade =
  "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n";

interface Stuck {
  readonly transport: TransportName;
  readonly says: string;
  /** What it says further, an octet a second: that prolongs nothing. */
  readonly drips?: string;
  /** How it ends, and after how long. TLS has a timer of its own, which is no virtual one. */
  readonly reason?: string;
  readonly ms?: number;
}

/** As far as a stranger gets before it falls silent. */
const STUCK: Readonly<Record<string, Stuck>> = {
  "before the first octet": { transport: "tcp", says: "", reason: "timeout.handshake", ms: 5_000 },
  "in TLS": { transport: "wss", says: "\x16\x03\x01\x02\x00\x01" },
  "in a RawSocket handshake": { transport: "tcp", says: "\x7f", drips: "\xf1\x00", reason: "timeout.handshake", ms: 5_000 },
  "in the headers": {
    ...{ transport: "ws", says: "GET /ws HTTP/1.1\r\nHost: local", drips: "host", reason: "timeout.handshake", ms: 5_000 },
  },
  "before HELLO": { transport: "tcp", says: SHAKEN, reason: "timeout.hello", ms: 5_000 },
  "before HELLO, on a WebSocket": { transport: "ws", says: upgrade, reason: "timeout.hello", ms: 5_000 },
  "in HELLO": {
    ...{ transport: "tcp", says: SHAKEN + hello.slice(0, 20), drips: hello.slice(20, 24), reason: "timeout.hello", ms: 5_000 },
  },
  "before AUTHENTICATE": { transport: "tcp", says: SHAKEN + hello, reason: "timeout.join", ms: 10_000 },
};

const crowd: Socket[] = [];
afterEach(() => {
  for (const socket of crowd.splice(0)) socket.destroy();
});

/** Connects from an address of the loopback network. */
function stranger({ listener }: StoryRouter, localAddress: string, says: string): Socket {
  const socket = connectTcp({ host: "127.0.0.1", port: listener.port, localAddress });
  socket.on("error", () => {});
  socket.resume();
  if (says !== "") socket.write(says, "latin1");
  crowd.push(socket);
  return socket;
}

/** All of them, before the router has accepted any: as many at once as the system's queue holds, which tries others again much later. */
async function strangers(router: StoryRouter, addressOf: (i: number) => string, says: string): Promise<void> {
  const room = Math.min(CROWD, Number(readFileSync("/proc/sys/net/core/somaxconn", "utf8")) >> 1);
  for (let i = 0; i < CROWD; i += room) {
    const group = Array.from({ length: Math.min(room, CROWD - i) }, (_, j) => stranger(router, addressOf(i + j), says));
    if (room < CROWD) await Promise.all(group.map((socket) => !socket.connecting || once(socket, "connect")));
  }
}

const challenging = (_: unknown, answer: (outcome: AuthenticationAnswer) => void) =>
  answer({ kind: "challenge", authmethod: "test", extra: {}, verify: () => {} });

const start = (transport: TransportName, limits: StoryOptions["limits"] = {}, more: StoryOptions["listen"] = {}) =>
  startRouter({
    connection: { name: transport, transport, serializer: "json" },
    realms: [realmConfig("realm1"), { ...realmConfig("slow"), authenticate: challenging }],
    limits: { limitLoopback: true, newPerAddress: CROWD, ...limits },
    listen: more,
  });

/** How many the log says were refused or ended for a reason. */
const ended = ({ log }: StoryRouter, reason: string) => log.all.filter((entry) => "reason" in entry && entry.reason === reason).length;

/** Waits for so many of them. */
async function endings(router: StoryRouter, reason: string, count: number): Promise<void> {
  while (ended(router, reason) < count) await router.log.next();
  expect(ended(router, reason)).toBe(count);
}

const closings = () => Promise.all(crowd.map((socket) => socket.closed || once(socket, "close")));

// Linux has all of 127.0.0.0/8; elsewhere there is one address to come from.
describe.skipIf(process.platform !== "linux")(`${CROWD} strangers`, () => {
  test.each(Object.entries(STUCK))(
    "of one address: 32 of them are let wait, the others are refused at once, and an honest client joins (stuck %s)",
    async (_where, { transport, says, drips = "", reason, ms = 0 }) => {
      await using router = await start(transport);
      await strangers(router, () => "127.0.0.2", says);
      await using honest = await router.join();
      await endings(router, "limit.unjoinedPerAddress", CROWD - 32);
      if (reason === undefined) return;
      for (const octet of drips) {
        for (const socket of crowd) if (socket.writable) socket.write(octet, "latin1");
        await honest.call("wamp.session.count"); // what was written before has arrived
        router.advance(1_000);
      }
      router.advance(ms - 1_000 * drips.length - 1);
      expect(ended(router, reason)).toBe(0);
      router.advance(1);
      router.advance(2_000); // closeTimeout: they answer no CLOSE frame either
      await endings(router, reason, 32);
      expect(honest.isOpen).toBe(true);
    },
  );

  test.each(Object.entries(STUCK).filter(([where]) => /before (the first octet|HELLO|AUTHENTICATE)$/.test(where)))(
    "of as many addresses: an honest client joins beside them, and they are gone in time (stuck %s)",
    async (_where, { transport, says, reason = "", ms = 0 }) => {
      await using router = await start(transport);
      await strangers(router, (i) => `127.1.${i >> 8}.${i & 0xff}`, says);
      await using honest = await router.join();
      // It came last: all of them are accepted by now. What they wrote has arrived when a second answer has.
      await honest.call("wamp.session.count");
      expect(router.log.all.filter((entry) => entry.event.startsWith("connection."))).toEqual([]);
      const gone = closings();
      router.advance(ms);
      router.advance(2_000);
      await gone;
      expect([ended(router, reason), honest.isOpen]).toEqual([CROWD, true]);
    },
  );

  test("who come all at once do not keep those waiting who are in: an answer is there before half of them are accepted", async () => {
    await using router = await start("tcp");
    await using member = await router.join();
    await strangers(router, () => "127.0.0.2", "");
    await member.call("wamp.session.count");
    expect(ended(router, "limit.unjoinedPerAddress")).toBeLessThan(CROWD / 2);
    await endings(router, "limit.unjoinedPerAddress", CROWD - 32);
  });

  test.each(["tcp", "tls"] as const)(
    "who come and go at once are refused before any handshake once an address has used up its rate (%s)",
    async (transport) => {
      await using router = await start(transport, { newPerAddress: 10 });
      const comeAndGo = async (count: number) => {
        for (let i = 0; i < count; i++) {
          const socket = stranger(router, "127.0.0.2", "neither\r\n");
          await once(socket, "close");
        }
      };
      await comeAndGo(120);
      expect(ended(router, "limit.newPerAddress")).toBe(20);
      expect(ended(router, transport === "tls" ? "tls" : "framing")).toBe(100);
      await using honest = await router.join();
      router.advance(1_000);
      await comeAndGo(20);
      expect([ended(router, "limit.newPerAddress"), honest.isOpen]).toEqual([30, true]);
    },
  );
});
