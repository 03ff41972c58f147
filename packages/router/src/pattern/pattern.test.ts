import fc from "fast-check";
import { expect, test } from "vitest";
import { compareSpecificity, covers, overlap, type Pattern } from "./covers.ts";
import { matches as matchesPattern } from "./matches.ts";
import { PatternIndex } from "./pattern-index.ts";

// The plain version, as a model: three lines that nobody can get wrong.
const matches = ({ uri, match }: Pattern, topic: string): boolean => {
  if (match !== "wildcard") return match === "exact" ? uri === topic : topic.startsWith(uri);
  const [a, b] = [uri.split("."), topic.split(".")];
  return a.length === b.length && a.every((component, i) => component === "" || component === b[i]);
};
/** Literal runs between wildcards, as digits (AMB-39): "a.b..d" has runs of 2 and 1. */
const runs = (uri: string) =>
  `.${uri}.`
    .split("..")
    .map((run) => run.split(".").filter((component) => component !== "").length)
    .join("");
/** The order of RPC-PAT-04, as text that sorts: exact, whole prefixes by length, wildcards by runs, prefixes inside a component. */
const rank = ({ uri, match }: Pattern, longestPrefix: string, topic: string): string => {
  if (match === "exact") return "4";
  if (match === "wildcard") return `2 ${runs(uri)}`;
  const isWhole = longestPrefix === "" || longestPrefix.endsWith(".") || `${topic}.`.startsWith(`${longestPrefix}.`);
  return `${isWhole ? 3 : 1} ${uri.length}`;
};

const component = fc.constantFrom("a", "b", "ab");
const topic = fc.array(component, { minLength: 1, maxLength: 4 }).map((components) => components.join("."));
const pattern: fc.Arbitrary<Pattern> = fc.oneof(
  topic.map((uri) => ({ uri, match: "exact" as const })),
  fc.tuple(topic, fc.nat(6)).map(([uri, length]) => ({ uri: uri.slice(0, length), match: "prefix" as const })),
  fc
    .array(fc.oneof(component, fc.constant("")), { minLength: 1, maxLength: 4 })
    .map((components) => ({ uri: components.join("."), match: "wildcard" as const })),
);

test("finds what the plain version finds, whatever comes and goes (PS-PAT-02, RPC-PAT-04)", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(pattern, fc.boolean()), { maxLength: 30 }), fc.array(topic, { maxLength: 5 }), (changes, topics) => {
      const index = new PatternIndex<Pattern>();
      const kept = new Map<string, Pattern>();
      for (const [entry, isAdded] of changes) {
        const key = `${entry.match} ${entry.uri}`;
        if (isAdded) {
          index.set(entry.uri, entry.match, entry);
          kept.set(key, entry);
        } else {
          index.delete(entry.uri, entry.match);
          kept.delete(key);
        }
        for (const uri of topics) {
          const found = [...kept.values()].filter((candidate) => matches(candidate, uri));
          const name = ({ match, uri }: Pattern) => `${match} ${uri}`;
          expect(index.matching(uri).map(name).sort()).toEqual(found.map(name).sort());
          const longest = found.filter(({ match }) => match === "prefix").reduce((a, { uri }) => (uri.length > a.length ? uri : a), "");
          const best = found.toSorted((a, b) => (rank(a, longest, uri) < rank(b, longest, uri) ? 1 : -1))[0];
          expect(index.best(uri)).toEqual(best);
        }
      }
      expect([...index.values()].length).toBe(kept.size);
    }),
    { numRuns: 500 },
  );
});

test("one pattern and one URI match as in the plain version (AMB-84, AMB-85)", () => {
  const uri = fc.array(fc.constantFrom("a", "b", "ab", ""), { minLength: 1, maxLength: 4 }).map((components) => components.join("."));
  const any = fc.record({ uri, match: fc.constantFrom("exact" as const, "prefix" as const, "wildcard" as const) });
  fc.assert(
    fc.property(any, uri, (candidate, topic) => {
      expect(matchesPattern(candidate, topic)).toBe(matches(candidate, topic));
    }),
    { numRuns: 2_000 },
  );
});

test("a pattern covers another exactly if it matches whatever that one matches (T30)", () => {
  const components = ["a", "b", "c"];
  const all = (length: number): string[] =>
    length === 1 ? components : all(length - 1).flatMap((uri) => components.map((last) => `${uri}.${last}`));
  const universe = [1, 2, 3, 4, 5].flatMap((length) => all(length));
  // Prefixes may end inside a component, so components of two letters and some that no pattern names are needed as well.
  const topics = [...universe, ...universe.slice(0, 200).flatMap((uri) => [`${uri}b`, `${uri}.z`, `z.${uri}`])];
  const piece = fc.constantFrom("a", "b");
  const any: fc.Arbitrary<Pattern> = fc.oneof(
    fc.array(piece, { minLength: 1, maxLength: 3 }).map((parts) => ({ uri: parts.join("."), match: "exact" as const })),
    fc.array(piece, { maxLength: 2 }).map((parts) => ({ uri: parts.length === 0 ? "" : `${parts.join(".")}.`, match: "prefix" as const })),
    fc
      .array(fc.oneof(piece, fc.constant("")), { minLength: 1, maxLength: 3 })
      .map((parts) => ({ uri: parts.join("."), match: "wildcard" as const })),
  );
  fc.assert(
    fc.property(any, any, (outer, inner) => {
      const isCovered = topics.filter((uri) => matches(inner, uri)).every((uri) => matches(outer, uri));
      expect(covers(outer, inner)).toBe(isCovered && !(outer.match === "exact" && inner.match !== "exact"));
    }),
    { numRuns: 1_000 },
  );
});

test("two patterns overlap exactly if some URI is matched by both (T30)", () => {
  const components = ["a", "b", "ab", "abc"];
  const all = (length: number): string[] =>
    length === 1 ? components : all(length - 1).flatMap((uri) => components.map((last) => `${uri}.${last}`));
  const topics = [1, 2, 3, 4].flatMap(all);
  const short = fc.oneof(
    fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => ({ uri: parts.join("."), match: "exact" as const })),
    fc
      .tuple(fc.array(component, { minLength: 1, maxLength: 3 }), fc.nat(5))
      .map(([parts, length]) => ({ uri: parts.join(".").slice(0, length), match: "prefix" as const })),
    fc
      .array(fc.oneof(component, fc.constant("")), { minLength: 1, maxLength: 3 })
      .map((parts) => ({ uri: parts.join("."), match: "wildcard" as const })),
  );
  fc.assert(
    fc.property(short, short, (a, b) => {
      expect(overlap(a, b)).toBe(topics.some((uri) => matches(a, uri) && matches(b, uri)));
      expect(overlap(b, a)).toBe(overlap(a, b));
    }),
    { numRuns: 1_000 },
  );
});

test("of two patterns the one decides that an index of both would find (AUTHZ-06)", () => {
  fc.assert(
    fc.property(pattern, pattern, topic, (a, b, uri) => {
      fc.pre(matches(a, uri) && matches(b, uri) && (a.uri !== b.uri || a.match !== b.match));
      const index = new PatternIndex<Pattern>();
      index.set(a.uri, a.match, a);
      index.set(b.uri, b.match, b);
      expect(compareSpecificity(a, b, uri) < 0 ? a : b).toBe(index.best(uri));
    }),
    { numRuns: 1_000 },
  );
});
