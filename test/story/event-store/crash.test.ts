// What PUBLISHED says of a topic with history on a disk holds, whatever becomes of the process, the disk and its writes
// (reliability G3, G12, F1, F15 to F17).
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { everything, read } from "@junctor/testkit/event-store-suite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDiskStore } from "../../../packages/server/src/store/open-disk-store.ts";
import { Programs } from "./programs.ts";

/** A minute's worth in CI, some rounds for whoever works on it. */
const ROUNDS = Number(process.env["JUNCTOR_CRASH_ROUNDS"] ?? (process.env["CI"] === undefined ? 20 : 200));
/** Printed when a round fails; given again, it kills at the same lines. */
const SEED = Number(process.env["JUNCTOR_CRASH_SEED"] ?? (Date.now() % 1_000_000) + 1);
const hasTracer = spawnSync("strace", ["-f", "-o", "/dev/null", "true"]).status === 0;

let programs: Programs;
beforeAll(async () => {
  programs = await Programs.build();
});
afterAll(() => programs[Symbol.dispose]());

interface Facts {
  /** Publications that were answered with PUBLISHED, by the number that they carry. */
  readonly stored: Map<number, number>;
  readonly refused: Map<number, string>;
  /** What the store told of itself. */
  readonly log: string[];
}

interface Publishing {
  readonly first: number;
  readonly inFlight: number;
  readonly last?: number;
  /** Killed after so many lines. */
  readonly killAfter?: number;
  readonly traced?: readonly string[];
}

/** Runs the publisher until it ends or is killed, and collects what it said. */
async function publish(path: string, { first, inFlight, last, killAfter, traced = [] }: Publishing): Promise<Facts> {
  const facts: Facts = { stored: new Map(), refused: new Map(), log: [] };
  const options = [
    path,
    String(pathToFileURL(programs.file("worker"))),
    String(first),
    String(inFlight),
    ...(last === undefined ? [] : [String(last)]),
  ];
  const command = [...traced, process.execPath, programs.file("publisher"), ...options];
  // LMDB's own words on a write that was made to fail are no news.
  const child = spawn(command[0] ?? "", command.slice(1), { stdio: ["ignore", "pipe", traced.length > 0 ? "ignore" : "inherit"] });
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, number, rest = ""] = line.split(" ");
    if (what === "stored") facts.stored.set(Number(number), Number(rest));
    else if (what === "refused") facts.refused.set(Number(number), rest);
    else facts.log.push(line);
    if (++lines === killAfter) child.kill("SIGKILL");
  }
  return facts;
}

/** What both logs hold: numbers and publications, in order. */
async function kept(path: string): Promise<{ all: [number, number][]; odd: number[] }> {
  const store = await openDiskStore(path, { worker: pathToFileURL(programs.file("worker")), log: () => {} });
  try {
    const unlimited = { ...everything, events: 1e9, bytes: 1e12 };
    const logs = [store.openLog({ ...unlimited, uri: "com.app." }), store.openLog({ ...unlimited, uri: "com.app.odd", match: "exact" })];
    const [all, odd] = await Promise.all(logs.map((log) => read(log, { limit: 1e6, bytes: 1e9, now: Date.now() })));
    return {
      all: all?.events.map(({ payload, publication }) => [Number(payload.args?.[0]), publication]) ?? [],
      odd: odd?.events.map(({ publication }) => publication) ?? [],
    };
  } finally {
    await store.close();
  }
}

/** All that was acknowledged is there, once, in order; what is there beside it was on its way. */
function holds({ all, odd }: Awaited<ReturnType<typeof kept>>, stored: Map<number, number>): void {
  const numbers = all.map(([number]) => number);
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  const known = new Map(all);
  expect([...stored].filter(([number, publication]) => known.get(number) !== publication)).toEqual([]);
  expect(odd).toEqual(all.filter(([number]) => number % 2 === 1).map(([, publication]) => publication));
}

/** A store of its own that is opened and killed, over and over. @returns how many events were acknowledged */
async function live(rounds: number, seed: number): Promise<number> {
  using place = programs.directory();
  const stored = new Map<number, number>();
  let random = seed;
  for (let round = 1; round <= rounds; round++) {
    random = (random * 48_271) % 0x7fffffff;
    const facts = await publish(place.path, { first: round * 1e6, inFlight: 1 + (random % 100), killAfter: 1 + (random % 400) });
    expect(facts.log).toEqual([]);
    for (const [number, publication] of facts.stored) stored.set(number, publication);
    // Each round opens what the one before left behind; all of it is looked at now and then.
    if (round % 10 > 0 && round < rounds) continue;
    try {
      holds(await kept(place.path), stored);
    } catch (error) {
      throw new Error(`round ${round} of seed ${seed}, with JUNCTOR_CRASH_SEED=${SEED}`, { cause: error });
    }
  }
  return stored.size;
}

test(`${ROUNDS} times killed at any instant, the store has all that was acknowledged, once and in order, without repair (F1, G12)`, {
  timeout: 30_000 + ROUNDS * 5_000,
}, async () => {
  // Two at a time: a round waits for the start of a process, and for the disk.
  const acknowledged = await Promise.all([live(ROUNDS / 2, SEED), live(ROUNDS / 2, SEED + 1)]);
  expect(Math.min(...acknowledged)).toBeGreaterThan(ROUNDS / 2);
});

test("a program that is not killed leaves nothing out either, and stops by itself", async () => {
  using place = programs.directory();
  const facts = await publish(place.path, { first: 1, inFlight: 50, last: 1_000 });
  expect([facts.stored.size, facts.refused.size]).toEqual([1_000, 0]);
  const found = await kept(place.path);
  holds(found, facts.stored);
  expect(found.all.length).toBe(1_000);
});

test.skipIf(!hasTracer)("the kernel has written an event through before it is acknowledged, each time (F17; needs strace)", async () => {
  using place = programs.directory();
  const trace = join(place.path, "trace");
  const calls = "trace=openat,write,writev,pwrite64,pwritev,fdatasync";
  const facts = await publish(place.path, {
    first: 1,
    inFlight: 1,
    last: 20,
    traced: ["strace", "-f", "-s", "64", "-e", calls, "-o", trace],
  });
  expect(facts.stored.size).toBe(20);
  // The life of a commit, as the kernel saw it: pages → fdatasync → the root, through a descriptor opened with O_DSYNC.
  const files = new Set<string>();
  let synchronous = "none";
  let step: "clean" | "written" | "flushed" = "clean";
  let commits = 0;
  const acknowledged: number[] = [];
  const pending = new Map<string, string>();
  for (const line of readFileSync(trace, "utf8").split("\n")) {
    const [, thread = "", call = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (call.endsWith("<unfinished ...>")) {
      pending.set(thread, call.slice(0, -"<unfinished ...>".length));
      continue;
    }
    const ended = call.startsWith("<...") ? `${pending.get(thread)}${call.slice(call.indexOf(">") + 1)}` : call;
    const [, name = "", descriptor = ""] = /^(\w+)\((\d+)?/.exec(ended) ?? [];
    const result = Number(/= (-?\d+)/.exec(ended)?.[1]);
    if (name === "openat" && ended.includes("data.mdb")) {
      if (ended.includes("O_DSYNC")) synchronous = String(result);
      else files.add(String(result));
    } else if (name === "fdatasync" && files.has(descriptor)) {
      if (result === 0 && step === "written") step = "flushed";
    } else if (descriptor === synchronous) {
      expect({ commits, step }).toEqual({ commits, step: "flushed" });
      step = "clean";
      commits++;
    } else if (files.has(descriptor)) step = "written";
    else if (name === "write" && descriptor === "1" && ended.includes("stored")) acknowledged.push(commits);
  }
  expect(synchronous).not.toBe("none");
  // One publication at a time: a commit of its own before each acknowledgement.
  for (const [i, before] of acknowledged.entries()) expect(before).toBeGreaterThan(acknowledged[i - 1] ?? 0);
  expect(acknowledged.length).toBe(20);
});

const failing = (fault: string) => ["strace", "-f", "-e", "trace=pwrite64,fdatasync", "-e", `inject=${fault}`, "-o", "/dev/null"];

test.skipIf(!hasTracer)(
  "once the disk fails to write through nothing is acknowledged any more, until a new start (F16; needs strace)",
  async () => {
    using place = programs.directory();
    const facts = await publish(place.path, { first: 1, inFlight: 1, last: 40, traced: failing("fdatasync:error=EIO:when=20") });
    expect([...facts.refused.values()]).toEqual(Array.from({ length: facts.refused.size }, () => "junctor.error.store_failed"));
    expect([...facts.refused.keys()]).toEqual(Array.from({ length: facts.refused.size }, (_, i) => facts.stored.size + 1 + i));
    expect([facts.stored.size > 0, facts.refused.size > 10, facts.stored.size + facts.refused.size]).toEqual([true, true, 40]);
    expect(facts.log.map((line) => JSON.parse(line) as object)).toMatchObject([{ event: "store.failed", isFinal: true }]);
    holds(await kept(place.path), facts.stored);
    const later = await publish(place.path, { first: 41, inFlight: 1, last: 50 });
    expect(later.stored.size).toBe(10);
    holds(await kept(place.path), new Map([...facts.stored, ...later.stored]));
  },
);

test.skipIf(!hasTracer)("a disk that is full refuses, and goes on by itself when it has room (F15; needs strace)", async () => {
  using place = programs.directory();
  const facts = await publish(place.path, { first: 1, inFlight: 1, last: 40, traced: failing("pwrite64:error=ENOSPC:when=30..34") });
  expect(new Set(facts.refused.values())).toEqual(new Set(["junctor.error.store_failed"]));
  expect([facts.refused.size > 0, facts.stored.has(40)]).toEqual([true, true]);
  expect(facts.log.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(["store.failed", "store.recovered"]);
  const found = await kept(place.path);
  holds(found, facts.stored);
  expect(found.all.map(([number]) => number)).toEqual([...facts.stored.keys()]); // what was refused is not there
});
