import fc from "fast-check";
import { expect, test } from "vitest";
import { isPattern, isReserved, isUri, type MatchPolicy, type UriRule } from "./uri.ts";

// The specification's expressions (URI-02 to URI-05), with its white space spelled out (AMB-19).
const space = "\\s\\u0085\\u001c-\\u001f\\ufeff";
const loose = `[^${space}\\.#]`;
const REFERENCE: Readonly<Record<UriRule, Readonly<Record<MatchPolicy, RegExp>>>> = {
  loose: {
    exact: new RegExp(`^(${loose}+\\.)*(${loose}+)$`, "u"),
    wildcard: new RegExp(`^((${loose}+\\.)|\\.)*(${loose}+)?$`, "u"),
    prefix: new RegExp(`^(${loose}+\\.)*(${loose}*)$`, "u"),
  },
  strict: {
    exact: /^([0-9a-z_]+\.)*([0-9a-z_]+)$/,
    wildcard: /^(([0-9a-z_]+\.)|\.)*([0-9a-z_]+)?$/,
    prefix: /^([0-9a-z_]+\.)*([0-9a-z_]*)$/,
  },
};
const piece = fc.constantFrom(
  "a",
  "0",
  "_",
  ".",
  "..",
  "A",
  "é",
  "😀",
  "-",
  " ",
  "#",
  "\t",
  "\n",
  "\u0085",
  "\u00a0",
  "\u2028",
  "\u3000",
  "\u001c",
  "\u200b",
  "\u0000",
  "com",
);

test("agrees with the specification's expressions (URI-02 to URI-05, AMB-19)", () => {
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }),
      fc.constantFrom("loose", "strict"),
      fc.constantFrom("exact", "prefix", "wildcard"),
      (pieces, rule, match) => {
        const text = pieces.join("");
        expect(isPattern(text, rule as UriRule, match as MatchPolicy), JSON.stringify(text)).toBe(
          REFERENCE[rule as UriRule][match as MatchPolicy].test(text),
        );
      },
    ),
    { numRuns: 20_000 },
  );
});

test.each(["\ud83d", "a.\ude00", "\ude00\ud83d"])("half of a surrogate pair is no text (AMB-19): %j", (text) => {
  expect(isUri(text)).toBe(false);
});

test("wamp is reserved as a whole first component (URI-06, AMB-20)", () => {
  expect(["wamp", "wamp.x", "wamp."].map(isReserved)).toEqual([true, true, true]);
  expect(["wampum.x", "x.wamp", "", "wam"].map(isReserved)).toEqual([false, false, false, false]);
});
