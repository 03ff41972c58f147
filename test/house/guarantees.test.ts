// docs/guide/guarantees.md and security.md: each promise names a test that is there.
import { expect, test } from "vitest";
import { files, read } from "./files.ts";
import { rowsOf } from "./markdown.ts";

const promises = ["guarantees", "security"].flatMap((page) => rowsOf(read(`docs/guide/${page}.md`)));

test.each(promises.map(([promise = "", proof = ""]) => ({ promise, proof })))("$promise", ({ proof }) => {
  const [, file = "", name = ""] = /^`([^`]+)`: (.+)$/.exec(proof) ?? [];
  expect(files).toContain(file);
  expect(file).toMatch(/\.test\.ts$/);
  // As a name, or the part of one: in quotes of some kind.
  expect(read(file).replaceAll("\\", "")).toMatch(new RegExp(`["'\`][^"'\`\\n]*${name.replace(/[^\w\s]/g, "\\$&")}`));
});
