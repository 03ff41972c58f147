// Vectors and words stop where a loop stops, or a little before.
import { portableText } from "@junctor/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { skipPlain } from "./plain-text.ts";

const isPlain = (octet: number) => octet >= 0x20 && octet < 0x80 && octet !== 0x22 && octet !== 0x5c;

describe.each([
  ["by words", portableText.skipPlain, 4],
  ["by vectors", skipPlain, 16],
])("plain text in JSON strings (SER-04), %s", (name, skip, step) => {
  test("is what it is in this engine", () => {
    expect(skip === portableText.skipPlain).toBe(name === "by words");
  });

  test("is passed up to the step that holds another octet", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 70_000 }),
        fc.nat(10),
        fc.array(fc.tuple(fc.nat(70_000), fc.nat(255)), { maxLength: 3 }),
        fc.integer({ min: 0x20, max: 0x7f }).filter(isPlain),
        (length, words, changes, filler) => {
          const start = 4 * words;
          const bytes = new Uint8Array(start + length + 32).fill(filler);
          for (const [at, octet] of changes) if (at < length) bytes[start + at] = octet;
          const end = start + length;
          let first = start;
          while (first < end && isPlain(bytes[first] as number)) first++;
          const at = skip(bytes, start, end);
          expect(at).toBeLessThanOrEqual(first);
          expect(first - at).toBeLessThan(step);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("is no control, no quote, no backslash and nothing outside ASCII", () => {
    for (let octet = 0; octet < 256; octet++) {
      const bytes = new Uint8Array(4_096).fill(0x61);
      bytes[2_000] = octet;
      expect([octet, skip(bytes, 0, 4_096) > 2_000]).toEqual([octet, isPlain(octet)]);
    }
  });
});
