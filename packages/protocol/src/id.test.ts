import { expect, test } from "vitest";
import { isId, MAX_ID, nextId, randomIds, sequentialIds } from "./id.ts";

test("an id is an integer from 1 to 2^53 (ID-01, AMB-21)", () => {
  for (const id of [1, 2, 2 ** 31, 2 ** 53 - 1, 2 ** 53]) expect(isId(id)).toBe(true);
  for (const other of [0, -1, 1.5, 2 ** 53 + 2, Number.NaN, Number.POSITIVE_INFINITY, "1", 1n, null, undefined, true])
    expect(isId(other)).toBe(false);
});

test("after 2^53 comes 1, where doubles have no 2^53 + 1 (ID-04, AMB-23)", () => {
  expect([nextId(1), nextId(2 ** 53 - 1), nextId(2 ** 53)]).toEqual([2, 2 ** 53, 1]);
  const ids = sequentialIds(2 ** 53);
  expect([ids.next(), ids.next(), ids.next()]).toEqual([2 ** 53, 1, 2]);
});

test("random ids use 53 bits, from the least to the greatest (ID-02, AMB-25)", () => {
  const of = (byte: number) => randomIds((bytes) => bytes.fill(byte)).next();
  expect([of(0), of(0xff)]).toEqual([1, MAX_ID]);
  // Each of the 53 bits is that of a random bit, and none of another: one source bit, one bit of the id.
  const found = new Set<number>();
  for (let bit = 0; bit < 64; bit++) {
    const id = randomIds((bytes) => {
      bytes.fill(0);
      bytes[bit >> 3] = 1 << (bit & 7);
    }).next();
    if (id !== 1) found.add(Math.log2(id - 1));
  }
  expect([...found].sort((a, b) => a - b)).toEqual(Array.from({ length: 53 }, (_, i) => i));
});

test("random ids are drawn in batches, and every byte is used once (ID-02)", () => {
  let calls = 0;
  let counter = 0;
  const ids = randomIds((bytes) => {
    calls++;
    for (let i = 0; i < bytes.length; i += 8) bytes[i] = ++counter;
  }, 4);
  expect(Array.from({ length: 9 }, () => ids.next())).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(calls).toBe(3);
});
