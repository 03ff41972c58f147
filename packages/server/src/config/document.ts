/**
 * What a configuration file and those that it includes hold together, before anything is made of it, and where each part stands.
 *
 * Included files have the form of the file itself. Mappings at the top level are merged: `realms` may stand in several files, each
 * with other realms. What stands twice is an error, so that no order of files matters.
 */
import { isUtf8 } from "node:buffer";
import { readFileSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { type Document, isCollection, isMap, isNode, LineCounter, parseDocument, visit } from "yaml";
import { UserError, whyUnreadable } from "../user-error.ts";
import { isRecord } from "./auth-schema.ts";
import type { Finding, Path } from "./finding.ts";
import { filesNamed } from "./included-files.ts";
import { type Environment, isReference, substitute } from "./reference-text.ts";

export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

/** Something wrong, with its place. */
export interface PlacedFinding extends Finding {
  readonly place: Place;
}

/** A text that was written with references. */
interface Reference {
  readonly path: Path;
  readonly written: string;
  readonly values: readonly string[];
}

interface Source {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

export interface ReadOptions {
  readonly environment?: Environment;
  /** Whether the file may include others. */
  readonly mayInclude?: boolean;
  /** Told what one file holds, to make its paths absolute. */
  readonly anchor?: (data: unknown, file: string) => void;
}

export class ConfigDocument {
  /** What the files hold, with references replaced. Nothing of it is known to be right. */
  readonly data: unknown;
  /** The same as it is written: what may be shown. */
  readonly written: unknown;
  /** All files that were read, secrets among them; the first is the configuration. */
  readonly files: readonly string[];
  /** What is wrong with the form. Where there is anything, the data is not whole. */
  readonly problems: readonly PlacedFinding[];
  readonly #sources: readonly Source[];
  readonly #references: readonly Reference[];

  constructor(text: string, file: string, options: ReadOptions = {}) {
    const reading = new Reading(options);
    const { data, written } = reading.read(text, file);
    this.data = data;
    this.written = written;
    this.files = reading.files;
    this.#sources = reading.sources;
    this.#references = reading.references;
    this.problems = reading.findings;
  }

  /** Where the key or item stands; where it is missing, its container. */
  placeOf(path: Path): Place {
    // What one file lacks another may have: of those that have as much of the path as any, the first.
    const found = this.#sources.map((source) => located(source, path));
    const most = Math.max(...found.map(({ length }) => length));
    return found.find(({ length }) => length === most)?.place ?? { file: this.files[0] ?? "?", line: 1, column: 1 };
  }

  /** For sorting: problems are told in the order in which they are read. */
  readonly order = (a: Place, b: Place): number => {
    const index = ({ file }: Place) => {
      const at = this.files.indexOf(file);
      return at < 0 ? this.files.length : at;
    };
    return index(a) - index(b) || a.line - b.line || a.column - b.column;
  };

  /** The text with references that stands at a path. */
  referenceAt(path: Path): string | undefined {
    return this.#references.find((reference) => isSamePath(reference.path, path))?.written;
  }

  /** Takes what references stand for out of a text. */
  redacted(text: string): string {
    let redacted = text;
    for (const { values, written } of this.#references) {
      for (const value of values) {
        if (value.length < SHORT) continue;
        redacted = redacted.replaceAll(value, written).replaceAll(JSON.stringify(value).slice(1, -1), written);
      }
    }
    return redacted;
  }

  /**
   * A number or truth value cannot be told from a text where it comes from outside the file.
   *
   * @returns whether there was one to read
   */
  readAs(path: Path, type: string): boolean {
    const text = valueAt(this.data, path);
    const parent = valueAt(this.data, path.slice(0, -1));
    const written = this.referenceAt(path);
    if (typeof text !== "string" || !isRecord(parent) || written === undefined || !isReference(written)) return false;
    const value = type === "boolean" ? TRUTH.get(text) : /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
    if (value === undefined) return false;
    (parent as Record<string | number, unknown>)[path.at(-1) ?? ""] = value;
    return true;
  }
}

/** A value this short is in many words by chance. */
const SHORT = 4;
const TRUTH: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["false", false],
]);

export function placeText({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/** @throws {UserError} the file cannot be read, with this remedy */
export function readText(file: string, remedy: string): string {
  const text = readIfText(file);
  if (typeof text === "string") return text;
  throw new UserError(text.isBinary ? text.problem : `cannot read ${file}: ${text.problem}`, {
    remedy: text.isBinary ? "save it as UTF-8, or name another file" : remedy,
  });
}

function readIfText(file: string): string | { readonly problem: string; readonly isBinary: boolean } {
  try {
    const bytes = readFileSync(file);
    return isUtf8(bytes) ? bytes.toString() : { problem: `${file} is no text in UTF-8`, isBinary: true };
  } catch (error) {
    return { problem: whyUnreadable(error), isBinary: false };
  }
}

export function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const part of path) {
    if (!isRecord(value) || !Object.hasOwn(value, part)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[part];
  }
  return value;
}

/** What a file and those that it includes hold. */
interface Held {
  readonly data: unknown;
  readonly written: unknown;
  readonly source: Source;
}

/** One reading of a file and those that it includes. */
class Reading {
  readonly sources: Source[] = [];
  readonly files: string[] = [];
  readonly references: Reference[] = [];
  readonly findings: PlacedFinding[] = [];
  readonly #options: ReadOptions;

  constructor(options: ReadOptions) {
    this.#options = options;
  }

  read(text: string, file: string): Held {
    const source = this.#parse(text, file);
    const held = { ...this.#plain(source), source };
    this.#substitute(held.data, source);
    this.#options.anchor?.(held.data, file);
    if (this.#options.mayInclude === true && isMapping(held.data)) this.#include(held.data["include"], held);
    return held;
  }

  #tell(source: Source, path: Path, message: string): void {
    this.findings.push({ path, message, place: located(source, path).place });
  }

  #parse(text: string, file: string): Source {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: false, version: "1.2" });
    const source = { file, document, lines };
    this.sources.push(source);
    this.files.push(file);
    const tell = (offset: number, message: string) => this.findings.push({ path: [], message, place: placeAt(source, offset) });
    // A tag that the parser does not know is a warning to it: the value would be taken as if it were not there.
    for (const { code, pos, message } of [...document.errors, ...document.warnings]) tell(pos[0], SYNTAX[code] ?? message);
    visit(document, {
      Pair: (_, { key }) => {
        if (!isCollection(key)) return undefined;
        tell(key.range?.[0] ?? 0, "a key is a text, and this is a list or a mapping: leave out the ?, or quote it");
        return visit.SKIP;
      },
    });
    return source;
  }

  #plain({ document, file }: Source): Omit<Held, "source"> {
    if (this.findings.some(({ place }) => place.file === file)) return { data: undefined, written: undefined };
    try {
      return { data: document.toJS({ maxAliasCount: ALIASES }), written: document.toJS({ maxAliasCount: ALIASES }) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.findings.push({ path: [], message, place: { file, line: 1, column: 1 } });
      return { data: undefined, written: undefined };
    }
  }

  #substitute(data: unknown, source: Source): void {
    const { environment = process.env } = this.#options;
    const seen = new Set<unknown>(); // an alias leads to what has been looked at
    const walk = (value: unknown, path: Path) => {
      if (!isRecord(value) || seen.has(value)) return;
      seen.add(value);
      for (const [key, inner] of Object.entries(value)) {
        const at = [...path, Array.isArray(value) ? Number(key) : key];
        if (typeof inner !== "string") walk(inner, at);
        else {
          const found = substitute(inner, dirname(resolve(source.file)), environment);
          if (found === undefined) continue;
          for (const problem of found.problems) this.#tell(source, at, problem);
          this.references.push({ path: at, written: inner, values: found.values });
          this.files.push(...found.files);
          put(value, key, found.text);
        }
      }
    };
    walk(data, []);
  }

  #include(include: unknown, held: Held): void {
    const { source } = held;
    const isMain = source === this.sources[0];
    if (!Array.isArray(include)) {
      if (include !== undefined && !isMain) this.#tell(source, ["include"], "expected a list of files"); // of the first the schema tells
      return;
    }
    const directory = dirname(source.file);
    for (const [i, entry] of (include as readonly unknown[]).entries()) {
      if (typeof entry !== "string") continue;
      for (const file of filesNamed(entry, resolve(directory))) {
        const text = readIfText(file);
        const shown = isAbsolute(entry) ? file : join(directory, relative(resolve(directory), file));
        if (this.sources.some((other) => resolve(other.file) === file)) this.#tell(source, ["include", i], `${shown} is read already`);
        else if (typeof text === "string") this.#merge(held, this.read(text, shown));
        else this.#tell(source, ["include", i], text.isBinary ? text.problem : `cannot read ${shown}: ${text.problem}`);
      }
    }
  }

  /** Takes what an included file holds into what includes it. */
  #merge(into: Held, { data, written, source }: Held): void {
    if (data === undefined || data === null || !isMapping(into.data)) return;
    if (!isMapping(data)) return this.#tell(source, [], "an included file is a mapping, as the file that includes it");
    for (const [key, value] of Object.entries(data)) {
      const there = valueAt(into.data, [key]);
      if (key === "include" || key === "$schema" || (key === "version" && there === value)) continue;
      if (there === undefined || there === null) {
        put(into.data, key, value);
        put(into.written, key, valueAt(written, [key]));
      } else if (isMapping(there) && isMapping(value)) {
        for (const [name, entry] of Object.entries(value)) {
          if (Object.hasOwn(there, name)) this.#twice([key, name]);
          else {
            put(there, name, entry);
            put(valueAt(into.written, [key]), name, valueAt(written, [key, name]));
          }
        }
      } else this.#twice([key]);
    }
  }

  /** Tells of what two files have, at the place of the later one. */
  #twice(path: Path): void {
    const places = this.sources.map((source) => located(source, path)).filter(({ length }) => length === path.length);
    const [first, last] = [places[0], places.at(-1)];
    if (first === undefined || last === undefined) return;
    this.findings.push({ path, message: `this stands at ${placeText(first.place)} already`, place: last.place });
  }
}

/** Where the key or item stands, or as much of the path as there is. */
function located(source: Source, path: Path): { readonly length: number; readonly place: Place } {
  const { document } = source;
  for (let length = path.length; length > 0; length--) {
    const keys = path.slice(0, length);
    const parent: unknown = keys.length === 1 ? document.contents : document.getIn(keys.slice(0, -1), true);
    const last = keys.at(-1);
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isNode(key) && String(key) === String(last));
      if (isNode(pair?.key) && pair.key.range) return { length, place: placeAt(source, pair.key.range[0]) };
    }
    const node: unknown = document.getIn(keys, true);
    if (isNode(node) && node.range) return { length, place: placeAt(source, node.range[0]) };
  }
  return { length: 0, place: placeAt(source, document.contents?.range?.[0] ?? 0) };
}

function placeAt({ file, lines }: Source, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { file, line, column: col };
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && !Array.isArray(value);
}

/** As assignment would, but that no key is special. */
function put(target: unknown, key: string, value: unknown): void {
  if (isRecord(target)) Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function isSamePath(one: Path, other: Path): boolean {
  return one.length === other.length && one.every((part, i) => part === other[i]);
}

const ALIASES = 100;

/** Where the parser's own words would not help. */
const SYNTAX: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: "a file holds one document: remove this line and what follows, or make it another file",
  TAB_AS_INDENT: "a tab: YAML is indented with spaces",
  DUPLICATE_KEY: "this key is there already",
};
