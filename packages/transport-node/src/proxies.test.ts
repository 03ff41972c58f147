// Proxies: whose word is taken for where a connection comes from, and what is made of it.
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { HELLO, openSocket, type StoryConnection, type StoryRouter, startRouter, TEST_CERTIFICATE } from "@junctor/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseProxyHeader } from "./proxy-protocol.ts";
import { isNetwork, TrustedProxies } from "./trusted-proxies.ts";

const over = (transport: StoryConnection["transport"]): StoryConnection => ({ name: transport, transport, serializer: "json" });

describe("X-Forwarded-For (T39)", () => {
  const proxies = new TrustedProxies(["10.0.0.0/8", "2001:db8::/32", "127.0.0.1"]);
  test.each<[what: string, from: string | undefined, header: string | undefined, client: string | undefined]>([
    ["of nobody trusted counts for nothing", "192.0.2.1", "198.51.100.7", "192.0.2.1"],
    ["names the client", "10.0.0.1", "198.51.100.7", "198.51.100.7"],
    ["of a trusted proxy may be missing", "10.0.0.1", undefined, "10.0.0.1"],
    ["is read from its end, where the client cannot write", "10.0.0.1", "1.1.1.1, 198.51.100.7", "198.51.100.7"],
    ["is followed through trusted proxies", "10.0.0.1", "1.1.1.1, 198.51.100.7, 10.3.2.1,127.0.0.1", "198.51.100.7"],
    ["may name trusted ones only", "10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"],
    ["may have ports", "10.0.0.1", "198.51.100.7:4711", "198.51.100.7"],
    ["may have IPv6", "2001:db8::1", "2001:DB9:0:0::7", "2001:db9::7"],
    ["may have IPv6 in brackets with a port", "10.0.0.1", "[2001:db9::7]:443", "2001:db9::7"],
    ["may dress IPv4 as IPv6", "10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"],
    ["that dresses a trusted proxy is seen through", "10.0.0.1", "198.51.100.7, ::ffff:10.0.0.2", "198.51.100.7"],
    ["that names no address ends there", "10.0.0.1", "198.51.100.7, unknown", "10.0.0.1"],
    ["that names none further on ends there", "10.0.0.1", "evil, 10.0.0.2", "10.0.0.2"],
    ["may be empty", "10.0.0.1", "", "10.0.0.1"],
    ["over a UNIX socket counts only where that is trusted", undefined, "198.51.100.7", undefined],
  ])("%s", (_what, from, header, client) => {
    expect(proxies.clientOf(from, header)).toBe(client);
  });

  test("over a UNIX socket that is trusted names the client", () => {
    expect(new TrustedProxies(["unix"]).clientOf(undefined, "198.51.100.7")).toBe("198.51.100.7");
  });

  test("needs networks that are some", () => {
    for (const text of ["10.0.0.0/33", "::/129", "10.0.0", "example.com", "10.0.0.0/", "10.0.0.0/8/8", "fe80::1%eth0", ""])
      expect([text, isNetwork(text)]).toEqual([text, false]);
    expect(() => new TrustedProxies(["example.com"])).toThrow('"example.com" is no address and no network');
  });
});

const SIGNATURE = "0d0a0d0a000d0a515549540a";
const binary = (hex: string) => Buffer.from(SIGNATURE + hex, "hex");

describe("the PROXY protocol", () => {
  const GOOD: readonly (readonly [what: string, octets: Buffer, address: string | undefined])[] = [
    ["TCP4 as text", Buffer.from("PROXY TCP4 198.51.100.7 10.0.0.1 4711 443\r\n"), "198.51.100.7"],
    ["TCP6 as text", Buffer.from("PROXY TCP6 2001:DB8:0::7 ::1 4711 443\r\n"), "2001:db8::7"],
    ["nobody as text", Buffer.from("PROXY UNKNOWN\r\n"), undefined],
    ["nobody as text, with more", Buffer.from(`PROXY UNKNOWN ${"f".repeat(91)}\r\n`), undefined],
    ["TCP4 in binary", binary("2111000cc6336407 0a000001 1267 01bb".replaceAll(" ", "")), "198.51.100.7"],
    ["TCP4 with more behind the addresses", binary("21110010c63364070a000001126701bb0400010a"), "198.51.100.7"],
    ["TCP6 in binary", binary(`21210024${"20010db8".padEnd(30, "0")}07${"0".repeat(31)}1126701bb`), "2001:db8::7"],
    ["IPv4 in IPv6's clothes", binary(`21210024${"0".repeat(20)}ffffc6336407${"0".repeat(31)}1126701bb`), "198.51.100.7"],
    ["a UNIX socket", binary(`213100d8${"00".repeat(216)}`), undefined],
    ["the proxy itself (a health check)", binary("20000000"), undefined],
  ];
  test.each(GOOD)("%s", (_what, octets, address) => {
    expect(parseProxyHeader(octets)).toEqual({ length: octets.length, address });
    expect(parseProxyHeader(Buffer.concat([octets, Buffer.from("PROXY rest")]))).toEqual({ length: octets.length, address });
    for (let end = 0; end < octets.length; end++) expect(parseProxyHeader(octets.subarray(0, end))).toBe("more");
  });

  test.each([
    ["nothing of the kind", Buffer.from("GET / HTTP/1.1\r\n")],
    ["a signature that breaks off", Buffer.from("0d0a0d0a000d0b", "hex")],
    ["an unknown family", Buffer.from("PROXY UDP4 198.51.100.7 10.0.0.1 1 2\r\n")],
    ["an address of the other family", Buffer.from("PROXY TCP4 ::1 ::1 1 2\r\n")],
    ["no address", Buffer.from("PROXY TCP4 evil 10.0.0.1 1 2\r\n")],
    ["a port that is none", Buffer.from("PROXY TCP4 198.51.100.7 10.0.0.1 1 65536\r\n")],
    ["no ports", Buffer.from("PROXY TCP4 198.51.100.7 10.0.0.1\r\n")],
    ["one thing too many", Buffer.from("PROXY TCP4 198.51.100.7 10.0.0.1 1 2 3\r\n")],
    ["a line without an end", Buffer.from(`PROXY UNKNOWN ${"x".repeat(93)}`)],
    ["version 3", binary("3111000cc63364070a000001126701bb")],
    ["an unknown command", binary("2211000cc63364070a000001126701bb")],
    ["an unknown family in binary", binary("2141000c")],
    ["addresses that are cut short", binary("2111000b")],
    ["an endless one", binary("2111ffff")],
  ])("refuses %s", (_what, octets) => {
    expect(() => parseProxyHeader(octets)).toThrow(SyntaxError);
  });

  test("any octets give a header, a wish for more, or a SyntaxError; and more is wished for within bounds only", () => {
    const start = fc.constantFrom(
      Buffer.alloc(0),
      Buffer.from("PROXY "),
      Buffer.from("PROXY TCP4 "),
      binary(""),
      binary("21"),
      binary("2111"),
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 3_000 }), (before, octets) => {
        const all = Buffer.concat([before, octets]);
        try {
          const header = parseProxyHeader(all);
          expect(header === "more" ? all.length < 2_064 : header.length <= all.length).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Where the session comes from that joined last, as the log has it. */
async function joinedFrom(router: StoryRouter): Promise<string | undefined> {
  const opened = () => router.log.all.findLast((entry) => entry.event === "session.open");
  while (opened() === undefined) await router.log.next();
  return opened()?.address;
}

const upgrade = (headers: string) =>
  `GET /ws HTTP/1.1\r\nHost: localhost\r\n${headers}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n`;

/** HELLO in a WebSocket frame, masked with zeros. */
function helloFrame(): Buffer {
  const text = Buffer.from(JSON.stringify(HELLO));
  return Buffer.concat([Buffer.of(0x81, 0xfe, text.length >> 8, text.length & 0xff, 0, 0, 0, 0), text]);
}

const helloOverRawSocket = () => {
  const text = Buffer.from(JSON.stringify(HELLO));
  return Buffer.concat([Buffer.from("7ff10000", "hex"), Buffer.of(0, 0, text.length >> 8, text.length & 0xff), text]);
};

const header = Buffer.from("PROXY TCP4 198.51.100.7 10.0.0.1 4711 443\r\n");

describe("what a proxy says is where a session comes from", () => {
  const trusted = { trustedProxies: ["127.0.0.1", "unix"] };

  test.each(["ws", "universal ws", "ws deflate", "ws+unix"] as const)("by X-Forwarded-For (%s)", async (transport) => {
    await using router = await startRouter({ connection: over(transport), listen: trusted });
    const socket = await openSocket(router.listener.address);
    socket.write(Buffer.concat([Buffer.from(upgrade("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 198.51.100.7\r\n")), helloFrame()]));
    expect(await joinedFrom(router)).toBe("198.51.100.7");
    socket.destroy();
  });

  test("but not by that of somebody else", async () => {
    await using router = await startRouter({ connection: over("ws"), listen: { trustedProxies: ["10.0.0.0/8"] } });
    const socket = await openSocket(router.listener.address);
    socket.write(Buffer.concat([Buffer.from(upgrade("X-Forwarded-For: 198.51.100.7\r\n")), helloFrame()]));
    expect(await joinedFrom(router)).toBe("127.0.0.1");
    socket.destroy();
  });

  test.each(["ws", "universal ws", "tcp", "universal tcp", "unix", "ws+unix"] as const)(
    "by the PROXY protocol, in one piece with what follows and octet by octet (%s)",
    async (transport) => {
      const rest = transport.includes("ws") ? Buffer.concat([Buffer.from(upgrade("")), helloFrame()]) : helloOverRawSocket();
      for (const isWhole of [true, false]) {
        await using router = await startRouter({ connection: over(transport), listen: { ...trusted, proxyProtocol: true } });
        const socket = await openSocket(router.listener.address);
        const octets = Buffer.concat([header, rest]);
        if (isWhole) socket.write(octets);
        else for (const octet of octets) await new Promise((resolve) => socket.write(Buffer.of(octet), resolve));
        expect(await joinedFrom(router)).toBe("198.51.100.7");
        socket.destroy();
      }
    },
  );

  test.each(["wss", "tls", "universal wss", "universal tls"] as const)("by a PROXY header before TLS (%s)", async (transport) => {
    await using router = await startRouter({ connection: over(transport), listen: { ...trusted, proxyProtocol: true } });
    const raw = await openSocket(router.listener.address);
    raw.write(header);
    const socket = connectTls({ socket: raw, ca: TEST_CERTIFICATE, servername: "localhost" });
    socket.write(transport.includes("wss") ? Buffer.concat([Buffer.from(upgrade("")), helloFrame()]) : helloOverRawSocket());
    expect(await joinedFrom(router)).toBe("198.51.100.7");
    socket.destroy();
  });

  test.each(["wss", "ws+unix"] as const)("by both, where a proxy is behind another (%s)", async (transport) => {
    const listen = { trustedProxies: ["127.0.0.1", "unix", "198.51.100.0/24"], proxyProtocol: true };
    await using router = await startRouter({ connection: over(transport), listen });
    const raw = await openSocket(router.listener.address);
    raw.write(header);
    const socket: Socket = transport === "wss" ? connectTls({ socket: raw, ca: TEST_CERTIFICATE, servername: "localhost" }) : raw;
    socket.write(Buffer.concat([Buffer.from(upgrade("X-Forwarded-For: 203.0.113.9\r\n")), helloFrame()]));
    expect(await joinedFrom(router)).toBe("203.0.113.9");
    socket.destroy();
  });

  test("and one without the header, or with a wrong one, is refused", async () => {
    await using router = await startRouter({ connection: over("tcp"), listen: { ...trusted, proxyProtocol: true } });
    const socket = await openSocket(router.listener.address);
    const closed = once(socket, "close");
    socket.on("data", () => {});
    socket.write(helloOverRawSocket());
    await closed;
    expect(router.log.all.map((entry) => entry.event === "connection.refused" && entry.reason)).toEqual(["proxy"]);
  });

  test("and one that is silent is refused in time", async () => {
    await using router = await startRouter({ connection: over("tls"), listen: { ...trusted, proxyProtocol: true } });
    const silent = await openSocket(router.listener.address);
    const closed = once(silent, "close");
    silent.resume();
    const wrong = await openSocket(router.listener.address); // is accepted after the first, and refused at once
    wrong.on("error", () => {}).resume();
    wrong.write("GET /");
    await once(wrong, "close");
    router.advance(5_000);
    await closed;
    expect(router.log.all.map((entry) => entry.event === "connection.refused" && entry.reason)).toEqual(["proxy", "timeout.handshake"]);
  });
});

test.each(["ws", "tcp"] as const)(
  "limits per address hold for the clients of a proxy, each for itself, and not for the proxy (%s)",
  async (transport) => {
    const isWeb = transport === "ws";
    await using router = await startRouter({
      connection: over(transport),
      listen: { trustedProxies: ["127.0.0.1"], proxyProtocol: !isWeb },
      limits: { limitLoopback: true, unjoinedPerAddress: 2 },
    });
    const open = async (client: string): Promise<[string, Socket]> => {
      const socket = await openSocket(router.listener.address);
      socket.on("error", () => {});
      socket.write(isWeb ? upgrade(`X-Forwarded-For: ${client}\r\n`) : `PROXY TCP4 ${client} 10.0.0.1 1 2\r\n\x7f\xf1\x00\x00`, "latin1");
      const [answer] = (await once(socket, "data")) as [Buffer];
      return [isWeb ? answer.toString("latin1", 9, 12) : answer.toString("hex"), socket];
    };
    const [yes, no] = isWeb ? ["101", "503"] : ["7fb10000", "7f400000"];
    const sockets: Socket[] = [];
    for (const [client, expected] of [
      ["198.51.100.1", yes],
      ["198.51.100.1", yes],
      ["198.51.100.1", no],
      ["198.51.100.2", yes],
      ["198.51.100.2", yes],
      ["198.51.100.3", yes],
      ["198.51.100.1", no],
    ] as const) {
      const [answer, socket] = await open(client);
      expect([client, answer]).toEqual([client, expected]);
      sockets.push(socket);
    }
    // When those are gone there is room again: what was counted for a client is given back.
    const gone = () => router.log.all.filter(({ event }) => event === "connection.close").length;
    for (const socket of sockets) socket.destroy();
    while (gone() < 5) await router.log.next();
    const again: Socket[] = [];
    for (const expected of [yes, yes, no]) {
      const [answer, socket] = await open("198.51.100.1");
      expect(answer).toBe(expected);
      again.push(socket);
    }
    for (const socket of again) socket.destroy();
  },
);
