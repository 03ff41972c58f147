/**
 * Opens stores one after another, reads all that they hold and writes something: `NAME` before, and after it `used`, or what
 * kept it from that. Whoever started it sees by the last line where it ended.
 *
 *     node visitor.mjs DIRECTORY …
 */
import { writeSync } from "node:fs";
import { type HistoryQuery, type HistoryTopic, WITHOUT_BOUNDS } from "@junctor/router";
import { nodeSerializers } from "@junctor/transport-node";
import { Disk } from "../../../packages/server/src/store/disk.ts";

const TOPIC: HistoryTopic = { uri: "com.app.", match: "prefix", events: 1e9, bytes: 1e12, ageMs: Number.POSITIVE_INFINITY };
const ALL: HistoryQuery = {
  now: 0,
  reverse: false,
  limit: 1e9,
  bytes: 1e12,
  authid: "anna",
  authrole: "reader",
  topics: undefined,
  ...WITHOUT_BOUNDS,
};

for (const path of process.argv.slice(2)) {
  writeSync(1, `${path}\n`);
  let disk: Disk | undefined;
  try {
    disk = new Disk(path, "visitor", nodeSerializers);
    const count = disk.retained().retained.length;
    disk.openLog(1, TOPIC, 0);
    disk.commit([], [{ topic: `com.app.${count}`, block: new Uint8Array(10_000) }]);
    for (const reverse of [false, true]) disk.read(1, { ...ALL, reverse });
    writeSync(1, "used\n");
  } catch (error) {
    writeSync(1, `${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n`);
  }
  await disk?.close();
}
