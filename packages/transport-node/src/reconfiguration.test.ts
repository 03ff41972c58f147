// Other options at the same place: for whoever connects from then on; whoever is there stays.
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect as connectTls } from "node:tls";
import { openSocket, read, TEST_CERTIFICATE, TEST_KEY } from "@junctor/testkit";
import { expect, onTestFinished, test } from "vitest";
import { type ConnectionLimits, Listener, type ListenOptions, listen, type TransportEvent } from "./index.ts";

const RAW_JSON = Buffer.from("7ff10000", "hex");

function options(more: Partial<ListenOptions> & { readonly log?: (event: TransportEvent) => void } = {}): ListenOptions {
  return { kind: "universal", port: 0, accept: () => ({ receive: () => {}, violated: () => {}, lost: () => {} }), ...more };
}

async function listening(more?: Parameters<typeof options>[0]): Promise<Listener> {
  const listener = await listen(options(more));
  onTestFinished(() => listener.close(0));
  return listener;
}

/** A RawSocket client whose handshake was answered. */
async function rawClient({ address }: Listener) {
  const socket = await openSocket(address);
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => {});
  socket.write(RAW_JSON);
  return { socket, answer: (await read(socket, 4)).toString("hex") };
}

async function status({ port }: Listener, origin: string): Promise<number | undefined> {
  const headers = { ...UPGRADE, Origin: origin };
  const request = httpRequest({ port, path: "/ws", headers, agent: false }).on("error", () => {});
  onTestFinished(() => void request.destroy());
  request.end();
  const answered = Promise.race([once(request, "response"), once(request, "upgrade")]) as Promise<[IncomingMessage]>;
  return (await answered)[0].statusCode;
}
const UPGRADE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": 13,
  "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
  "Sec-WebSocket-Protocol": "wamp.2.json",
};

test("who connects before a listener starts waits, and is served then", async () => {
  const listener = new Listener(options());
  onTestFinished(() => listener.close(0));
  await listener.open();
  const client = rawClient(listener);
  const gone = await openSocket(listener.address);
  gone.destroy();
  await openSocket(listener.address).then((socket) => socket.destroy()); // so that the two before it have come
  expect(listener.connections.size).toBe(0);
  listener.start();
  expect((await client).answer).toBe("7fb10000");
});

test("who waits for a listener that is closed before it starts is cut", async () => {
  const listener = new Listener(options());
  await listener.open();
  const socket = await openSocket(listener.address);
  socket.on("error", () => {});
  const closed = once(socket, "close");
  await listener.close(0);
  await closed;
});

test("pages of another origin may connect, and those who are connected stay", async () => {
  const listener = await listening({ origins: ["https://a.example"] });
  expect([await status(listener, "https://a.example"), await status(listener, "https://b.example")]).toEqual([101, 403]);
  const [before] = listener.connections;
  listener.prepare(options({ origins: ["https://b.example"] }))();
  expect([await status(listener, "https://a.example"), await status(listener, "https://b.example")]).toEqual([403, 101]);
  expect(before !== undefined && listener.connections.has(before)).toBe(true);
});

test("what cannot be used is refused, and nothing has changed", async () => {
  const listener = await listening({ origins: ["https://a.example"] });
  expect(() => listener.prepare(options({ origins: ["nonsense"] }))).toThrow(TypeError);
  expect(() => listener.prepare(options({ tls: { cert: "x", key: TEST_KEY } }))).toThrow();
  expect(await status(listener, "https://a.example")).toBe(101);
});

test("a port speaks other protocols, and TLS from some time on and then no more; nobody who is connected notices", async () => {
  const listener = await listening({ kind: "rawsocket" });
  const early = await rawClient(listener);
  listener.prepare(options({ kind: "web" }))();
  expect(await status(listener, "http://localhost")).toBe(403);
  listener.prepare(options({ tls: { cert: TEST_CERTIFICATE, key: TEST_KEY } }))();
  const secure = connectTls({ port: listener.port, ca: TEST_CERTIFICATE, host: "localhost" });
  onTestFinished(() => void secure.destroy());
  await once(secure, "secureConnect");
  secure.write(RAW_JSON);
  expect((await read(secure, 4)).toString("hex")).toBe("7fb10000");
  listener.prepare(options())();
  expect((await rawClient(listener)).answer).toBe("7fb10000");
  expect([listener.connections.size, early.socket.destroyed, secure.destroyed]).toEqual([3, false, false]);
});

test("limits hold at once, and count those who came before (reliability 2.1)", async () => {
  const log: TransportEvent[] = [];
  const limits: Partial<ConnectionLimits> = { limitLoopback: true, connectionsPerAddress: 1 };
  const listener = await listening({ kind: "rawsocket", log: (event) => log.push(event) });
  const early = await rawClient(listener);
  listener.prepare(options({ kind: "rawsocket", limits }))();
  expect((await rawClient(listener)).answer).toBe("7f400000");
  expect(log).toMatchObject([{ event: "connection.refused", reason: "limit.connectionsPerAddress" }]);
  const left = once(early.socket, "close");
  early.socket.destroy();
  await left;
  while (listener.connections.size > 0) await new Promise((resolve) => setImmediate(resolve));
  expect((await rawClient(listener)).answer).toBe("7fb10000");
});
