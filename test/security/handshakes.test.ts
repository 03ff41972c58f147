// Strangers that say nothing, or half of something, in great numbers: they do not keep an honest client out (T13, T14).
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { type StoryRouter, startRouter, type TransportName } from "@junctor/testkit";
import { afterEach, describe, expect, test } from "vitest";

const CROWD = 2_000;
/** As far as a stranger gets before it falls silent. */
const HALF = { ws: "GET /ws HTTP/1.1\r\nHost: local", wss: "\x16\x03\x01\x02\x00\x01", tcp: "\x7f\xf1" } as const;

const crowd: Socket[] = [];
afterEach(() => {
  for (const socket of crowd.splice(0)) socket.destroy();
});

/** Connects from an address of the loopback network. */
function stranger({ listener }: StoryRouter, localAddress: string, says: string): Socket {
  const socket = connectTcp({ host: "127.0.0.1", port: listener.port, localAddress });
  socket.on("error", () => {});
  socket.resume();
  socket.write(says, "latin1");
  crowd.push(socket);
  return socket;
}

/** All of them, in groups that the system's queue of connections holds: what does not fit there is sent again seconds later. */
async function strangers(router: StoryRouter, addressOf: (i: number) => string, says: string): Promise<void> {
  for (let i = 0; i < CROWD; i += GROUP) {
    const group = Array.from({ length: GROUP }, (_, j) => stranger(router, addressOf(i + j), says));
    await Promise.all(group.map((socket) => !socket.connecting || Promise.race([once(socket, "connect"), once(socket, "close")])));
  }
}

const GROUP = 250;

const start = (transport: TransportName) =>
  startRouter({ connection: { name: transport, transport, serializer: "json" }, limits: { limitLoopback: true } });

const refused = ({ log }: StoryRouter, reason: string) =>
  log.all.filter((entry) => entry.event === "connection.refused" && entry.reason === reason).length;

// Linux has all of 127.0.0.0/8; elsewhere there is one address to come from.
describe.skipIf(process.platform !== "linux")(`${CROWD} strangers`, () => {
  test.each(Object.entries(HALF) as [keyof typeof HALF, string][])(
    "of one address: 32 of them are let wait, the others are refused at once, and an honest client joins (%s)",
    async (transport, half) => {
      await using router = await start(transport);
      await strangers(router, () => "127.0.0.2", half);
      await using honest = await router.join();
      expect(honest.isOpen).toBe(true);
      while (refused(router, "limit.unjoinedPerAddress") < CROWD - 32) await router.log.next();
      if (transport !== "wss") {
        router.advance(5_000); // TLS has a timer of its own
        while (refused(router, "timeout.handshake") < 32) await router.log.next();
      }
      expect(honest.isOpen).toBe(true);
    },
  );

  test("of as many addresses: an honest client joins beside them, and they are gone after five seconds", async () => {
    await using router = await start("tcp");
    await strangers(router, (i) => `127.1.${i >> 8}.${i & 0xff}`, HALF.tcp);
    await using honest = await router.join();
    const gone = Promise.all(crowd.map((socket) => socket.closed || once(socket, "close")));
    // The last of them may just have been accepted: whoever comes after it and is refused at once shows that it was.
    const last = stranger(router, "127.2.0.1", "neither\r\n\r\n");
    await (last.closed || once(last, "close"));
    router.advance(4_999);
    expect(crowd.filter((socket) => socket.closed).length).toBe(1);
    router.advance(1);
    await gone;
    expect(honest.isOpen).toBe(true);
  });

  test("who have shaken hands and say no HELLO hold no more places than others, and are cut as well", async () => {
    await using router = await start("tcp");
    await strangers(router, () => "127.0.0.3", "\x7f\xf1\x00\x00");
    await using honest = await router.join();
    while (refused(router, "limit.unjoinedPerAddress") < CROWD - 32) await router.log.next();
    router.advance(5_000);
    const cut = () => router.log.all.filter((entry) => entry.event === "connection.close" && entry.reason === "timeout.hello").length;
    while (cut() < 32) await router.log.next();
    expect([cut(), honest.isOpen]).toEqual([32, true]);
  });
});
