// What is read of a service's output: lines as they were printed, however they arrive, and never more than the budget allows.
import { PassThrough } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { LONGEST_LINE, OutputBudget, OutputReader } from "./output-reader.ts";

async function linesOf(chunks: readonly Buffer[], budget = new OutputBudget(1e9, () => 0)): Promise<string[]> {
  const stream = new PassThrough();
  const lines: string[] = [];
  new OutputReader(stream, budget, (line) => lines.push(line));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  for (let quiet = 0, seen = -1; quiet < 5; seen = lines.length) {
    await turn();
    quiet = lines.length === seen ? quiet + 1 : 0;
  }
  return lines;
}

test("lines come as they were printed, split anywhere; the last one also without its end", async () => {
  const line = fc.string({ unit: "grapheme" }).map((text) => text.replace(/[\r\n]/g, ""));
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1 }), fc.array(fc.nat(40)), fc.constantFrom("\n", "\r\n"), async (lines, cuts, end) => {
      const bytes = Buffer.from(lines.join(end));
      const chunks: Buffer[] = [];
      let from = 0;
      for (const cut of cuts) {
        chunks.push(bytes.subarray(from, from + cut));
        from += cut;
      }
      const expected = lines.at(-1) === "" ? lines.slice(0, -1) : lines;
      expect(await linesOf([...chunks, bytes.subarray(from)].filter(({ length }) => length > 0))).toEqual(expected);
    }),
    { numRuns: 50 },
  );
});

test("a line without end comes in pieces, none of them cut within a character", async () => {
  const text = `x${"€".repeat(10_000)}`;
  const pieces = await linesOf([Buffer.from(text)]);
  expect(pieces.join("")).toBe(text);
  expect(Math.max(...pieces.map((piece) => Buffer.byteLength(piece)))).toBeLessThanOrEqual(LONGEST_LINE);
});

test("of many short lines only some are taken in a turn", async () => {
  const stream = new PassThrough();
  let lines = 0;
  new OutputReader(stream, new OutputBudget(1e9, () => 0), () => lines++);
  stream.write(Buffer.alloc(60_000, "\n"));
  await turn();
  expect(lines).toBeLessThanOrEqual(100);
  stream.end();
});

test("a budget lets through what it says in a second, and as much at once", () => {
  let now = 0;
  const budget = new OutputBudget(10_000, () => now);
  let taken = 0;
  while (now < 10_000) {
    now += budget.take(900);
    taken += 1_000;
  }
  expect(taken).toBeGreaterThan(90_000);
  expect(taken).toBeLessThan(115_000);
});
