/** The closing handshake, octet by octet (RFC 6455, 5.5.1, 7.1, 8.1). */
import { once } from "node:events";
import { request } from "node:http";
import type { Duplex } from "node:stream";
import { type Message, MessageType, NO_OPTIONS, Payload } from "@junctor/protocol";
import type { Listener } from "@junctor/transport-node";
import { expect, test } from "vitest";
import { listenForEcho } from "./echo.ts";

test("what was queued in the turn leaves before the CLOSE frame that answers a broken frame", async () => {
  await using peer = await Peer.connect();
  peer.write(frame(0x81, "hello"), frame(0xc1, "reserved bit"));
  expect(await peer.rest()).toEqual([0x81, 5, ..."hello"].map(octet).concat(close(1002, "protocol_violation.framing")));
});

test("what was queued in the turn leaves before the CLOSE frame that answers the peer's", async () => {
  await using peer = await Peer.connect();
  peer.write(frame(0x81, "one"), frame(0x81, "two"), frame(0x88, Buffer.from(status(1000))));
  const echoes = [0x81, 3, ..."one", 0x81, 3, ..."two"].map(octet);
  expect(await peer.rest()).toEqual(echoes.concat([0x88, 2], status(1000)));
});

test("a reason that is not UTF-8 is answered with 1007", async () => {
  await using peer = await Peer.connect();
  peer.write(frame(0x88, Buffer.from([...status(1000), 0xce, 0xba, 0xff])));
  expect(await peer.rest()).toEqual(close(1007, "protocol_violation.malformed_bytes"));
});

test("after the peer's CLOSE frame the connection takes nothing more", async () => {
  await using peer = await Peer.connect();
  const [connection] = peer.listener.connections;
  const answered = once(peer.socket, "data");
  peer.write(frame(0x88, Buffer.from(status(1000))));
  await answered;
  expect(connection?.send(RESULT)).toBe("closed");
  expect(await peer.rest()).toEqual([0x88, 2, ...status(1000)]);
});

const RESULT: Message = { type: MessageType.Result, request: 1, details: NO_OPTIONS, payload: Payload.EMPTY };

/** A client that writes octets, whole turns of them at once. */
class Peer implements AsyncDisposable {
  readonly listener: Listener;
  readonly socket: Duplex;
  readonly #received: Buffer[] = [];
  readonly #ended: Promise<unknown>;

  private constructor(listener: Listener, socket: Duplex, head: Buffer) {
    this.listener = listener;
    this.socket = socket;
    this.#received.push(head);
    socket.on("data", (chunk: Buffer) => this.#received.push(chunk));
    this.#ended = once(socket, "close");
  }

  static async connect(): Promise<Peer> {
    const listener = await listenForEcho({ deflate: false });
    const headers = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
      "Sec-WebSocket-Protocol": "wamp.2.echo-text",
    };
    const asked = request(`http://${listener.address}/ws`, { headers }).end();
    const [, socket, head] = (await once(asked, "upgrade")) as [unknown, Duplex, Buffer];
    return new Peer(listener, socket, head);
  }

  write(...frames: Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** All octets up to the end of the connection. */
  async rest(): Promise<number[]> {
    await this.#ended;
    return [...Buffer.concat(this.#received)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.listener.close(0);
  }
}

/** A frame from a client, masked with zeros. @param head FIN, reserved bits and opcode */
function frame(head: number, payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.concat([Buffer.from([head, 0x80 | bytes.length, 0, 0, 0, 0]), bytes]);
}

function status(code: number): number[] {
  return [code >> 8, code & 0xff];
}

function close(code: number, reason: string): number[] {
  return [0x88, 2 + reason.length, ...status(code), ...[...reason].map(octet)];
}

function octet(value: string | number): number {
  return typeof value === "number" ? value : value.charCodeAt(0);
}
