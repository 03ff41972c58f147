/**
 * From a file to a configuration, or to all of its errors at once, each with its place, what is there, and what is
 * expected.
 */
import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { type Document, isMap, isNode, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import type { Principal } from "../auth/principal.ts";
import { usersSchema } from "../auth/users.ts";
import { UserError, whyUnreadable } from "../user-error.ts";
import { inconsistencies, rolesMissingIn } from "./consistency.ts";
import { type Finding, findingsOf, type Path } from "./finding.ts";
import { anchorPaths } from "./paths.ts";
import { type Config, configSchema } from "./schema.ts";

export interface ConfigProblem {
  /** `file:line:column` */
  readonly place: string;
  /** `realms.app.auth[0].role` */
  readonly path: string;
  readonly message: string;
}

/** All problems of one file. */
export class ConfigError extends UserError {
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ place, path, message }) => `  ${place}  ${path === "" ? "" : `${path}: `}${message}`);
    super(`${file} has ${problems.length === 1 ? "an error" : `${problems.length} errors`}:\n${lines.join("\n")}`, { exitCode: 1 });
    this.problems = problems;
  }
}

/** @throws {UserError} the file cannot be read, or has errors */
export function loadConfig(file: string): Config {
  return parseConfig(readText(file, "name a configuration with -c FILE, or try the router without one: junctor dev"), file);
}

/** @throws {ConfigError} */
export function parseConfig(text: string, file: string): Config {
  return parseText(text, file, configSchema, (data) => {
    anchorPaths(data, file);
    return inconsistencies(data, file);
  });
}

/**
 * Users from a file of their own.
 *
 * @throws {UserError} the file cannot be read, or has errors
 */
export function loadUsers(file: string, roles: readonly string[]): readonly Principal[] {
  const text = readText(file, "check the path under realms.*.users or realms.*.auth[*].users");
  return parseText(text, file, usersSchema, (data) => rolesMissingIn(data, roles));
}

/** @throws {UserError} the file cannot be read, with this remedy */
function readText(file: string, remedy: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UserError(`cannot read ${file}: ${whyUnreadable(error)}`, { remedy });
  }
  if (!isUtf8(bytes)) throw new UserError(`${file} is no text in UTF-8`, { remedy: "save it as UTF-8, or name another file" });
  return bytes.toString();
}

/** @param check tells what the schema does not */
function parseText<T>(text: string, file: string, schema: z.ZodType<T>, check: (data: unknown) => Finding[]): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: false, version: "1.2" });
  const found: { offset: number; path: Path; message: string }[] = [];
  // A tag that the parser does not know is a warning to it: the value would be taken as if it were not there.
  for (const { code, pos, message } of [...document.errors, ...document.warnings]) {
    found.push({ offset: pos[0], path: [], message: SYNTAX[code] ?? message });
  }
  if (found.length === 0) {
    const data = plain(document, file);
    const findings = check(data);
    const result = schema.safeParse(data);
    if (result.success && findings.length === 0) return result.data;
    // What stands in a record of users may be a secret, and errors are logged (AUTH-10).
    const root: z.ZodType = schema;
    const isSecret = (path: Path) => root === usersSchema || path.includes("users");
    for (const issue of result.error?.issues ?? []) findings.push(...findingsOf(issue, data, root, isSecret));
    for (const finding of findings) found.push({ offset: offsetOf(document, finding.path), ...finding });
  }
  found.sort((a, b) => a.offset - b.offset);
  throw new ConfigError(
    file,
    found.map(({ offset, path, message }) => {
      const { line, col } = lines.linePos(offset);
      return { place: `${file}:${line}:${col}`, path: pathText(path), message };
    }),
  );
}

/** Where the parser's own words would not help. */
const SYNTAX: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: "a file holds one document: remove this line and what follows, or make it another file",
  TAB_AS_INDENT: "a tab: YAML is indented with spaces",
  DUPLICATE_KEY: "this key is there already",
};

/** @throws {ConfigError} its aliases lead nowhere, or multiply without bounds */
function plain(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw new ConfigError(file, [{ place: `${file}:1:1`, path: "", message: error instanceof Error ? error.message : String(error) }]);
  }
}

/** Tells where something stands in a file that has been loaded before, as `file:line:column`. */
export function placesIn(file: string): (path: Path) => string {
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(file, "utf8"), { lineCounter: lines, merge: false, version: "1.2" });
  return (path) => {
    const { line, col } = lines.linePos(offsetOf(document, path));
    return `${file}:${line}:${col}`;
  };
}

/** Where the key or item stands; where it is missing, its container. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const keys = path.slice(0, length);
    const parent: unknown = keys.length === 1 ? document.contents : document.getIn(keys.slice(0, -1), true);
    const last = keys.at(-1);
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isNode(key) && String(key) === String(last));
      if (isNode(pair?.key) && pair.key.range) return pair.key.range[0];
    }
    const node: unknown = document.getIn(keys, true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

function pathText(path: Path): string {
  return path.map((part, i) => (typeof part === "number" ? `[${part}]` : i === 0 ? part : `.${part}`)).join("");
}
