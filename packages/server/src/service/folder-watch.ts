/** Notices that files change, for development: below directories, or those that a pattern names. */
import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

export class FolderWatch {
  readonly #changed: (file: string) => void;
  readonly #patterns: readonly Pattern[];
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: NodeJS.Timeout | undefined = undefined;

  /** @param patterns absolute: directories, files, and patterns with `*` within a name and `**` for any directories */
  constructor(patterns: readonly string[], changed: (file: string) => void) {
    this.#changed = changed;
    this.#patterns = patterns.map(parsePattern);
    for (const { directory, isDeep } of this.#patterns) this.#enter(directory, isDeep);
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  #enter(directory: string, isDeep: boolean): void {
    if (this.#watchers.size >= MOST_DIRECTORIES) return;
    try {
      if (!this.#watchers.has(directory)) this.#watch(directory, isDeep);
      if (!isDeep) return;
      for (const name of readdirSync(directory)) {
        const below = join(directory, name);
        if (!isIgnored(name) && !this.#watchers.has(below) && isDirectory(below)) this.#enter(below, true);
      }
    } catch {
      // It is not there, or may not be read: nothing changes in it.
    }
  }

  #watch(directory: string, isDeep: boolean): void {
    const watcher = watch(directory, { persistent: false }, (_event, name) => {
      if (name === null || isIgnored(name)) return;
      const file = join(directory, name);
      if (isDirectory(file)) {
        if (isDeep) this.#enter(file, true);
      } else if (this.#patterns.some(({ matches }) => matches(file))) this.#notice(file);
    });
    watcher.on("error", () => watcher.close()); // it is gone
    this.#watchers.set(directory, watcher);
  }

  /** An editor writes several files, or one several times. */
  #notice(file: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#changed(file), QUIET_MS).unref();
  }
}

interface Pattern {
  readonly directory: string;
  /** Whether what lies below its directories is meant, too. */
  readonly isDeep: boolean;
  readonly matches: (file: string) => boolean;
}

function parsePattern(pattern: string): Pattern {
  const parts = pattern.split(sep);
  const wild = parts.findIndex((part) => /[*?]/.test(part));
  if (wild >= 0) {
    const expression = expressionOf(parts.slice(wild).join("/"));
    const directory = parts.slice(0, wild).join(sep) || sep;
    return {
      directory,
      isDeep: wild < parts.length - 1,
      matches: (file) => file.startsWith(directory) && expression.test(relative(directory, file).replaceAll(sep, "/")),
    };
  }
  if (isDirectory(pattern)) return { directory: pattern, isDeep: true, matches: (file) => file.startsWith(pattern + sep) };
  return { directory: dirname(pattern), isDeep: false, matches: (file) => file === pattern };
}

/** `**` + `/` is any number of directories, `*` any part of a name. */
export function expressionOf(pattern: string): RegExp {
  const parts = pattern.split("/").map((part, i, all) => {
    if (part === "**") return i === all.length - 1 ? ".*" : "(?:[^/]+/)*";
    const text = part
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", "[^/]*")
      .replaceAll("?", "[^/]");
    return i === all.length - 1 ? text : `${text}/`;
  });
  return new RegExp(`^${parts.join("")}$`);
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** What editors, tools and version control write for themselves. */
function isIgnored(name: string): boolean {
  return name.startsWith(".") || name.endsWith("~") || name === "node_modules" || name === "__pycache__";
}

const QUIET_MS = 200;
const MOST_DIRECTORIES = 2_000;
