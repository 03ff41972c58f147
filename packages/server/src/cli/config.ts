/** `junctor config …`: what is wrong with a configuration, what it says and means, and what one may say. */
import { existsSync } from "node:fs";
import { Document } from "yaml";
import { closest } from "../closest.ts";
import { checkConfig } from "../config/check.ts";
import { placeText } from "../config/document.ts";
import { type Path, pathText } from "../config/finding.ts";
import { isSchema, type JsonSchema, publishedSchema, schemasAt, toJson } from "../config/json-schema.ts";
import { type ConfigProblem, readConfig } from "../config/load.ts";
import { typeOf } from "../config/reference.ts";
import { allDefaults, asYaml, resolvedValues } from "../config/resolved.ts";
import { configSchema } from "../config/schema.ts";
import { parsePath } from "../config/written-path.ts";
import { Exit, UserError } from "../user-error.ts";
import { jsonText, line, printable, style } from "./print.ts";

export interface ConfigOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** The configuration that is meant: the one that is named, or config.yaml where the command is run. */
export function configFile({ config }: ConfigOptions, command: string): string {
  const found = config ?? STANDARD_FILES.find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new UserError(`${command} needs a configuration`, {
    remedy: `junctor ${command} -c config.yaml; junctor init makes one, and junctor dev needs none`,
    exitCode: Exit.usage,
  });
}

const STANDARD_FILES = ["config.yaml", "config.yml", "config.json"];

// --- check ---------------------------------------------------------------------------------------------------------------

export interface CheckFlags extends ConfigOptions {
  readonly strict?: boolean;
  readonly iKnowThisIsOpen?: boolean;
}

export function check(flags: CheckFlags): void {
  const file = configFile(flags, "config check");
  const { errors, warnings, files } = checkConfig(file, { isOpenMeant: flags.iKnowThisIsOpen === true });
  const isWrong = errors.length > 0 || (flags.strict === true && warnings.length > 0);
  if (flags.json === true) line(jsonText({ ok: !isWrong, file, files, errors, warnings }));
  else {
    for (const problem of errors) tell(style("red", "✗"), problem);
    for (const problem of warnings) tell(style("bold", "!"), problem);
  }
  const counted = [counting(errors.length, "error"), counting(warnings.length, "warning")].filter((text) => text !== "").join(" and ");
  if (isWrong) throw new UserError(`${file} has ${counted}`, { remedy: "mend it at the places above, and check again" });
  if (flags.json !== true) line(`${style("green", "✓")} ${printable(file)} can be used${counted === "" ? "" : `, with ${counted}`}`);
}

function counting(count: number, what: string): string {
  return count === 0 ? "" : count === 1 ? `${what === "error" ? "an" : "a"} ${what}` : `${count} ${what}s`;
}

function tell(sign: string, problem: ConfigProblem): void {
  const { path, message, remedy, lint } = problem;
  const about = [path, lint === undefined ? "" : `(${lint})`].filter((text) => text !== "").join("  ");
  line(`${sign} ${printable(placeText(problem))}  ${style("bold", printable(about))}`);
  for (const text of [message, ...(remedy === undefined ? [] : [remedy])]) line(printable(text).replace(/^/gm, "  "));
}

// --- show, defaults, schema ----------------------------------------------------------------------------------------------

export function show(options: ConfigOptions & { readonly resolved?: boolean }): void {
  const file = configFile(options, "config show");
  const { document } = readConfig(file);
  const values = resolvedValues(document, options.resolved === true);
  if (options.json === true) line(jsonText(values.map(({ path, value, from }) => ({ path: pathText(path), value, from }))));
  else {
    const text = new Document(asYaml(values, options.resolved === true)).toString({ lineWidth: 0 });
    line(printable(text.replace(EMPTY, ": $1 $2")).trimEnd());
  }
}

/** The writer gives what is empty, and has a comment, three lines. */
const EMPTY = /:\n +(\[\]|\{\})\n +(#.*)$/gm;

export function defaults(prefix: string | undefined, options: ConfigOptions): void {
  const all = allDefaults();
  const found = all.filter(({ path }) => prefix === undefined || (path.startsWith(prefix) && /^($|[.[])/.test(path.slice(prefix.length))));
  if (prefix !== undefined && found.length === 0)
    throw noSuchPath(
      prefix,
      all.flatMap(({ path }) => path.split(/[.[]/, 1)),
    );
  if (options.json === true) line(jsonText(Object.fromEntries(found.map(({ path, value }) => [path, value]))));
  else for (const { path, value } of found) line(`${path}: ${jsonText(value)}`);
}

export function schema(): void {
  process.stdout.write(publishedSchema());
}

// --- explain -------------------------------------------------------------------------------------------------------------

export function explain(text: string, options: ConfigOptions): void {
  const path = parsePath(text);
  if (typeof path === "string")
    throw new UserError(path, { remedy: "for example: junctor config explain limits.helloTimeout", exitCode: Exit.usage });
  const file = options.config ?? STANDARD_FILES.find((name) => existsSync(name));
  const document = file === undefined ? undefined : readConfig(file).document;
  const schemas = found(path, document?.written);
  const values = document === undefined ? [] : resolvedValues(document, true).filter((each) => isWithin(each.path, path));
  const required = isRequired(path, document?.written);
  const forms = schemas.map((each) => ({
    type: typeName(each),
    meaning: each.description,
    range: rangeOf(each),
    default: each.default,
    keys: keysOf(each),
  }));
  if (options.json === true) {
    line(jsonText({ path: pathText(path), required, forms, values: values.map((each) => ({ ...each, path: pathText(each.path) })) }));
    return;
  }
  for (const form of forms) {
    const facts = [
      form.type,
      form.range,
      required ? "required" : form.default === undefined ? "" : `default ${jsonText(form.default)}`,
    ].filter((fact) => fact !== "");
    line(`${style("bold", pathText(path))}: ${facts.join(", ")}`);
    if (form.meaning !== undefined) line(`  ${form.meaning}`);
    for (const { key, type, meaning } of form.keys) line(`    ${style("cyan", key)} (${type})${meaning === "" ? "" : `  ${meaning}`}`);
  }
  if (document !== undefined && values.length === 0) line(`  ${file} says nothing of it`);
  for (const { path: at, value, from } of values) line(printable(`  ${from}  ${pathText(at)}: ${jsonText(value)}`));
}

function found(path: Path, written: unknown): JsonSchema[] {
  const root = toJson(configSchema);
  for (let length = 1; length <= path.length; length++) {
    const above = path.slice(0, length - 1);
    const schemas = schemasAt(path.slice(0, length), written, root);
    if (schemas.length > 0) continue;
    const known = schemasAt(above, written, root).flatMap((each) => Object.keys(each.properties ?? {}));
    throw noSuchPath(pathText(path.slice(0, length)), known, path[length - 1]);
  }
  return distinct(schemasAt(path, written, root));
}

function noSuchPath(path: string, known: readonly string[], word: string | number = path): UserError {
  const meant = closest(String(word), known);
  const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
  return new UserError(`a configuration has no ${path}${hint}`, {
    remedy: known.length === 0 ? "junctor config explain lists what there is below a path" : `known are ${[...new Set(known)].join(", ")}`,
    exitCode: Exit.usage,
  });
}

function distinct(schemas: readonly JsonSchema[]): JsonSchema[] {
  const texts = schemas.map((each) => JSON.stringify(each));
  return schemas.filter((_, i) => texts.indexOf(texts[i] ?? "") === i);
}

function isWithin(path: Path, above: Path): boolean {
  return above.every((part, i) => path[i] === part);
}

function isRequired(path: Path, written: unknown): boolean {
  const last = path.at(-1);
  const above = schemasAt(path.slice(0, -1), written);
  return typeof last === "string" && above.length > 0 && above.every(({ required }) => required?.includes(last) === true);
}

function rangeOf({ minimum, maximum, minItems, minLength }: JsonSchema): string {
  const bounded = (value: number | undefined) => value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER;
  const parts = [
    bounded(minimum) ? `at least ${minimum}` : "",
    bounded(maximum) ? `at most ${maximum}` : "",
    minItems === undefined ? "" : `${minItems} or more`,
    minLength === undefined ? "" : "not empty",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** A type's name may be a link on the page that has it. */
function typeName(schema: JsonSchema): string {
  return typeOf(schema)
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll("`", "");
}

function keysOf({ properties }: JsonSchema): { key: string; type: string; meaning: string }[] {
  return Object.entries(properties ?? {}).flatMap(([key, inner]) =>
    isSchema(inner) ? [{ key, type: typeName(inner), meaning: inner.description ?? "" }] : [],
  );
}
