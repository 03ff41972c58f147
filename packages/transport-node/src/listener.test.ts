// Who is let in, and how the others are refused: each with a name in the log, once, and with a word in its own language.
import { once } from "node:events";
import { existsSync, lstatSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { FrameType } from "@junctor/protocol";
import {
  CODECS,
  frameOf,
  HELLO,
  openSocket,
  read,
  type StoryConnection,
  type StoryRouter,
  startRouter,
  TEST_CERTIFICATE,
  WirePeer,
} from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type ConnectionLimits, dial, type ListenOptions, listen } from "./index.ts";

const over = (transport: StoryConnection["transport"]): StoryConnection => ({ name: transport, transport, serializer: "json" });
const ACCEPT: ListenOptions["accept"] = () => ({ receive: () => {}, violated: () => {}, lost: () => {} });

/** What an exchange of octets gives: all that comes until the router ends it. */
async function exchange(where: string, octets: Uint8Array | string): Promise<Buffer> {
  const socket = await openSocket(where);
  return rest(socket, octets);
}

async function rest(socket: Socket, octets: Uint8Array | string = ""): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {});
  const closed = once(socket, "close");
  if (octets.length > 0) socket.write(octets);
  await closed;
  return Buffer.concat(chunks);
}

/** The refusals that are in the log, once so many are. */
async function refusals(router: StoryRouter, count = 1): Promise<unknown[]> {
  const isRefusal = ({ event }: { event: string }) => event === "connection.refused";
  while (router.log.all.filter(isRefusal).length < count) await router.log.next();
  return router.log.all.filter(isRefusal).map((entry) => "reason" in entry && entry.reason);
}

const get = (path: string, headers = "") => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
const upgrade = (protocols: string, path = "/ws") =>
  get(
    path,
    `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${protocols === "" ? "" : `Sec-WebSocket-Protocol: ${protocols}\r\n`}`,
  );

describe("the RawSocket handshake", () => {
  test.each([
    ["a serializer that is not there", "7ff40000", "7f100000", "handshake"],
    ["reserved bits", "7ff10001", "7f300000", "handshake"],
    ["serializer 0", "7ff00000", "", "framing"],
    ["another first octet", "80f10000", "", "framing"],
  ])("is refused for %s (TRN-RAW-02 to 04)", async (_what, asked, answered, reason) => {
    await using router = await startRouter();
    expect((await exchange(router.listener.address, Buffer.from(asked, "hex"))).toString("hex")).toBe(answered);
    expect(await refusals(router)).toEqual([reason]);
  });

  test.each(["tcp", "universal tcp"] as const)(
    "may come octet by octet, and so may all that follows (%s, TRN-RAW-13)",
    async (transport) => {
      await using router = await startRouter({ connection: over(transport) });
      const socket = await openSocket(router.listener.address);
      socket.setNoDelay();
      const octets = Buffer.concat([
        Buffer.from("7ff10000", "hex"),
        frameOf(FrameType.Ping, Buffer.from("p")),
        frameOf(FrameType.Message, CODECS.json.encode(HELLO)),
      ]);
      for (const octet of octets) {
        await new Promise((resolve) => socket.write(Uint8Array.of(octet), resolve));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await read(socket, 4)).toString("hex")).toBe("7fb10000"); // 2^20 octets are taken, as configured
      socket.resume();
      expect(Buffer.from(await read(socket, 5)).toString("hex")).toBe("0200000170");
      socket.resume();
      const head = await read(socket, 4);
      socket.resume();
      expect(JSON.parse((await read(socket, head.readUIntBE(1, 3))).toString())).toMatchObject([2, expect.any(Number), {}]);
      socket.destroy();
    },
  );

  test("may come in one piece with what follows", async () => {
    await using router = await startRouter();
    const socket = await openSocket(router.listener.address);
    socket.write(Buffer.concat([Buffer.from("7ff10000", "hex"), frameOf(FrameType.Message, CODECS.json.encode(HELLO))]));
    await read(socket, 4);
    const head = await read(socket, 4);
    expect(JSON.parse((await read(socket, head.readUIntBE(1, 3))).toString())[0]).toBe(2);
    socket.destroy();
  });

  test("a browser is told what it has reached", async () => {
    await using router = await startRouter();
    expect((await exchange(router.listener.address, get("/"))).toString()).toMatch(
      /^HTTP\/1.1 400 Bad Request\r\n[\s\S]*RawSocket, not HTTP/,
    );
    expect(await refusals(router)).toEqual(["framing"]);
  });
});

describe("the WebSocket handshake", () => {
  test.each([
    ["no subprotocol", "", "/ws", /400 Bad Request[\s\S]*wamp.2.json, wamp.2.msgpack, wamp.2.cbor/, "subprotocol"],
    ["unknown subprotocols", "wamp.2.xml, chat", "/ws", /400 Bad Request/, "subprotocol"],
    ["another path", "wamp.2.json", "/", /404 Not Found[\s\S]*\/ws here, not to \//, "path"],
  ])("is refused for %s (AMB-116, TRN-WS-04)", async (_what, protocols, path, answer, reason) => {
    await using router = await startRouter({ connection: over("ws") });
    expect((await exchange(router.listener.address, upgrade(protocols, path))).toString()).toMatch(answer);
    expect(await refusals(router)).toEqual([reason]);
  });

  test("takes the first subprotocol of the client's that it knows (TRN-WS-04)", async () => {
    await using router = await startRouter({ connection: over("ws") });
    const socket = new WebSocket(`ws://${router.listener.address}/ws?x=1`, ["wamp.2.xml.batched", "wamp.2.cbor", "wamp.2.json"]);
    await once(socket, "open");
    expect(socket.protocol).toBe("wamp.2.cbor");
    socket.close();
    await once(socket, "close");
  });

  test.each(["ws", "universal ws"] as const)("may come octet by octet (%s)", async (transport) => {
    await using router = await startRouter({ connection: over(transport) });
    const socket = await openSocket(router.listener.address);
    socket.setNoDelay();
    for (const octet of Buffer.from(upgrade("wamp.2.json"))) {
      await new Promise((resolve) => socket.write(Uint8Array.of(octet), resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 101 /);
    socket.destroy();
  });
});

describe("HTTP", () => {
  test.each(["ws", "universal ws"] as const)("is answered, request after request on one connection (%s)", async (transport) => {
    await using router = await startRouter({
      connection: over(transport),
      listen: { onRequest: (asked, response) => response.end(asked.url) },
    });
    const socket = await openSocket(router.listener.address);
    for (const path of ["/a", "/b"]) {
      socket.write(get(path));
      let answer = "";
      while (!answer.endsWith(path)) answer += String(await once(socket, "data"));
      expect(answer).toMatch(/^HTTP\/1.1 200 OK/);
    }
    socket.destroy();
  });

  test("gets a hint where nothing else is served", async () => {
    await using router = await startRouter({ connection: over("ws") });
    const [answer] = (await once(request(`http://${router.listener.address}/`).end(), "response")) as [IncomingMessage];
    expect(answer.statusCode).toBe(404);
    expect(String(await once(answer, "data"))).toContain("Connect with a WAMP client");
    answer.destroy();
  });

  test.each([
    ["headers that are too long", get("/", `Cookie: ${"x".repeat(9_000)}\r\n`), /^HTTP\/1.1 431/, "limit.headerSize"],
    ["too many headers", get("/", "X-A: 1\r\n".repeat(50)), /^HTTP\/1.1 431/, "limit.headerCount"],
    ["what is no HTTP", "HELLO WORLD\r\n\r\n", /^HTTP\/1.1 400/, "http"],
  ])("is refused for %s (reliability 2.1)", async (_what, octets, answer, reason) => {
    await using router = await startRouter({ connection: over("ws") });
    expect((await exchange(router.listener.address, octets)).toString()).toMatch(answer);
    expect(await refusals(router)).toEqual([reason]);
  });

  test("a WebSocket with too many headers is refused, and one with as many as are allowed is not", async () => {
    await using router = await startRouter({ connection: over("ws"), limits: { headerCount: 20 } });
    const withHeaders = (count: number) => upgrade("wamp.2.json").replace("\r\n\r\n", `\r\n${"X-A: 1\r\n".repeat(count - 6)}\r\n`);
    expect((await exchange(router.listener.address, withHeaders(21))).toString()).toMatch(/^HTTP\/1.1 431/);
    expect(await refusals(router)).toEqual(["limit.headerCount"]);
    const socket = await openSocket(router.listener.address);
    socket.write(withHeaders(20));
    expect(String(await once(socket, "data"))).toMatch(/^HTTP\/1.1 101 /);
    socket.destroy();
  });
});

describe("TLS", () => {
  const hello = Buffer.from("1603010200010001fc0303", "hex");

  test.each(["ws", "tcp", "universal ws"] as const)("that reaches a port without it is named so (%s)", async (transport) => {
    await using router = await startRouter({ connection: over(transport) });
    await exchange(router.listener.address, hello);
    expect(await refusals(router)).toEqual(["tls"]);
  });

  test.each(["ws", "tcp", "universal ws", "universal tcp"] as const)(
    "a client that uses it on a port without is told so (%s)",
    async (transport) => {
      await using router = await startRouter({ connection: over(transport) });
      const url = router.url.replace("ws:", "wss:").replace("tcp:", "tls:");
      const opened = dial(url)({ receive: () => {}, violated: () => {}, lost: () => {} });
      await expect(opened).rejects.toThrow(/^(wss:\S+ does not speak TLS; use ws:|tls:\S+ does not speak TLS; use tcp:)/);
    },
  );

  test.each(["wss", "tls", "universal tls"] as const)("is what a port with it wants (%s)", async (transport) => {
    await using router = await startRouter({ connection: over(transport) });
    await exchange(router.listener.address, get("/"));
    expect(await refusals(router)).toEqual(["tls"]);
  });

  test("TLS 1.1 is refused", async () => {
    await using router = await startRouter({ connection: over("tls") });
    const socket = connectTls({ port: router.listener.port, ca: TEST_CERTIFICATE, minVersion: "TLSv1.1", maxVersion: "TLSv1.1" });
    await once(socket, "error");
    expect(await refusals(router)).toEqual(["tls"]);
  });

  test("a handshake that does not come is cut", async () => {
    await using router = await startRouter({ connection: over("tls"), limits: { handshakeTimeoutMs: 20 } });
    await exchange(router.listener.address, "");
    expect(await refusals(router)).toEqual(["timeout.handshake"]);
  });
});

test("handshakeTimeout may be longer than Node.js gives a whole request", async () => {
  await using router = await startRouter({ connection: over("ws"), limits: { handshakeTimeoutMs: 360_000 } });
  expect((await exchange(router.listener.address, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).toString()).toMatch(
    /^HTTP\/1\.1 /,
  );
});

describe("time", () => {
  const partial = { ws: "GET / HTTP/1.1\r\nHost: x\r\n", "universal ws": "GET ", tcp: "\u007f", "universal tcp": "\u007f" } as const;
  const cases = Object.entries(partial).flatMap(([transport, octets]) => [
    { transport: transport as keyof typeof partial, octets, what: "half a handshake" },
    { transport: transport as keyof typeof partial, octets: "", what: "nothing" },
  ]);

  test.each(cases)("$what is refused after handshakeTimeout, and not before ($transport)", async ({ transport, octets }) => {
    await using router = await startRouter({ connection: over(transport) });
    const socket = await openSocket(router.listener.address);
    if (octets !== "") await new Promise((resolve) => socket.write(octets, "latin1", resolve));
    // One that comes later and is refused at once shows that the first has been accepted.
    await exchange(router.listener.address, "neither\r\n\r\n");
    router.advance(4_999);
    expect((await refusals(router)).length).toBe(1);
    router.advance(1);
    expect((await refusals(router, 2))[1]).toBe("timeout.handshake");
    await rest(socket);
  });

  test("a request is no handshake that is late, however long its answer takes", async () => {
    const asked: { end(text: string): void }[] = [];
    await using router = await startRouter({
      connection: over("ws"),
      listen: { onRequest: (_asked, response) => void asked.push(response) },
    });
    const socket = await openSocket(router.listener.address);
    socket.write(get("/"));
    while (asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    router.advance(6_000);
    asked[0]?.end("late");
    expect(String(await once(socket, "data"))).toMatch(/^HTTP\/1.1 200 OK[\s\S]*late/);
    expect(router.log.all).toEqual([]);
    socket.destroy();
  });

  test.each(["ws", "tcp", "universal tcp"] as const)("a connection that says no HELLO is closed (%s, AMB-08)", async (transport) => {
    await using router = await startRouter({ connection: over(transport) });
    const socket = await openSocket(router.listener.address);
    socket.write(transport === "ws" ? upgrade("wamp.2.json") : Buffer.from("7ff10000", "hex"));
    await once(socket, "data");
    router.advance(5_000);
    router.advance(2_000); // closeTimeout: the peer does not answer the CLOSE frame either
    await rest(socket);
    const closed = await router.log.next();
    expect(closed).toMatchObject({ event: "connection.close", reason: "timeout.hello" });
    expect(router.log.all.length).toBe(1);
  });
});

describe("numbers", () => {
  const limited = (limits: Partial<ConnectionLimits>, transport: StoryConnection["transport"] = "tcp") =>
    startRouter({ connection: over(transport), limits: { limitLoopback: true, ...limits } });

  test.each([
    ["connections", "limit.connections"],
    ["unjoined", "limit.unjoined"],
    ["connectionsPerAddress", "limit.connectionsPerAddress"],
    ["unjoinedPerAddress", "limit.unjoinedPerAddress"],
  ] as const)("%s holds, from the first octet on, and a connection that goes makes room", async (limit, reason) => {
    await using router = await limited({ [limit]: 2 });
    const { address } = router.listener;
    const [silent, shaken] = [await openSocket(address), await WirePeer.connect(address)];
    expect((await exchange(address, "")).toString("hex")).toBe("7f400000"); // error 4
    expect(await refusals(router)).toEqual([reason]);
    silent.destroy();
    await once(silent, "close");
    await using next = await opens(address);
    expect(next.socket.destroyed).toBe(false);
    await shaken[Symbol.asyncDispose]();
  });

  /** Connects as soon as there is room. */
  async function opens(address: string): Promise<WirePeer> {
    for (;;) {
      try {
        return await WirePeer.connect(address);
      } catch {
        // The router has not seen yet that the other one is gone.
      }
    }
  }

  test("those who have joined are no strangers, until they leave", async () => {
    await using router = await limited({ unjoinedPerAddress: 1, unjoined: 1 });
    const { address } = router.listener;
    await using first = await WirePeer.join(address);
    await using second = await WirePeer.join(address);
    first.send([6, {}, "wamp.close.close_realm"]);
    await first.receive();
    expect((await exchange(address, "")).toString("hex")).toBe("7f400000");
    expect(await refusals(router)).toEqual(["limit.unjoined"]);
    first.send(HELLO);
    await first.receive();
    await using third = await WirePeer.join(address);
    expect([second, third].every(({ socket }) => !socket.destroyed)).toBe(true);
  });

  test("a page's connections are no strangers once they have made a request, and are again when they become WebSockets", async () => {
    await using router = await limited({ unjoinedPerAddress: 1 }, "ws");
    const { address } = router.listener;
    const page = await openSocket(address);
    page.write(get("/"));
    await once(page, "data");
    const other = await openSocket(address);
    other.write(get("/"));
    await once(other, "data");
    page.write(upgrade("wamp.2.json"));
    expect(String(await once(page, "data"))).toMatch(/^HTTP\/1.1 101 /);
    expect((await exchange(address, "")).toString()).toMatch(/^HTTP\/1.1 503 [\s\S]*limit.unjoinedPerAddress/);
    page.destroy();
    other.destroy();
  });

  test("a port that speaks several languages closes without a word", async () => {
    await using router = await limited({ connections: 0 }, "universal ws");
    expect((await exchange(router.listener.address, "")).length).toBe(0);
    expect(await refusals(router)).toEqual(["limit.connections"]);
  });

  test("with TLS a connection counts before its handshake is done", async () => {
    await using router = await limited({ unjoinedPerAddress: 1 }, "tls");
    const silent = await openSocket(router.listener.address);
    expect((await exchange(router.listener.address, "")).length).toBe(0);
    expect(await refusals(router)).toEqual(["limit.unjoinedPerAddress"]);
    silent.destroy();
  });

  test("loopback is exempt from the limits per address unless it is configured otherwise", async () => {
    await using router = await startRouter({ limits: { unjoinedPerAddress: 0, connectionsPerAddress: 0 } });
    await using peer = await WirePeer.connect(router.listener.address);
    expect(peer.socket.destroyed).toBe(false);
  });
});

describe("a UNIX socket", () => {
  const directory = () => {
    const path = mkdtempSync(join(tmpdir(), "junctor-listener-"));
    return { path: join(path, "socket"), [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
  };
  const options = (path: string): ListenOptions => ({ kind: "rawsocket", path, accept: ACCEPT });

  test("may be used by its owner alone, unless a mode is given", async () => {
    using place = directory();
    const standard = await listen(options(place.path));
    expect(lstatSync(place.path).mode & 0o777).toBe(0o600);
    await standard.close();
    const open = await listen({ ...options(place.path), mode: 0o660 });
    expect(lstatSync(place.path).mode & 0o777).toBe(0o660);
    await open.close();
    expect(existsSync(place.path)).toBe(false);
  });

  test("that a dead process left behind is replaced", async () => {
    using place = directory();
    await leaveBehind(place.path);
    expect(lstatSync(place.path).isSocket()).toBe(true);
    const listener = await listen(options(place.path));
    await using peer = await WirePeer.connect(place.path);
    expect(peer.socket.destroyed).toBe(false);
    await listener.close(0);
  });

  test("on which somebody answers stays, and so does a file that is none", async () => {
    using place = directory();
    const first = await listen(options(place.path));
    await expect(listen(options(place.path))).rejects.toMatchObject({
      code: "EADDRINUSE",
      message: expect.stringContaining("in use") as string,
    });
    await using peer = await WirePeer.connect(place.path);
    expect(peer.socket.destroyed).toBe(false);
    await first.close(0);
    writeFileSync(place.path, "precious");
    await expect(listen(options(place.path))).rejects.toMatchObject({ code: "EEXIST" });
    expect(lstatSync(place.path).size).toBe("precious".length);
  });

  /** A socket file whose process is gone: Node.js removes the one it listens on, not one that was renamed meanwhile. */
  async function leaveBehind(path: string): Promise<void> {
    const { renameSync } = await import("node:fs");
    const server = createServer().listen(`${path}.old`);
    await once(server, "listening");
    renameSync(`${path}.old`, path);
    server.close();
    await once(server, "close");
  }
});

describe("listening fails with cause and remedy", () => {
  test.each([
    [
      "a port in use",
      async () => ({ port: (await listen({ kind: "web", accept: ACCEPT })).port }),
      "EADDRINUSE",
      /in use by another process; stop it or choose another/,
    ],
    ["an address that is not this machine's", async () => ({ host: "192.0.2.254" }), "EADDRNOTAVAIL", /no address of this machine/],
    ["a directory that is not there", async () => ({ path: "/nonexistent/socket" }), "EACCES|ENOENT", /create it first|no permission/],
  ])("%s", async (_what, options, code, message) => {
    const given = await options();
    const error: unknown = await listen({ kind: "web", accept: ACCEPT, ...given }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      name: "ListenError",
      code: expect.stringMatching(code) as string,
      message: expect.stringMatching(message) as string,
    });
  });
});

test("closing waits for connections to end, then cuts what is left, and says so (G9)", async () => {
  await using router = await startRouter();
  await using peer = await WirePeer.join(router.listener.address);
  const idle = await openSocket(router.listener.address);
  await Promise.all([router.listener.close(0), peer.ended, once(idle, "close")]);
  expect(router.log.all.filter(({ event }) => event === "connection.close")).toMatchObject([{ reason: "shutdown" }]);
  await expect(openSocket(router.listener.address)).rejects.toThrow();
});
