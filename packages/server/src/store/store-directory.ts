/** The directory of a disk store, looked at before LMDB opens it, which waits for ever or ends the process where it cannot. */
import { accessSync, closeSync, constants, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { damageOf } from "./lmdb-file.ts";

/** The store cannot be used as it is. The message says why, and fits behind the name of the store. */
export class UnusableError extends Error {
  override readonly name = "UnusableError";
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

/**
 * Makes the directory where there is none.
 *
 * @throws {UnusableError}
 */
export function prepareDirectory(path: string): void {
  try {
    makeDirectory(path);
    if (!statSync(path).isDirectory()) throw Object.assign(new Error(path), { code: "ENOTDIR" });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new UnusableError(whyNot(error), WRITABLE);
  }
  const data = join(path, "data.mdb");
  for (const file of [data, join(path, "lock.mdb")]) {
    if (!existsSync(file)) continue;
    try {
      closeSync(openSync(file, "r+"));
    } catch (error) {
      throw new UnusableError(`its file ${file}: ${whyNot(error)}`, WRITABLE);
    }
  }
  const damage = existsSync(data) ? damageOf(data) : undefined;
  if (damage !== undefined) {
    throw new UnusableError(
      `its file ${data} is damaged: ${damage}`,
      "bring back a copy of the directory, or move it away to begin with an empty store",
    );
  }
}

/** Not with `recursive`, which does not come back where the file system allows no directories, as /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeDirectory(parent);
  mkdirSync(path);
}

function whyNot(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const texts: Readonly<Record<string, string>> = {
    EACCES: "this user may not write to it",
    EPERM: "this user may not write to it",
    EROFS: "its file system can only be read",
    EISDIR: "it is a directory",
    ENOTDIR: "it is no directory, or lies in none",
    ENOENT: "no directory can be made there",
    ENOSPC: "the disk is full",
  };
  return texts[code] ?? (error instanceof Error ? error.message : String(error));
}

const WRITABLE = "name a directory on a local disk to which this user may write";
