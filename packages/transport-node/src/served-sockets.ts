/**
 * The sockets of one listener on which HTTP requests have been made, and whether their peers read the answers: Node.js waits
 * for ever for one that does not (T13).
 */
import type { Socket } from "node:net";

interface Reading {
  /** Bytes of output that the system had taken, and since when no more of it was. */
  taken: number;
  since: number;
}

export class ServedSockets {
  readonly #sockets = new Map<Socket, Reading>();

  /** @returns false where it is known */
  add(socket: Socket, now: number): boolean {
    if (this.#sockets.has(socket)) return false;
    this.#sockets.set(socket, { taken: 0, since: now });
    return true;
  }

  /** @returns false where it is not known (any more) */
  delete(socket: Socket): boolean {
    return this.#sockets.delete(socket);
  }

  /** Cuts those who take what waits for them too slowly; called once a second. */
  tick(now: number): void {
    for (const [socket, reading] of this.#sockets) {
      const waiting = socket.writableLength;
      const taken = socket.bytesWritten - waiting;
      if (waiting === 0 || taken !== reading.taken) {
        reading.taken = taken;
        reading.since = now;
      } else if (now - reading.since > GRACE_MS + (waiting / SLOWEST) * 1_000) socket.destroy();
    }
  }
}

const GRACE_MS = 10_000;
/** Bytes a second. */
const SLOWEST = 1_024;
