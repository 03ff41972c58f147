// docs/reference/features.md is what scripts/features.mjs makes of the requirements, the code and the tests; and nothing
// that the router's core must do is without a test.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { read, root } from "./files.ts";
import { rowsOf } from "./markdown.ts";

const script = (...options: string[]) =>
  execFileSync(process.execPath, [join(root, "scripts/features.mjs"), ...options], { cwd: root, encoding: "utf8", maxBuffer: 2 ** 24 });
const page = read("docs/reference/features.md");

const hasCatalogue = existsSync(join(process.env["JUNCTOR_SHARED"] ?? join(root, "../shared"), "spec/requirements.md"));
if (!hasCatalogue) console.log("conformance: the catalogue of requirements is not at hand; they are taken from the page itself");

/** Where in its file a citation stands changes with every edit: the page is made anew when something else changes, too. */
const withoutLines = (text: string) => text.replace(/:\d+\]\(|#L\d+/g, "").split("\n");

test("the table of requirements is up to date (npm run features)", () => {
  const [made, stands] = [withoutLines(script("--print")), withoutLines(page)];
  const differences = made.filter((line) => !stands.includes(line)).concat(stands.filter((line) => !made.includes(line)));
  expect(differences).toEqual([]);
  expect(made).toEqual(stands);
});

interface Coverage {
  readonly level: string;
  readonly count: number;
  readonly untested: readonly string[];
}

test("nothing that the router's core must do is without a test, and little that it should", () => {
  const levels = JSON.parse(script("--untested")) as Coverage[];
  const untested = (name: string) => levels.find(({ level }) => level === name)?.untested;
  expect([untested("MUST"), untested("ruling")]).toEqual([[], []]);
  const should = levels.find(({ level }) => level === "SHOULD");
  expect(should?.untested.length).toBeLessThanOrEqual(0.05 * (should?.count ?? 0));
});

test("the table has all chapters, and no requirement twice", () => {
  const ids = rowsOf(page).map(([id = ""]) => id);
  expect(ids.length).toBeGreaterThan(400);
  expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
});
