import fc from "fast-check";
import { expect, test } from "vitest";
import { score } from "./rendezvous.ts";

const pick = (key: string, candidates: readonly string[]) => candidates.reduce((a, b) => (score(key, b) > score(key, a) ? b : a));

test("keys are spread evenly, also over candidates that differ in their last character only", () => {
  for (const name of [(i: number) => `node-${i}`, (i: number) => `${i}-node`, (i: number) => "abcdefgh"[i] ?? ""]) {
    const candidates = Array.from({ length: 8 }, (_, i) => name(i));
    const counts = new Map(candidates.map((candidate) => [candidate, 0]));
    for (let i = 0; i < 8_000; i++) {
      const picked = pick(`key-${i}`, candidates);
      counts.set(picked, (counts.get(picked) ?? 0) + 1);
    }
    // 1000 each; the standard deviation is 30.
    for (const [candidate, count] of counts) expect([candidate, count > 850 && count < 1_150]).toEqual([candidate, true]);
  }
});

test("a candidate that leaves moves its own keys only, and the order of candidates is of no account", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { minLength: 2, maxLength: 8 }), fc.string(), (candidates, key) => {
      const picked = pick(key, candidates);
      for (const gone of candidates) {
        const rest = candidates.filter((candidate) => candidate !== gone);
        if (gone !== picked) expect(pick(key, rest.reverse())).toBe(picked);
      }
    }),
  );
});
