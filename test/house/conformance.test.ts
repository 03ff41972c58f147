// docs/conformance.md is what scripts/conformance-table.mjs makes of the results that are kept, and says of Junctor what the suite
// in test/conformance proves.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { read, root } from "./files.ts";
import { rowsOf } from "./markdown.ts";

const page = read("docs/conformance.md");

test("the table of five routers is up to date (node scripts/conformance-table.mjs)", () => {
  const script = join(root, "scripts/conformance-table.mjs");
  const made = execFileSync(process.execPath, [script, "--print"], { cwd: root, encoding: "utf8", maxBuffer: 2 ** 24 });
  expect(page.split("\n")).toEqual(made.split("\n"));
});

test("the table says of Junctor that it does all that it was asked", () => {
  const marks = rowsOf(page).flatMap(([id = "", , , junctor]) => (/^[A-Z][A-Z-]*-\d+$/.test(id) ? [[id, junctor]] : []));
  expect(marks.length).toBeGreaterThan(150);
  // An empty cell is a requirement that came after the last run on all five.
  expect(marks.filter(([, mark]) => mark !== "✓" && mark !== "")).toEqual([]);
});
