// Threats that have to be answered for: docs/guide/security.md has a promise for each, whose test guarantees.test.ts looks for.
import { expect, test } from "vitest";
import { files, read } from "./files.ts";
import { rowsOf } from "./markdown.ts";

const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => `T${first + i}`);
const THREATS = [...from(1, 14), ...from(19, 33), "T44", "T45"];

test("every threat has a promise", () => {
  const promised = rowsOf(read("docs/guide/security.md")).flatMap(([promise = ""]) => promise.match(/\bT\d+\b/g) ?? []);
  expect(THREATS.filter((threat) => !promised.includes(threat))).toEqual([]);
});

test("secrets are compared in a time that tells nothing: nowhere by === (T3)", () => {
  const comparison =
    /\b\w*(?:signature|secret|ticket|password|digest|storedKey|token)\w*\)?\s*[!=]==(?!\s*(?:undefined|null|""|true|false|\d))/gi;
  const sources = files.filter((file) => /^packages\/(server|protocol)\/src\/(auth|admin|service)\/.*(?<!\.test)\.ts$/.test(file));
  expect(sources.length).toBeGreaterThan(20);
  expect("if (signature === expected)".match(comparison)).not.toBeNull();
  expect(sources.flatMap((file) => (read(file).match(comparison) ?? []).map((found) => `${file}: ${found}`))).toEqual([]);
});

test("no expression is built of what a peer sends (T23)", () => {
  const sources = files.filter((file) => /^packages\/(router|protocol|transport-node)\/src\/.*(?<!\.test)\.ts$/.test(file));
  const built = sources.flatMap((file) => read(file).match(/new RegExp\([^)]*\)?/g) ?? []);
  expect([...new Set(built)]).toEqual(['new RegExp(PLACEHOLDER, "g")']);
});
