// A machine that vanishes does not say so: who owes an answer is asked for a sign of life sooner (G7, F7).
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import type { ConnectionObserver } from "./connection.ts";
import { encodingOf, nodeSerializers } from "./encodings.ts";
import { rawFraming } from "./framing.ts";
import { DEFAULT_CONNECTION_LIMITS } from "./limits.ts";
import { RawSocketConnection } from "./rawsocket-connection.ts";

async function connection(address: string | undefined, isAwaited: boolean) {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  const closed: string[] = [];
  const observer: ConnectionObserver = {
    joined: () => {},
    closed: (_connection, reason) => void closed.push(reason),
    slowConsumer: () => {},
  };
  const serializer = nodeSerializers[0];
  if (serializer === undefined) throw new Error("no serializer");
  const made = new RawSocketConnection(
    socket,
    encodingOf(serializer, rawFraming),
    DEFAULT_CONNECTION_LIMITS,
    observer,
    address,
    () => 0,
    1 << 20,
    1 << 20,
  );
  made.receiver = { isAwaited, receive: () => {}, violated: () => {}, lost: () => {} };
  return {
    closed,
    /** Lets seconds pass, one tick each. @returns how many, when the connection was cut */
    async watch(most: number): Promise<number | undefined> {
      const ended = once(socket, "close");
      let second = 0;
      while (second <= most && !socket.destroyed) made.tick(second++ * 1_000);
      const cut = socket.destroyed ? second - 1 : undefined;
      socket.destroy();
      await ended;
      peer.destroy();
      server.close();
      return cut;
    },
  };
}

test.each([
  ["a peer elsewhere that owes an answer", "192.0.2.1", true, 5],
  ["a peer elsewhere that owes none", "192.0.2.1", false, 30],
  ["a peer on this machine", "127.0.0.1", true, 30],
  ["a peer behind a UNIX socket", undefined, true, 30],
])("%s is cut after so many seconds of silence", async (_who, address, isAwaited, seconds) => {
  const { watch, closed } = await connection(address, isAwaited);
  expect(await watch(60)).toBe(seconds);
  expect(closed).toEqual(["timeout.ping"]);
});
