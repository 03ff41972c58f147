/**
 * From a file to a configuration, or to all of its errors at once, each with its place, what is there, and what is
 * expected.
 */
import { readFileSync } from "node:fs";
import { type Document, isMap, isNode, LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { usersSchema } from "../auth/users.ts";
import { closest } from "../closest.ts";
import { UserError } from "../user-error.ts";
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
  return loadFile(file, configSchema, "name a configuration with -c FILE, or try the router without one: junctor dev");
}

/** @throws {ConfigError} */
export function parseConfig(text: string, file: string): Config {
  return parseText(text, file, configSchema);
}

/** @throws {UserError} the file cannot be read, with this remedy, or has errors */
export function loadFile<T>(file: string, schema: z.ZodType<T>, remedy: string): T {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    throw new UserError(`cannot read ${file}: ${code === "ENOENT" ? "there is no such file" : String(code ?? error)}`, { remedy });
  }
  return parseText(text, file, schema);
}

function parseText<T>(text: string, file: string, schema: z.ZodType<T>): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: false, version: "1.2" });
  const placeOf = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    throw new ConfigError(
      file,
      document.errors.map(({ pos, message }) => ({ place: placeOf(pos[0]), path: "", message })),
    );
  }
  const result = schema.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, document, placeOf, schema));
  throw new ConfigError(file, problems);
}

function problemsOf(issue: z.core.$ZodIssue, document: Document, placeOf: (offset: number) => string, schema: z.ZodType): ConfigProblem[] {
  const path = issue.path.filter((part) => typeof part !== "symbol");
  const at = (keys: readonly (string | number)[]) => placeOf(offsetOf(document, keys));
  // What stands in a record of users may be a secret, and errors are logged (AUTH-10).
  const isSecret = schema === usersSchema || path.includes("users");
  const show = (value: unknown) =>
    isSecret ? `a ${Array.isArray(value) ? "list" : typeof value}` : (JSON.stringify(value)?.slice(0, 60) ?? "");
  const branch = issue.code === "invalid_union" ? meantBranch(issue.errors) : undefined;
  if (branch !== undefined) {
    return branch.flatMap((inner) => problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, document, placeOf, schema));
  }
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(path, schema);
    return issue.keys.map((key) => {
      const suggestion = closest(key, known);
      const hint = suggestion === undefined ? (known.length > 0 ? `; known are ${known.join(", ")}` : "") : `; did you mean ${suggestion}?`;
      return { place: at([...path, key]), path: pathText([...path, key]), message: `unknown key${hint}` };
    });
  }
  if (issue.code === "invalid_value" && typeof issue.input !== "undefined") {
    const values = issue.values.map(String);
    const suggestion = closest(String(issue.input), values);
    const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
    return [{ place: at(path), path: pathText(path), message: `got ${show(issue.input)}, expected ${values.join(" or ")}${hint}` }];
  }
  const value: unknown = path.length === 0 ? document.toJS() : toPlain(document.getIn(path));
  if (issue.code === "invalid_value") {
    const values = issue.values.map(String);
    const suggestion = typeof value === "string" ? closest(value, values) : undefined;
    const hint = suggestion === undefined ? "" : `; did you mean ${suggestion}?`;
    return [
      {
        place: at(path),
        path: pathText(path),
        message: `${value === undefined ? "is missing" : `got ${show(value)}`}, expected ${values.join(" or ")}${hint}`,
      },
    ];
  }
  if (issue.code === "invalid_type") {
    return [
      {
        place: at(path),
        path: pathText(path),
        message: value === undefined ? `is missing; expected ${issue.expected}` : `got ${show(value)}, expected ${issue.expected}`,
      },
    ];
  }
  return [{ place: at(path), path: pathText(path), message: issue.message }];
}

/** Of a value's several forms the one that was meant: the first whose outermost type fits. */
function meantBranch(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  return branches.find((issues) => issues.every(({ code, path }) => path.length > 0 || code !== "invalid_type"));
}

function toPlain(value: unknown): unknown {
  return isNode(value) ? value.toJSON() : value;
}

/** Where the key or item stands; where it is missing, its container. */
function offsetOf(document: Document, path: readonly (string | number)[]): number {
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

function pathText(path: readonly (string | number)[]): string {
  return path.map((part, i) => (typeof part === "number" ? `[${part}]` : i === 0 ? part : `.${part}`)).join("");
}

/** The keys that the schema knows at a path. */
function knownKeys(path: readonly (string | number)[], root: z.ZodType): string[] {
  let schema: unknown = root;
  for (const part of path) {
    const outer = unwrap(schema);
    // Of several forms, a table is the one that has keys.
    const inner = outer instanceof z.ZodUnion ? unwrap(outer.options.find((option) => unwrap(option) instanceof z.ZodRecord)) : outer;
    if (inner instanceof z.ZodObject) schema = (inner.shape as Record<string, unknown>)[String(part)];
    else if (inner instanceof z.ZodRecord) schema = inner.valueType;
    else if (inner instanceof z.ZodArray) schema = inner.element;
    else return [];
  }
  const found = unwrap(schema);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

function unwrap(schema: unknown): unknown {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) inner = inner.unwrap();
  return inner instanceof z.ZodPipe ? unwrap(inner.in) : inner;
}
