/**
 * A transport as the conformance suite sees it: whole messages as plain lists, encoded and decoded by other people's
 * libraries, over any transport of WAMP, or straight into a router of this process.
 */
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, rootCertificates } from "node:tls";
import { FrameParser, FrameType, MAX_FRAME_LENGTH, ProtocolError, RAWSOCKET_MAGIC } from "@junctor/protocol";
import type { Router } from "@junctor/router";
import { WebSocket } from "ws";
import { type SerializerName, serializerNamed } from "../story-router.ts";
import { TEST_CERTIFICATE } from "../test-certificate.ts";
import { CODECS, frameOf, read } from "../wire-peer.ts";

export interface Wire {
  send(message: readonly unknown[]): void;
  /** What takes the place of one message: for what is none. */
  sendBytes(bytes: Uint8Array): void;
  close(): void;
}

/** Told of what arrives. */
export interface WireReceiver {
  message(message: unknown): void;
  closed(reason: string): void;
}

const ca = [...rootCertificates, TEST_CERTIFICATE];

/** The router does not speak this serializer. */
export class NotOffered extends Error {}

/** @param url `ws:`, `wss:`, `ws+unix:`, `tcp:`, `tls:` or `unix:` */
export function openWire(url: string, serializer: SerializerName, receiver: WireReceiver): Promise<Wire> {
  return url.startsWith("ws") ? openWebSocket(url, serializer, receiver) : openRawSocket(url, serializer, receiver);
}

/** To a router of this process. What the router sends is there when `send` returns. */
export function memoryWire(router: Router, name: SerializerName, receiver: WireReceiver): Wire {
  const serializer = serializerNamed(name);
  let isClosed = false;
  const close = (reason: string) => {
    if (isClosed) return;
    isClosed = true;
    receiver.closed(reason);
  };
  const routers = router.attach(
    {
      send: (message) => {
        if (isClosed) return "closed";
        receiver.message(decode(name, serializer.encode(message)));
        return "sent";
      },
      close,
    },
    { transport: "memory" },
  );
  const sendBytes = (bytes: Uint8Array) => {
    try {
      routers.receive(serializer.decode(bytes));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      routers.violated(error);
    }
  };
  return {
    send: (message) => sendBytes(encode(name, message)),
    sendBytes,
    close: () => {
      close("closed by the peer");
      routers.lost("transport.lost");
    },
  };
}

async function openWebSocket(url: string, serializer: SerializerName, receiver: WireReceiver): Promise<Wire> {
  const socket = new WebSocket(url, [`wamp.2.${serializer}`], { ca });
  socket.on("message", (data: Buffer) => receive(serializer, data, receiver));
  await new Promise<void>((resolve, reject) => {
    socket.on("open", resolve);
    socket.on("unexpected-response", (request, { statusCode }) => {
      request.on("error", () => {}).destroy();
      reject(new NotOffered(`the handshake was answered with HTTP ${statusCode}`));
    });
    socket.on("error", (error) => reject(/subprotocol/i.test(error.message) ? new NotOffered(error.message) : error));
  });
  socket.on("close", (code) => receiver.closed(`WebSocket close code ${code}`));
  const sendBytes = (bytes: Uint8Array) => socket.send(bytes, { binary: serializer !== "json" });
  return { send: (message) => sendBytes(encode(serializer, message)), sendBytes, close: () => socket.terminate() };
}

async function openRawSocket(url: string, serializer: SerializerName, receiver: WireReceiver): Promise<Wire> {
  const socket = await openSocket(url);
  socket.on("error", () => {}); // `close` follows
  socket.write(Uint8Array.of(RAWSOCKET_MAGIC, 0xf0 | CODECS[serializer].id, 0, 0));
  const reply = await read(socket, 4);
  if (reply[0] !== RAWSOCKET_MAGIC || reply[1] === undefined || (reply[1] & 0x0f) !== CODECS[serializer].id)
    throw new NotOffered(`the handshake was answered with ${reply.toString("hex")}`);
  const parser = new FrameParser(MAX_FRAME_LENGTH);
  socket.on("data", (chunk: Uint8Array) =>
    parser.push(chunk, {
      frame: (type, bytes, start, end) => {
        if (type === FrameType.Message) receive(serializer, Uint8Array.from(bytes.subarray(start, end)), receiver);
      },
    }),
  );
  socket.on("close", () => receiver.closed("the connection is gone"));
  const sendBytes = (bytes: Uint8Array) => void socket.write(frameOf(FrameType.Message, bytes));
  return { send: (message) => sendBytes(encode(serializer, message)), sendBytes, close: () => socket.destroy() };
}

async function openSocket(url: string): Promise<Socket> {
  if (url.startsWith("unix:")) return connected(connectTcp(url.slice("unix:".length)), "connect");
  const { protocol, hostname, port } = new URL(url);
  if (protocol === "tcp:") return connected(connectTcp(Number(port), hostname), "connect");
  if (protocol !== "tls:") throw new TypeError(`no transport for ${url}: it must begin with ws:, wss:, ws+unix:, tcp:, tls: or unix:`);
  return connected(connectTls({ host: hostname, port: Number(port), ca, servername: "localhost" }), "secureConnect");
}

async function connected(socket: Socket, event: string): Promise<Socket> {
  await once(socket, event);
  return socket;
}

function receive(serializer: SerializerName, bytes: Uint8Array, receiver: WireReceiver): void {
  let message: unknown;
  try {
    message = decode(serializer, bytes);
  } catch (error) {
    receiver.closed(`the router sent what is no ${serializer}: ${String(error)}`);
    return;
  }
  receiver.message(message);
}

const encode = (serializer: SerializerName, message: readonly unknown[]) =>
  CODECS[serializer].encode(serializer === "msgpack" ? widened(message) : message);
const decode = (serializer: SerializerName, bytes: Uint8Array) => narrowed(CODECS[serializer].decode(bytes));

/** Large integers as what the library for MessagePack writes as integers: it would make floats of them. */
const widened = (value: unknown) =>
  mapped(value, (item) =>
    typeof item === "number" && Math.abs(item) > 0xffff_ffff && Math.abs(item) <= 2 ** 53 && Number.isInteger(item) ? BigInt(item) : item,
  );
/** Integers as numbers wherever they fit. */
const narrowed = (value: unknown) =>
  mapped(value, (item) => (typeof item === "bigint" && item <= MAX_INTEGER && item >= -MAX_INTEGER ? Number(item) : item));
const MAX_INTEGER = 2n ** 53n;

function mapped(value: unknown, map: (item: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapped(item, map));
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return map(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapped(item, map)]));
}
