// A store whose file was cut off or written over is refused with the reason, or works: it does not end the process (F18).
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { JsonSerializer, Payload } from "@junctor/protocol";
import { append, everything, storedEvent } from "@junctor/testkit/event-store-suite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDiskStore } from "../../../packages/server/src/store/open-disk-store.ts";
import { Programs } from "./programs.ts";

/** The same damages each time; another seed and more of each for whoever looks for what is left. */
const SEED = Number(process.env["JUNCTOR_DAMAGE_SEED"] ?? 1);
let random = SEED;
const below = (limit: number) => {
  random = (random * 48_271) % 0x7fffffff;
  return random % limit;
};

let programs: Programs;
beforeAll(async () => {
  programs = await Programs.build();
});
afterAll(() => programs[Symbol.dispose]());

const PAGE = 4096;
const pageOf = (bytes: Buffer, number: number) => bytes.subarray(number * PAGE, (number + 1) * PAGE);
const randomPage = (bytes: Buffer) => pageOf(bytes, below(Math.floor(bytes.length / PAGE)));
const noise = (bytes: Buffer) => {
  for (let i = 0; i < bytes.length; i++) bytes[i] = below(256);
};

/** @returns the file from now on */
const DAMAGES: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  "cut off anywhere": (bytes) => bytes.subarray(0, 1 + below(bytes.length - 1)),
  "cut off at a page": (bytes) => bytes.subarray(0, PAGE * (1 + below(Math.floor(bytes.length / PAGE) - 1))),
  "a page of noise": (bytes) => {
    noise(randomPage(bytes));
    return bytes;
  },
  "a page of zeros": (bytes) => {
    randomPage(bytes).fill(0);
    return bytes;
  },
  "a page in the place of another": (bytes) => {
    randomPage(bytes).copy(randomPage(bytes));
    return bytes;
  },
  "a few octets in a page": (bytes) => {
    const page = randomPage(bytes);
    for (let i = 0; i < 4; i++) page[below(PAGE)] = below(256);
    return bytes;
  },
  "a few octets at the beginning of a page": (bytes) => {
    const page = randomPage(bytes);
    for (let i = 0; i < 4; i++) page[below(64)] = below(256);
    return bytes;
  },
  "a few octets of a meta page": (bytes) => {
    const page = pageOf(bytes, below(2));
    for (let i = 0; i < 4; i++) page[below(168)] = below(256);
    return bytes;
  },
  "nothing but noise": (bytes) => {
    noise(bytes.subarray(0, 10 * PAGE));
    return bytes.subarray(0, 10 * PAGE);
  },
};
const EACH = Number(process.env["JUNCTOR_DAMAGES"] ?? 30);

test("whatever has become of its file, a store works or says what is wrong, and the process goes on (F18)", {
  timeout: 120_000,
}, async () => {
  using sound = programs.directory();
  const store = await openDiskStore(sound.path, { worker: pathToFileURL(programs.file("worker")), log: () => {} });
  const log = store.openLog({ ...everything, uri: "com.app.", events: 1e9, bytes: 1e12 });
  const json = new JsonSerializer();
  for (let round = 0; round < 40; round++) {
    // Values in leaves and beside them, and trees of some depth.
    const appended = Array.from({ length: 12 }, (_, i) => {
      const bytes = Buffer.from(JSON.stringify(["x".repeat(below(3) === 0 ? 9_000 : 200)]));
      const payload = Payload.encoded(json, bytes, 0, bytes.length, 1);
      return append(store, storedEvent(1 + round * 12 + i, { topic: "com.app.x", payload }), [log]);
    });
    await Promise.all(appended);
  }
  await store.close();
  const original = readFileSync(join(sound.path, "data.mdb"));
  expect(original.length).toBeGreaterThan(100 * PAGE);

  using damaged = programs.directory();
  const paths: string[] = [];
  for (const [kind, damage] of Object.entries(DAMAGES)) {
    for (let i = 0; i < EACH; i++) {
      const path = join(damaged.path, `${kind} ${i}`);
      mkdirSync(path);
      writeFileSync(join(path, "data.mdb"), damage(Buffer.from(original)));
      paths.push(path);
    }
  }
  const intact = join(damaged.path, "intact");
  mkdirSync(intact);
  copyFileSync(join(sound.path, "data.mdb"), join(intact, "data.mdb"));
  const { stdout, signal, status } = spawnSync(process.execPath, [programs.file("visitor"), ...paths, intact], { encoding: "utf8" });
  const lines = stdout.trimEnd().split("\n");
  if (signal !== null || status !== 0) throw new Error(`${signal ?? status} at ${lines.at(-1)}, seed ${SEED}`);
  const outcomes = new Map(lines.map((line, i) => [line, lines[i + 1] ?? ""]).filter((_, i) => i % 2 === 0) as [string, string][]);
  expect(outcomes.size).toBe(paths.length + 1);
  expect(outcomes.get(intact)).toBe("used");
  for (const [path, outcome] of outcomes) {
    if (path.includes("nothing but noise") || path.includes("cut off"))
      expect(outcome).toMatch(/^UnusableError: its file \S.* is damaged: it is (cut off|no LMDB file)/);
  }
});
