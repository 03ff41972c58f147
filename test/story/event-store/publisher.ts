/**
 * The program that the crash tests kill: a router whose realm keeps its events on a disk, and a client in the same process
 * that publishes without a pause. Each line that it prints is a fact: `stored N PUBLICATION`, or `refused N ERROR`.
 *
 *     node publisher.mjs DIRECTORY WORKER FIRST IN_FLIGHT [LAST]
 */
import { writeSync } from "node:fs";
import { ApplicationError, connect } from "@junctor/client";
import { anonymous, Router } from "@junctor/router";
import { NodeClock } from "@junctor/transport-node";
import { openDiskStore } from "../../../packages/server/src/store/open-disk-store.ts";

const [directory = "", worker = "", first = "1", inFlight = "1", last = "Infinity"] = process.argv.slice(2);
const store = await openDiskStore(directory, { worker: new URL(worker), log: (event) => say(JSON.stringify(event)) });
const clock = new NodeClock();
const router = new Router({ clock, randomFill: (bytes) => crypto.getRandomValues(bytes) });
clock.wake = () => router.wake();
const all = { uri: "", match: "prefix", allow: { publish: true, subscribe: true, call: true } } as const;
router.addRealm({
  name: "app",
  roles: [{ name: "anyone", permissions: [all] }],
  authenticate: anonymous("anyone"),
  events: {
    store,
    history: [
      { uri: "com.app.", match: "prefix", events: 1e9, bytes: 1e12 },
      { uri: "com.app.odd", match: "exact", events: 1e9, bytes: 1e12 },
    ],
  },
});
const session = await connect({ dial: router.dial(), realm: "app", timeout: 0 });

let next = Number(first);
const publish = async () => {
  for (let number = next++; number <= Number(last); number = next++) {
    try {
      const topic = number % 2 === 1 ? "com.app.odd" : "com.app.even";
      const publication = await session.publish(topic, [number, "x".repeat(number % 300)], {}, { acknowledge: true });
      say(`stored ${number} ${publication}`);
    } catch (error) {
      say(`refused ${number} ${error instanceof ApplicationError ? error.uri : String(error)}`);
    }
  }
};
await Promise.all(Array.from({ length: Number(inFlight) }, publish));
await session.leave();
await store.close();

/** Leaves the process before anything else happens. */
function say(line: string): void {
  for (let rest = Buffer.from(`${line}\n`); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      // The pipe is full: whoever reads it will have made room soon.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
    }
  }
}
