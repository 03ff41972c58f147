import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Backlog, costOf } from "./backlog.ts";

const frame = (size: number, mark = 0) => new Uint8Array(size).fill(mark);
const sizes = (frames: Uint8Array[]) => frames.map(({ length }) => length);
const COST = costOf(frame(0));

describe("a backlog", () => {
  test("gives back what it was given, in order, in portions of whole frames", () => {
    const backlog = new Backlog();
    for (const size of [10, 20, 30, 40]) backlog.push(frame(size), size === 20 ? "key" : undefined, size === 30);
    expect([backlog.size, backlog.replySize]).toEqual([100 + 4 * COST, 30 + COST]);
    expect(sizes(backlog.take(25))).toEqual([10, 20]);
    expect([backlog.size, backlog.replySize]).toEqual([70 + 2 * COST, 30 + COST]);
    expect(sizes(backlog.take(1))).toEqual([30]);
    expect(sizes(backlog.take(Number.POSITIVE_INFINITY))).toEqual([40]);
    expect(backlog.take(1)).toEqual([]);
    expect([backlog.size, backlog.replySize]).toEqual([0, 0]);
  });

  test("drops the oldest EVENTs until a frame fits, and nothing else", () => {
    const backlog = new Backlog();
    backlog.push(frame(100), undefined, true);
    for (const size of [10, 20, 30]) backlog.push(frame(size), "key", false);
    const limit = backlog.size;
    expect(backlog.dropOldest(frame(5), limit)).toBe(1);
    expect(backlog.dropOldest(frame(5), 0)).toBe(2);
    expect(sizes(backlog.take(1_000))).toEqual([100]);
  });

  test("that conflates has the newest EVENT of every key", () => {
    const backlog = new Backlog();
    backlog.push(frame(1), "a", false);
    backlog.push(frame(2), "b", false);
    backlog.push(frame(3), undefined, true);
    backlog.push(frame(4), "a", false);
    backlog.push(frame(5), "a", false);
    expect(backlog.conflate()).toBe(2);
    expect(backlog.dropKey("a")).toBe(true);
    expect(backlog.dropKey("a")).toBe(false);
    backlog.push(frame(6), "a", false);
    expect(backlog.dropKey("c")).toBe(false);
    expect(sizes(backlog.take(1_000))).toEqual([2, 3, 6]);
    expect(backlog.dropKey("a")).toBe(false);
  });

  test("does not keep what it dropped, however long its peer does not read", () => {
    const backlog = new Backlog();
    backlog.conflate();
    let dropped = 0;
    for (let i = 0; i < 100_000; i++) {
      if (backlog.dropKey(`key ${i % 10}`)) dropped++;
      backlog.push(frame(1), `key ${i % 10}`, false);
    }
    expect(dropped).toBe(99_990);
    expect(backlog.size).toBe(10 * (1 + COST));
    expect(backlog.places).toBeLessThan(100);
  });

  test("is a list from which things are taken, whatever is done to it", () => {
    type Step = ["push", number, string | undefined] | ["oldest" | "newest", number] | ["conflate"] | ["key", string] | ["take", number];
    const key = fc.constantFrom("a", "b", "c");
    const step: fc.Arbitrary<Step> = fc.oneof(
      { weight: 5, arbitrary: fc.tuple(fc.constant("push" as const), fc.integer({ min: 0, max: 50 }), fc.option(key, { nil: undefined })) },
      fc.tuple(fc.constantFrom("oldest" as const, "newest" as const), fc.integer({ min: 0, max: 5_000 })),
      fc.tuple(fc.constant("conflate" as const)),
      fc.tuple(fc.constant("key" as const), key),
      fc.tuple(fc.constant("take" as const), fc.integer({ min: 1, max: 100 })),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const backlog = new Backlog();
        let model: { bytes: Uint8Array; key: string | undefined }[] = [];
        const size = () => model.reduce((sum, { bytes }) => sum + costOf(bytes), 0);
        let hasConflated = false;
        let mark = 0;
        for (const [what, ...rest] of steps) {
          if (what === "push") {
            const [length, key] = rest as [number, string | undefined];
            const bytes = frame(length, mark++ % 251);
            // What conflates is asked for the older one first.
            if (hasConflated && key !== undefined) {
              backlog.dropKey(key);
              model = model.filter((entry) => entry.key !== key);
            }
            backlog.push(bytes, key, key === undefined);
            model.push({ bytes, key });
          } else if (what === "oldest" || what === "newest") {
            const [limit] = rest as [number];
            const isEvent = ({ key }: { key: string | undefined }) => key !== undefined;
            if (what === "oldest") backlog.dropOldest(frame(7), limit);
            else backlog.dropNewest(frame(7), limit);
            while (size() + 7 + COST > limit) {
              const first = what === "oldest" ? model.findIndex(isEvent) : model.findLastIndex(isEvent);
              if (first < 0) break;
              model.splice(first, 1);
            }
          } else if (what === "conflate") {
            hasConflated = true;
            backlog.conflate();
            model = model.filter(({ key }, i) => key === undefined || !model.slice(i + 1).some((later) => later.key === key));
          } else if (what === "key") {
            const [key] = rest as [string];
            if (!hasConflated) continue;
            expect(backlog.dropKey(key)).toBe(model.some((entry) => entry.key === key));
            model = model.filter((entry) => entry.key !== key);
          } else {
            const [most] = rest as [number];
            const expected: Uint8Array[] = [];
            for (let length = 0; length < most && model.length > 0; ) {
              const { bytes } = model.shift() as { bytes: Uint8Array };
              expected.push(bytes);
              length += bytes.length;
            }
            const taken = backlog.take(most);
            expect(taken.length).toBe(expected.length);
            expect(taken.every((bytes, i) => bytes === expected[i])).toBe(true);
          }
          expect(backlog.size).toBe(size());
        }
        expect(backlog.take(Number.POSITIVE_INFINITY)).toEqual(model.map(({ bytes }) => bytes));
      }),
    );
  });
});
