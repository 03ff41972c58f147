/**
 * Which file of a directory a path means, and what is worth remembering of it. Nothing outside the directory is ever found, be it
 * by dots, escapes or symbolic links, and no dotfile but what lies in `/.well-known`: every component of the path is looked at, and
 * so is the place where the system says that the file really lies.
 *
 * The directory is not read through: a file is found when it is asked for, and looked at again a second later at the earliest.
 */
import { type BigIntStats, realpathSync, statSync } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import { relative, sep } from "node:path";
import { lookup } from "mrmime";
import type { StaticOptions } from "../config/web-schema.ts";

export interface FoundFile {
  readonly type: string;
  readonly lastModified: string;
  /** The same in milliseconds since 1970, whole seconds. */
  readonly modifiedAt: number;
  readonly cacheControl: string;
  /** The file as it is comes last; before it those of its neighbours that hold the same in fewer bytes: `.br`, `.gz`. */
  readonly representations: readonly Representation[];
}

export interface Representation {
  /** Where it really lies. */
  readonly file: string;
  readonly size: number;
  /** With its quotes. */
  readonly etag: string;
  /** What tells it from what lay there before. */
  readonly version: string;
  readonly encoding: "br" | "gzip" | undefined;
  /** Its bytes, of a small file. */
  readonly body: Buffer | undefined;
}

interface Remembered {
  readonly found: FoundFile;
  /** Bytes of the bodies. */
  readonly size: number;
  checkedAt: number;
}

export class FileTree {
  readonly #options: StaticOptions;
  readonly #root: string;
  readonly #now: () => number;
  /** By path; the one that was looked at last comes last. */
  readonly #remembered = new Map<string, Remembered>();
  readonly #searches = new Map<string, Promise<FoundFile | "directory" | undefined>>();
  /** Bytes of all bodies. */
  #size = 0;

  /** @throws {Error} what the system says of a directory that cannot be read */
  constructor(options: StaticOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
    this.#root = realpathSync(options.directory);
    if (!statSync(this.#root).isDirectory()) throw Object.assign(new Error(`${options.directory} is no directory`), { code: "ENOTDIR" });
  }

  /** What was found at this path less than a second ago. */
  remembered(path: string): FoundFile | undefined {
    const remembered = this.#remembered.get(path);
    return remembered !== undefined && this.#now() - remembered.checkedAt < FRESH_MS ? remembered.found : undefined;
  }

  /**
   * @param path percent-encoded, in normal form
   * @returns "directory" where the path needs a slash at its end
   */
  find(path: string): Promise<FoundFile | "directory" | undefined> {
    const running = this.#searches.get(path);
    if (running !== undefined) return running;
    const search = this.#find(path).finally(() => this.#searches.delete(path));
    this.#searches.set(path, search);
    return search;
  }

  async #find(path: string): Promise<FoundFile | "directory" | undefined> {
    const components = decodeURIComponent(path).split("/").slice(1);
    const isDirectory = components.at(-1) === "";
    if (path === "") return "directory";
    const names = isDirectory ? components.slice(0, -1) : components;
    if (names.some((name, i) => isHidden(name, i) || name.includes("\\") || name.includes("\0"))) return undefined;
    const wanted = [this.#root, ...names, ...(isDirectory ? [this.#options.index] : [])].join(sep);
    const plain = await this.#look(wanted);
    if (plain === undefined) {
      this.#forget(path);
      return undefined;
    }
    if (plain.status.isDirectory()) return isDirectory ? undefined : this.#hasIndex(plain.file);
    const before = this.#remembered.get(path);
    const neighbours = await Promise.all(
      ENCODINGS.map(async ([encoding, ending]) => ({ encoding, ...(await this.#look(wanted + ending)) })),
    );
    const representations: Representation[] = [];
    for (const { encoding, file, status } of [...neighbours, { encoding: undefined, ...plain }]) {
      if (file === undefined || status === undefined || !status.isFile()) continue;
      const { dev, ino, size, mtimeNs, ctimeNs } = status;
      const version = [file, dev, ino, size, mtimeNs, ctimeNs].join(" ");
      const known = before?.found.representations.find((each) => each.version === version);
      const etag = `"${size.toString(36)}-${mtimeNs.toString(36)}${encoding === undefined ? "" : `-${encoding}`}"`;
      representations.push(known ?? { file, size: Number(size), etag, version, encoding, body: await this.#bodyOf(file, status) });
    }
    if (representations.at(-1)?.encoding !== undefined || representations.length === 0) return undefined; // no regular file
    const modifiedAt = Math.floor(Number(plain.status.mtimeMs) / 1_000) * 1_000;
    const found: FoundFile = {
      type: typeOf(wanted),
      lastModified: new Date(modifiedAt).toUTCString(),
      modifiedAt,
      cacheControl: this.#options.cacheControl ?? (isHashed(wanted) ? FOR_EVER : ASK_AGAIN),
      representations,
    };
    // A large file is looked at each time, so that what is said of it and what is read from it are the same.
    if (representations.every(({ body }) => body !== undefined)) this.#remember(path, found);
    else this.#forget(path);
    return found;
  }

  /** What really lies there, if it is in the directory. */
  async #look(wanted: string): Promise<{ readonly file: string; readonly status: BigIntStats } | undefined> {
    try {
      const file = await realpath(wanted);
      if (file !== wanted && !this.#isWithin(file)) return undefined;
      return { file, status: await stat(file, { bigint: true }) };
    } catch (error) {
      if (error instanceof Error && "code" in error && ABSENT.has(error.code)) return undefined;
      throw error;
    }
  }

  #isWithin(file: string): boolean {
    const path = relative(this.#root, file);
    return path !== "" && !path.startsWith("..") && !path.startsWith(sep) && !path.split(sep).some(isHidden);
  }

  async #hasIndex(directory: string): Promise<"directory" | undefined> {
    const index = await this.#look(`${directory}${sep}${this.#options.index}`);
    return index?.status.isFile() === true ? "directory" : undefined;
  }

  /** @returns `undefined`: too large to be kept, or no longer what it was */
  async #bodyOf(file: string, { size }: BigIntStats): Promise<Buffer | undefined> {
    if (size > Math.min(LARGEST, this.#options.memory)) return undefined;
    const body = await readFile(file);
    return body.length === Number(size) ? body : undefined;
  }

  #remember(path: string, found: FoundFile): void {
    this.#forget(path);
    const size = found.representations.reduce((sum, { body }) => sum + (body?.length ?? 0), ENTRY_SIZE);
    this.#remembered.set(path, { found, size, checkedAt: this.#now() });
    this.#size += size;
    for (const oldest of this.#remembered.keys()) {
      if (this.#size <= this.#options.memory) return;
      this.#forget(oldest);
    }
  }

  #forget(path: string): void {
    this.#size -= this.#remembered.get(path)?.size ?? 0;
    this.#remembered.delete(path);
  }
}

/** `/.well-known` is for everybody (RFC 8615). */
function isHidden(name: string, depth: number): boolean {
  return name.startsWith(".") && !(depth === 0 && name === ".well-known");
}

function typeOf(file: string): string {
  const type = lookup(file) ?? "application/octet-stream";
  return /^text\/|\/(?:javascript|json|manifest\+json|xml)$|\+xml$/.test(type) ? `${type}; charset=utf-8` : type;
}

/**
 * Whether a build tool has named the file by what it holds, so that it never is another one: `app.3f2a9c1b.js`, `index-BkX3f9aZ.css`,
 * `chunk-2KJ4XYZA.js`. A name that only looks a little like it must not be taken for one: digits and letters have to be mixed.
 */
function isHashed(file: string): boolean {
  const [, hash = ""] = /[.-]([\w-]{8,64})(?:\.[a-z0-9]+){1,2}$/.exec(file) ?? [];
  if (!/\d/.test(hash)) return false;
  if (/^[0-9a-f]+$/.test(hash)) return /[a-f]/.test(hash);
  if (/^[A-Z2-7]{8}$/.test(hash)) return true;
  return hash.length === 8 && /[a-z]/.test(hash) && /[A-Z]/.test(hash);
}

const ENCODINGS = [
  ["br", ".br"],
  ["gzip", ".gz"],
] as const;
const FOR_EVER = "public, max-age=31536000, immutable";
const ASK_AGAIN = "no-cache";
const ABSENT: ReadonlySet<unknown> = new Set(["ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG", "EPERM"]);
const FRESH_MS = 1_000;
/** Of a file that is kept in memory. */
const LARGEST = 2 << 20;
/** What an entry costs besides its bodies, so that their number is bounded, too. */
const ENTRY_SIZE = 1 << 10;
