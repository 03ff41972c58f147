/**
 * A client of RawSocket that writes octets of its own and reads them as they come: for what a well-behaved client does not
 * do, and for looking at bytes. Messages are plain lists, encoded and decoded by other people's libraries.
 */
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { FRAME_HEAD_SIZE, FrameParser, FrameType, MAX_FRAME_LENGTH, RAWSOCKET_MAGIC, writeFrameHead } from "@junctor/protocol";
import { decode as decodeCbor, encode as encodeCbor } from "cborg";
import { Packr } from "msgpackr";
import { Inbox } from "./inbox.ts";
import type { SerializerName } from "./story-router.ts";

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });

export const CODECS: Readonly<
  Record<SerializerName, { id: number; encode(value: unknown): Uint8Array; decode(bytes: Uint8Array): unknown }>
> = {
  json: { id: 1, encode: (value) => Buffer.from(JSON.stringify(value)), decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()) },
  msgpack: { id: 2, encode: (value) => packr.pack(value), decode: (bytes) => packr.unpack(bytes) },
  cbor: { id: 3, encode: (value) => encodeCbor(value), decode: (bytes) => decodeCbor(bytes) },
};

export interface Frame {
  readonly type: FrameType;
  readonly payload: Uint8Array;
}

export class WirePeer implements AsyncDisposable {
  readonly socket: Socket;
  /** Frames, after the handshake. */
  readonly frames = new Inbox<Frame>();
  /** Resolves when the router has ended its side, or the connection is gone. */
  readonly ended: Promise<unknown>;
  readonly #serializer: SerializerName;
  readonly #parser = new FrameParser(MAX_FRAME_LENGTH);
  #request = 0;

  private constructor(socket: Socket, serializer: SerializerName) {
    this.socket = socket;
    this.#serializer = serializer;
    socket.on("error", () => {}); // `close` follows
    this.ended = Promise.race([once(socket, "end"), once(socket, "close")]);
    socket.on("data", (chunk: Uint8Array) =>
      this.#parser.push(chunk, {
        frame: (type, bytes, start, end) => this.frames.push({ type, payload: Uint8Array.from(bytes.subarray(start, end)) }),
      }),
    );
  }

  /** @param where `host:port`, or the path of a UNIX socket; @param length the code of the longest message that it takes */
  static async connect(where: string, serializer: SerializerName = "json", length = 15): Promise<WirePeer> {
    const socket = await openSocket(where);
    socket.write(Uint8Array.of(RAWSOCKET_MAGIC, (length << 4) | CODECS[serializer].id, 0, 0));
    const reply = await read(socket, 4);
    if (((reply[1] as number) & 0x0f) !== CODECS[serializer].id) throw new Error(`the handshake was refused: ${reply.toString("hex")}`);
    const peer = new WirePeer(socket, serializer);
    socket.resume();
    return peer;
  }

  /** With a session. */
  static async join(where: string, serializer?: SerializerName, length?: number): Promise<WirePeer> {
    const peer = await WirePeer.connect(where, serializer, length);
    peer.send(HELLO);
    const [type] = await peer.receive();
    if (type !== 2) throw new Error(`expected WELCOME, got a message of type ${String(type)}`);
    return peer;
  }

  write(...octets: Uint8Array[]): void {
    this.socket.write(Buffer.concat(octets));
  }

  frame(type: FrameType, payload: Uint8Array): void {
    this.write(frameOf(type, payload));
  }

  send(message: readonly unknown[]): void {
    this.frame(FrameType.Message, CODECS[this.#serializer].encode(message));
  }

  /** The next message, whatever frames are between. */
  async receive(): Promise<unknown[]> {
    return CODECS[this.#serializer].decode(await this.receiveBytes()) as unknown[];
  }

  async receiveBytes(): Promise<Uint8Array> {
    const frames = await this.frames.until(({ type }) => type === FrameType.Message);
    return (frames.at(-1) as Frame).payload;
  }

  /** The next request id. */
  get request(): number {
    return ++this.#request;
  }

  async subscribe(topic: string, options: object = {}): Promise<number> {
    this.send([32, this.request, options, topic]);
    const [type, , id] = await this.receive();
    if (type !== 33) throw new Error(`expected SUBSCRIBED, got a message of type ${String(type)}`);
    return id as number;
  }

  async register(procedure: string, options: object = {}): Promise<number> {
    this.send([64, this.request, options, procedure]);
    const [type, , id] = await this.receive();
    if (type !== 65) throw new Error(`expected REGISTERED, got a message of type ${String(type)}`);
    return id as number;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.destroyed) return;
    this.socket.destroy();
    await once(this.socket, "close");
  }
}

const role = { features: { call_canceling: true, progressive_call_results: true } };
export const HELLO = [1, "realm1", { roles: { publisher: {}, subscriber: {}, caller: role, callee: role } }] as const;

export function frameOf(type: FrameType, payload: Uint8Array): Uint8Array {
  const head = new Uint8Array(FRAME_HEAD_SIZE);
  writeFrameHead(head, 0, type, payload.length);
  return Buffer.concat([head, payload]);
}

export async function openSocket(where: string): Promise<Socket> {
  const socket = where.startsWith("/") ? connectTcp(where) : connectTcp(Number(where.slice(where.lastIndexOf(":") + 1)), "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

/** Reads so many octets; what follows stays in the socket. */
export async function read(socket: Socket, count: number): Promise<Buffer> {
  for (;;) {
    const octets = socket.read(count) as Buffer | null;
    if (octets !== null) return octets;
    await once(socket, "readable");
  }
}
