/**
 * Event history: what storing costs. Publications of 256 B with `acknowledge`, 1 024 of them unanswered at a time, on a topic
 * whose events are kept: in memory, and on a disk with group commit. Processor time is that of the router's thread alone.
 *
 *     node bench/history.mjs [DIRECTORY]     on the disk to be measured; default: below the system's one for temporary files
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDiskStore } from "../packages/server/dist/store/open-disk-store.js";
import { Peer, startRouter, turn } from "./wire.mjs";

const EVENTS = 100_000;
const ROUNDS = 5;
const WINDOW = 1_024;
const PER_TURN = 64;
const TEXT = "x".repeat(256);

const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), "junctor-history-"));
const store = await openDiskStore(directory, { log: (event) => console.error(event) });
const topics = (kept) => ({ history: [{ uri: "com.example.kept", match: "exact", events: 50_000, bytes: 64 << 20 }], ...kept });
const routers = {
  "nothing is kept": startRouter(),
  "in memory": startRouter({ events: topics({}) }),
  "on the disk": startRouter({ events: topics({ store }) }),
};
const publishers = Object.entries(routers).map(([name, router]) => ({ name, peer: new Peer(router), request: 0, results: [] }));

for (let round = 0; round <= ROUNDS; round++) {
  for (const publisher of publishers) {
    const result = await publish(publisher);
    if (round > 0) publisher.results.push(result); // the first one warms up
  }
}
await store.close();
rmSync(directory, { recursive: true });

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const inMemory = median(publishers[1].results.map(({ us }) => us));
for (const { name, results } of publishers) {
  const us = median(results.map((result) => result.us));
  const perSecond = median(results.map((result) => result.perSecond));
  console.log(
    `${name.padEnd(16)} ${perSecond.toFixed(0).padStart(8)} events/s, ${us.toFixed(2)} µs of the router's thread each, ${(us / inMemory).toFixed(2)} times that in memory`,
  );
}

async function publish(publisher) {
  const { peer } = publisher;
  const goal = peer.socket.frames + EVENTS;
  const cpu = threadTime();
  const start = performance.now();
  for (let sent = 0; peer.socket.frames < goal; ) {
    const room = Math.min(PER_TURN, EVENTS - sent, WINDOW - (sent - (EVENTS - (goal - peer.socket.frames))));
    for (let i = 0; i < room; i++) peer.say(`[16,${++publisher.request},{"acknowledge":true},"com.example.kept",["${TEXT}"]]`);
    sent += room;
    if (room > 0) peer.flush();
    if (room > 0) await turn();
    else await new Promise((resolve) => (peer.socket.onWrite = resolve));
  }
  const seconds = (performance.now() - start) / 1e3;
  return { us: ((threadTime() - cpu) * 1e6) / EVENTS, perSecond: EVENTS / seconds };
}

/** Of the main thread, in seconds. */
function threadTime() {
  const text = readFileSync(`/proc/self/task/${process.pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
