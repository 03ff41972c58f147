// Makes docs/reference/features.md: each requirement on the router, where the code obeys it, and which tests cite it.
//
//     node scripts/features.mjs            writes the page
//     node scripts/features.mjs --print    prints it
//     node scripts/features.mjs --untested says how much of the core is tested, by level, and what is not
//
// Where the catalogue of requirements is at hand (../shared/spec, or $JUNCTOR_SHARED/spec), the requirements come from it,
// else from the page itself: then code and tests are looked up anew for the requirements that it lists.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const PAGE = "docs/reference/features.md";
const CATALOGUE = join(process.env["JUNCTOR_SHARED"] ?? join(root, "../shared"), "spec/requirements.md");

/** Chapters of the catalogue that are about the router's core: no requirement in them may be without a test. */
const CORE = /^([1-6]|10|11)\.|^(9\.[1-3]|12\.1|14\.[1-7]) /;

/**
 * @typedef {{ id: string, level: string, status: string, source: string }} Requirement
 * @typedef {{ title: string, isCore: boolean, requirements: Requirement[] }} Group
 * @typedef {Map<string, Map<string, number>>} Citations
 */

const ID = /^[A-Z][A-Z0-9-]*-\d{2,3}$/;
const LEVELS = ["MUST", "ruling", "SHOULD", "MAY"];
const OPEN = " (open)";
const OPEN_GROUP = / \(open\)$/;

const hasCatalogue = existsSync(CATALOGUE);

/** @returns {Group[]} */
function requirements() {
  return hasCatalogue ? fromCatalogue(readFileSync(CATALOGUE, "utf8")) : fromPage(readFileSync(join(root, PAGE), "utf8"));
}

/** @param {string} text */
function fromCatalogue(text) {
  /** @type {Group[]} */
  const groups = [];
  let columns = /** @type {string[]} */ ([]);
  for (const line of text.split("\n")) {
    const [, heading] = /^#{2,3} (\d.*)/.exec(line) ?? [];
    if (heading !== undefined) {
      const [numbered = ""] = heading.split(" — ");
      groups.push({ title: numbered.replace(/^[\d.]+ /, ""), isCore: CORE.test(numbered), requirements: [] });
    }
    const cells = cellsOf(line);
    if (cells[0] === "ID") columns = cells;
    const [id = ""] = cells;
    if (!ID.test(id)) continue;
    const cell = (/** @type {string} */ name) => cells[columns.indexOf(name)] ?? "";
    const level = levelOnRouter(cell("Level") || "RULING", cell("Binds") || "B");
    if (level === undefined) continue;
    const source = cell("Source").split(/[;(]/)[0] ?? "";
    groups.at(-1)?.requirements.push({ id, level, status: cell("Status"), source: source.trim() });
  }
  return groups.filter((group) => group.requirements.length > 0);
}

/** Of several levels for several parties, the highest of those that bind the router, a broker or a dealer. */
function levelOnRouter(/** @type {string} */ level, /** @type {string} */ binds) {
  const levels = level.split(" / ");
  const parties = binds.split(" / ");
  const paired = levels.filter((_, i) => /^[RBDK]\b/.test(parties[parties.length === levels.length ? i : 0] ?? ""));
  return LEVELS.find((level) => paired.some((one) => one.toUpperCase().includes(level.toUpperCase())));
}

/** @param {string} text */
function fromPage(text) {
  /** @type {Group[]} */
  const groups = [];
  for (const line of text.split("\n")) {
    const [, title] = /^## (.*)/.exec(line) ?? [];
    if (title !== undefined) groups.push({ title: title.replace(OPEN_GROUP, ""), isCore: !OPEN_GROUP.test(title), requirements: [] });
    const [id = "", level = "", status = "", source = ""] = cellsOf(line);
    if (ID.test(id)) groups.at(-1)?.requirements.push({ id, level, status, source: source.replace(/^\[(.*)\]\(.*\)$/, "$1") });
  }
  return groups.filter((group) => group.requirements.length > 0);
}

/**
 * Which files cite which requirement. A citation is an id, or a range of ids, anywhere but in the lines of comment that a
 * test file has of its own: those describe, titles and assertions prove.
 *
 * @returns {{ tests: Citations, code: Citations }} the line of the first citation in each file
 */
function citations() {
  /** @type {Citations} */
  const tests = new Map();
  /** @type {Citations} */
  const code = new Map();
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.ts"], { cwd: root, encoding: "utf8" });
  for (const file of files.split("\n").sort()) {
    if (file === "" || file.startsWith("test/house/") || !existsSync(join(root, file))) continue;
    const isTest = file.endsWith(".test.ts") || file.startsWith("packages/testkit/src/conformance/");
    if (!isTest && !file.startsWith("packages/")) continue;
    const text = readFileSync(join(root, file), "utf8");
    const into = isTest ? tests : code;
    for (const [id, line] of cited(isTest ? text.replace(/^\s*\/\/.*$|\/\*[\s\S]*?\*\//gm, blank) : text)) {
      into.set(id, (into.get(id) ?? new Map()).set(file, line));
    }
  }
  return { tests, code };
}

/** Leaves lines where they are. */
const blank = (/** @type {string} */ comment) => comment.replace(/[^\n]/g, "");

/** The line of the first citation of each id. @param {string} text */
function cited(text) {
  /** @type {Map<string, number>} */
  const ids = new Map();
  for (const [i, line] of text.split("\n").entries()) {
    for (const [, prefix = "", first = "", , last] of line.matchAll(/\b([A-Z][A-Z0-9-]*-)(\d{2,3})(?:(?: to |…|–)(\1)(\d{2,3}))?\b/g)) {
      for (let n = Number(first); n <= Number(last ?? first); n++) {
        const id = `${prefix}${String(n).padStart(first.length, "0")}`;
        if (!ids.has(id)) ids.set(id, i + 1);
      }
    }
  }
  return ids;
}

/** Of the core, by level, how many requirements there are and which no test cites. */
function coverage(/** @type {Group[]} */ groups, /** @type {Citations} */ tests) {
  const core = groups.flatMap(({ isCore, requirements }) => (isCore ? requirements : []));
  return LEVELS.map((level) => {
    const all = core.filter((one) => one.level === level);
    return { level, count: all.length, untested: all.filter(({ id }) => !tests.has(id)).map(({ id }) => id) };
  });
}

function page() {
  const { tests, code } = citations();
  const groups = requirements();
  const lines = [
    "# Features",
    "",
    "<!-- Made by scripts/features.mjs: `npm run features`. Do not edit. -->",
    "",
    "What WAMP asks of a router, requirement by requirement, with the lines of code that cite it and the tests that prove it. The ids",
    "are the project's own; the source names the chapter of the",
    "[specification](https://github.com/wamp-proto/wamp-proto/tree/master/rfc/text) that says it. A *ruling* (AMB-…) settles what the",
    "specification leaves open or says in two ways. What must be and no test cites fails the build, but for chapters marked as open.",
    "What other routers do stands in [conformance of five routers](../conformance.md).",
    "",
    "| Level | Requirements | Tested |",
    "| --- | --- | --- |",
    ...coverage(groups, tests).map(({ level, count, untested }) => `| ${level} | ${count} | ${percent(count - untested.length, count)} |`),
  ];
  for (const { title, isCore, requirements } of groups) {
    lines.push(
      "",
      `## ${title}${isCore ? "" : OPEN}`,
      "",
      "| Id | Level | Status | Source | Code | Tests |",
      "| --- | --- | --- | --- | --- | --- |",
    );
    for (const { id, level, status, source } of requirements) {
      lines.push(`| ${[id, level, status, sourceLink(source), links(code.get(id), true), links(tests.get(id), false)].join(" | ")} |`);
    }
  }
  return `${lines.join("\n")}\n`;
}

const percent = (/** @type {number} */ part, /** @type {number} */ whole) => `${part} (${Math.floor((100 * part) / whole)} %)`;

function links(/** @type {Map<string, number> | undefined} */ citations, /** @type {boolean} */ withLines) {
  const all = [...(citations ?? [])].map(([file, line]) => {
    const name = file
      .split("/")
      .at(-1)
      ?.replace(/(\.test)?\.ts$/, "");
    return withLines ? `[${name}:${line}](../../${file}#L${line})` : `[${name}](../../${file})`;
  });
  return all.join(", ") || "–";
}

function sourceLink(/** @type {string} */ source) {
  const [, file] = /^((?:basic|advanced)\/\w+\.md)/.exec(source) ?? [];
  return file === undefined ? source : `[${source}](https://github.com/wamp-proto/wamp-proto/blob/master/rfc/text/${file})`;
}

/** @param {string} line */
function cellsOf(line) {
  return line.startsWith("|")
    ? line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim())
    : [];
}

if (process.argv.includes("--untested")) console.log(JSON.stringify(coverage(requirements(), citations().tests), null, 1));
else if (process.argv.includes("--print")) process.stdout.write(page());
else writeFileSync(join(root, PAGE), page());
