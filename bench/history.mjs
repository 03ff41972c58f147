/**
 * Event history: what storing costs. Publications of 256 B with `acknowledge`, 1 024 of them unanswered at a time, on a topic
 * whose events are kept: in memory, and on a disk with group commit. Processor time is that of the router's thread alone.
 *
 * Each place has a process of its own, so that none collects another's garbage; they take turns, in many short rounds, so that
 * what else the machine does meets all of them.
 *
 *     node bench/history.mjs [DIRECTORY]     on the disk to be measured; default: below the system's one for temporary files
 */
import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openDiskStore } from "../packages/server/dist/store/open-disk-store.js";
import { Peer, startRouter, turn } from "./wire.mjs";

const EVENTS = 10_000;
const ROUNDS = 60;
/** Rounds before those that count, for the compiler. */
const WARM = 10;
const WINDOW = 1_024;
const PER_TURN = 64;
const TEXT = "x".repeat(256);
const PLACES = ["nothing is kept", "in memory", "on the disk"];

if (process.send === undefined) await compare(process.argv[2] ?? tmpdir());
else await answer(process.argv[2], process.argv[3]);

async function compare(parent) {
  const directory = mkdtempSync(join(parent, "junctor-history-"));
  const places = PLACES.map((name) => ({ name, process: fork(fileURLToPath(import.meta.url), [name, directory]), results: [] }));
  for (let round = -WARM; round < ROUNDS; round++) {
    for (const place of places) {
      place.process.send("round");
      const result = await new Promise((resolve) => place.process.once("message", resolve));
      if (round >= 0) place.results.push(result);
    }
  }
  for (const place of places) place.process.send("end");
  await Promise.all(places.map((place) => new Promise((resolve) => place.process.once("exit", resolve))));
  rmSync(directory, { recursive: true });

  const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
  const inMemory = places[1].results;
  for (const { name, results } of places) {
    const us = median(results.map((result) => result.us));
    const perSecond = median(results.map((result) => result.perSecond));
    const ratio = median(results.map((result, round) => result.us / inMemory[round].us));
    console.log(
      `${name.padEnd(16)} ${perSecond.toFixed(0).padStart(8)} events/s, ${us.toFixed(2)} µs of the router's thread each, ${ratio.toFixed(3)} times that in memory`,
    );
  }
}

async function answer(place, directory) {
  const store = place === "on the disk" ? await openDiskStore(directory, { log: (event) => console.error(event) }) : undefined;
  const history = [{ uri: "com.example.kept", match: "exact", events: 50_000, bytes: 64 << 20 }];
  const router = startRouter(place === "nothing is kept" ? {} : { events: { history, ...(store && { store }) } });
  const publisher = { peer: new Peer(router), request: 0 };
  process.on("message", async (message) => {
    if (message === "round") process.send(await publish(publisher));
    else {
      await store?.close();
      process.disconnect();
    }
  });
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
  const [onProcessor] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ");
  return Number(onProcessor) / 1e9;
}
