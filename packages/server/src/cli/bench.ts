/**
 * `junctor bench`: how long calls and events take through a router, at a rate that does not wait for answers (open loop): each latency
 * is counted from when its message was due, so that a router that stands still is not spared (no coordinated omission).
 */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { connect, type Session } from "@junctor/client";
import { Exit, UserError, whyUnreadable } from "../user-error.ts";
import { VERSION } from "../version.ts";
import { jsonText, line, note } from "./print.ts";
import { type ClientOptions, connectOptionsOf, withSession } from "./session.ts";
import { tableLines } from "./table.ts";
import { parseNumber, parseSeconds } from "./values.ts";

export interface BenchOptions extends ClientOptions {
  readonly rate: string;
  readonly duration: string;
  readonly size: string;
  readonly subscribers?: string;
  readonly compare?: string;
}

export interface BenchResult {
  readonly kind: "call" | "pub";
  readonly rate: number;
  readonly seconds: number;
  readonly size: number;
  /** Of `pub`. */
  readonly subscribers?: number;
  readonly sent: number;
  /** Answers, or events that arrived. */
  readonly done: number;
  readonly failed: number;
  readonly donePerSecond: number;
  readonly milliseconds: Readonly<Record<(typeof POINTS)[number], number>>;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string; readonly platform: string };
  readonly junctor: string;
}

const POINTS = ["min", "mean", "p50", "p90", "p99", "p99.9", "max"] as const;

export async function bench(kind: string, options: BenchOptions): Promise<void> {
  if (kind !== "call" && kind !== "pub")
    throw new UserError(`there is no bench ${kind}`, { remedy: "choose call or pub", exitCode: Exit.usage });
  const rate = parseNumber(options.rate, "--rate");
  const seconds = parseSeconds(options.duration) / 1_000;
  const size = parseNumber(options.size, "--size");
  const subscribers = kind === "pub" ? parseNumber(options.subscribers ?? "1", "--subscribers") : undefined;
  const before = options.compare === undefined ? undefined : read(options.compare);
  await withSession(options, async (session, signal) => {
    const histogram = createHistogram();
    const load: Load = { rate, seconds, payload: "x".repeat(size), histogram, signal };
    const others: Session[] = [];
    try {
      for (let i = 0; i < (subscribers ?? 1); i++) others.push(await connect({ ...(await connectOptionsOf(options)), signal }));
      const counts = kind === "pub" ? await publications(session, others, load) : await calls(session, others[0] as Session, load);
      const result: BenchResult = {
        kind,
        rate,
        seconds,
        size,
        ...(subscribers !== undefined && { subscribers }),
        ...counts,
        donePerSecond: Math.round(counts.done / seconds),
        milliseconds: summary(histogram),
        machine: {
          cpu: cpus()[0]?.model ?? "?",
          cores: availableParallelism(),
          node: process.versions.node,
          platform: `${process.platform} ${process.arch}`,
        },
        junctor: VERSION,
      };
      if (options.json === true) line(jsonText(result));
      else print(result, before);
      if (counts.done === 0)
        throw new UserError("nothing came back", { remedy: "join as somebody who may register, call, publish and subscribe bench.*" });
    } finally {
      await Promise.all(others.map((other) => other.leave()));
    }
  });
}

interface Load {
  readonly rate: number;
  readonly seconds: number;
  readonly payload: string;
  /** Of nanoseconds. */
  readonly histogram: RecordableHistogram;
  readonly signal: AbortSignal;
}

interface Counts {
  readonly sent: number;
  readonly done: number;
  readonly failed: number;
}

async function calls(caller: Session, callee: Session, load: Load): Promise<Counts> {
  const procedure = `bench.${caller.id}`;
  await callee.register(procedure, ({ args }) => args[0]);
  let done = 0;
  let failed = 0;
  const waiting = new Set<Promise<void>>();
  const sent = await atRate(load, (due) => {
    const calling: Promise<void> = caller
      .call(procedure, [load.payload], {}, { signal: load.signal })
      .then(
        () => {
          done++;
          record(load.histogram, due);
        },
        () => void failed++,
      )
      .finally(() => waiting.delete(calling));
    waiting.add(calling);
  });
  await Promise.all(waiting);
  return { sent, done, failed };
}

/** Each subscriber has a session of its own. */
async function publications(publisher: Session, subscribers: readonly Session[], load: Load): Promise<Counts> {
  const topic = `bench.${publisher.id}`;
  const due: number[] = [];
  let done = 0;
  let expected = Number.POSITIVE_INFINITY;
  let arrived: () => void = () => {};
  for (const subscriber of subscribers) {
    await subscriber.subscribe(topic, ({ args: [i] }) => {
      record(load.histogram, due[Number(i)] ?? performance.now());
      if (++done >= expected) arrived();
    });
  }
  const sent = await atRate(load, (at) => void publisher.publish(topic, [due.push(at) - 1, load.payload]).catch(() => {}));
  expected = sent * subscribers.length;
  if (done < expected) {
    await new Promise<void>((resolve) => {
      arrived = resolve;
      setTimeout(resolve, LAST_MS).unref();
      load.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
  return { sent, done, failed: expected - done };
}

/** Sends what is due, whatever has become of what was sent. @returns how many */
async function atRate({ rate, seconds, signal }: Load, send: (due: number) => void): Promise<number> {
  const start = performance.now();
  const total = Math.round(rate * seconds);
  let sent = 0;
  while (sent < total && !signal.aborted) {
    const now = performance.now();
    while (sent < total) {
      const due = start + (sent * 1_000) / rate;
      if (due > now) break;
      sent++;
      send(due);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return sent;
}

function record(histogram: RecordableHistogram, due: number): void {
  histogram.record(Math.max(1, Math.round((performance.now() - due) * 1e6)));
}

function summary(histogram: RecordableHistogram): BenchResult["milliseconds"] {
  const ms = (nanoseconds: number) => (histogram.count === 0 ? 0 : Math.round(nanoseconds / 1e3) / 1e3);
  const at = (percentile: number) => ms(histogram.percentile(percentile));
  return {
    min: ms(histogram.min),
    mean: ms(histogram.mean),
    p50: at(50),
    p90: at(90),
    p99: at(99),
    "p99.9": at(99.9),
    max: ms(histogram.max),
  };
}

function print(
  { kind, rate, seconds, sent, done, failed, donePerSecond, milliseconds }: BenchResult,
  before: BenchResult | undefined,
): void {
  line(
    `${sent} ${kind === "call" ? "calls" : "publications"} at ${rate} a second: ${done} done (${donePerSecond} a second), ${failed} failed`,
  );
  const rows = POINTS.map((point) => ({ point, now: milliseconds[point], earlier: before?.milliseconds[point] }));
  const columns = [
    { title: "LATENCY", of: ({ point }: (typeof rows)[number]) => point },
    { title: "MS", of: ({ now }: (typeof rows)[number]) => now.toFixed(3), isNumber: true },
  ];
  const compared = [
    { title: "BEFORE", of: ({ earlier }: (typeof rows)[number]) => earlier?.toFixed(3), isNumber: true },
    {
      title: "×",
      of: ({ now, earlier }: (typeof rows)[number]) => (earlier === undefined || earlier === 0 ? undefined : (now / earlier).toFixed(2)),
      isNumber: true,
    },
  ];
  for (const text of tableLines(rows, before === undefined ? columns : [...columns, ...compared], "")) line(text);
  if (sent < rate * seconds * 0.99) note("the rate was not reached: either side may be at its end, this client included");
}

function read(file: string): BenchResult {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (isResult(value)) return value;
  } catch (error) {
    throw new UserError(`cannot read ${file}: ${error instanceof SyntaxError ? "it is no JSON" : whyUnreadable(error)}`, {
      remedy: REMEDY,
      exitCode: Exit.usage,
    });
  }
  throw new UserError(`${file} is no result of junctor bench`, { remedy: REMEDY, exitCode: Exit.usage });
}

function isResult(value: unknown): value is BenchResult {
  if (typeof value !== "object" || value === null || !("milliseconds" in value)) return false;
  const { milliseconds } = value;
  return typeof milliseconds === "object" && milliseconds !== null && POINTS.every((point) => point in milliseconds);
}

const REMEDY = "make one with: junctor bench call --json > old.json";
/** The last events may take so long. */
const LAST_MS = 5_000;
