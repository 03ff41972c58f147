/** The repository as the tests of this directory see it: what git knows, and what is new and not ignored. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Paths from the root, with slashes. */
export const files: readonly string[] = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(root, file)))
  .sort();

export function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** What people read here: every page that belongs to the project. */
export const pages: readonly string[] = files.filter((file) => file.endsWith(".md"));
