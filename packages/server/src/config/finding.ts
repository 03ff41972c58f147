/** What a schema finds wrong with a file, in words for whoever wrote it: what is there, what is expected, what was meant. */
import { z } from "zod";
import { closest } from "../closest.ts";
import { valueAt } from "./document.ts";

export type Path = readonly (string | number)[];

export interface Finding {
  readonly path: Path;
  readonly message: string;
  /** What to do about it, where the message does not say so. */
  readonly remedy?: string;
  /** Of a warning: the rule that it comes from. */
  readonly lint?: string;
}

/** `realms.app.auth[0].role`; names that would not be read like this are quoted: `realms["com.app"]`. */
export function pathText(path: Path): string {
  return path
    .map((part, i) => {
      if (typeof part === "number") return `[${part}]`;
      if (/[.[\]"]/.test(part)) return `[${JSON.stringify(part)}]`;
      return i === 0 ? part : `.${part}`;
    })
    .join("");
}

/**
 * @param data as it is written: what may be shown
 * @param isSecret whether what stands at a path must not be shown
 */
export function findingsOf(issue: z.core.$ZodIssue, data: unknown, schema: z.ZodType, isSecret: (path: Path) => boolean): Finding[] {
  const path = issue.path.filter((part) => typeof part !== "symbol");
  const branch = issue.code === "invalid_union" ? meantBranch(issue.errors) : undefined;
  if (branch !== undefined) {
    return branch.flatMap((inner) => findingsOf({ ...inner, path: [...path, ...inner.path] }, data, schema, isSecret));
  }
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(path, schema);
    return issue.keys.map((key) => ({ path: [...path, key], message: `unknown key${meant(key, known) ?? knownText(known)}` }));
  }
  if (issue.code === "invalid_key") return [{ path, message: issue.issues[0]?.message ?? issue.message }];
  const value = valueAt(data, path);
  const expected = expectation(issue);
  if (expected === undefined) return [{ path, message: issue.message }];
  const got = value === undefined ? "is missing" : `got ${isSecret(path) ? kindOf(value) : shown(value)}`;
  const hint = typeof value === "string" ? meant(value, choices(issue)) : undefined;
  return [{ path, message: `${got}, expected ${expected}${hint ?? ""}` }];
}

/** What is named and is not there; what is no name at all is for the schema to tell. */
export function missing(named: readonly [Path, unknown][], known: readonly string[], what: string): Finding[] {
  return named.flatMap(([path, name]) => {
    if (typeof name !== "string" || name === "" || known.includes(name)) return [];
    const meant = closest(name, known);
    const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
    const expected = `expected a ${what}, which has ${known.join(", ") || "none"}${hint}`;
    return [{ path, message: `got ${JSON.stringify(name)}, ${expected}` }];
  });
}

function expectation(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return TYPES[issue.expected] ?? issue.expected;
    case "invalid_value":
      return either(choices(issue));
    case "invalid_union":
      return issue.discriminator === undefined
        ? either(issue.errors.flatMap(([first]) => (first === undefined ? [] : (expectation(first) ?? []))))
        : either(choices(issue));
    case "too_small":
      return `at least ${amount(Number(issue.minimum), issue.origin)}`;
    case "too_big":
      return `at most ${amount(Number(issue.maximum), issue.origin)}`;
    default:
      return /^expected (.*)/s.exec(issue.message)?.[1];
  }
}

const TYPES: Readonly<Record<string, string>> = {
  object: "a mapping",
  record: "a mapping",
  array: "a list",
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

function amount(count: number, origin: string): string {
  if (origin === "string") return `${count} character${count === 1 ? "" : "s"}`;
  return origin === "array" ? `${count} item${count === 1 ? "" : "s"}` : `${count}`;
}

function choices(issue: z.core.$ZodIssue): string[] {
  if (issue.code === "invalid_value") return issue.values.map(String);
  return issue.code === "invalid_union" && "options" in issue ? (issue.options ?? []).map(String) : [];
}

function either(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? "something else") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function meant(word: string, known: readonly string[]): string | undefined {
  const suggestion = closest(word, known);
  return suggestion === undefined ? undefined : `; did you mean ${suggestion}?`;
}

function knownText(known: readonly string[]): string {
  return known.length === 0 ? "" : `; known are ${known.join(", ")}`;
}

function shown(value: unknown): string {
  if (value === null) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "a list" : value === null ? "nothing" : (TYPES[typeof value] ?? typeof value);
}

/** Of a value's several forms the one that was meant: the first whose outermost type fits. */
function meantBranch(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  return branches.find((issues) => issues.every(({ code, path }) => path.length > 0 || code !== "invalid_type"));
}

/** The keys that the schema knows at a path. */
function knownKeys(path: Path, root: z.ZodType): string[] {
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
