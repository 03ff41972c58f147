/**
 * The state directory: what a server keeps between its runs, and where those who administer it find it. It is for the user
 * of the server alone.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError, whyUnreadable } from "../user-error.ts";

/** The control socket of a server with this state directory. */
export function controlSocketIn(directory: string): string {
  return join(directory, "control.sock");
}

/** Makes it, where there is none. @throws {UserError} */
export function makeStateDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new UserError(`cannot make the state directory ${directory}: ${whyUnreadable(error)}`, {
      remedy: "let this user write there, or name another directory with state in the configuration",
    });
  }
}

/** Which server this is, by the file that its first start has left there. @throws {UserError} */
export function nodeIdIn(directory: string): string {
  const file = join(directory, "node");
  try {
    const id = readFileSync(file, "utf8").trim();
    if (/^[0-9a-f]{12}$/.test(id)) return id;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw unusable(file, error);
  }
  const id = newNodeId();
  try {
    writeFileSync(file, `${id}\n`, { mode: 0o600 });
  } catch (error) {
    throw unusable(file, error);
  }
  return id;
}

export function newNodeId(): string {
  return randomBytes(6).toString("hex");
}

function unusable(file: string, error: unknown): UserError {
  return new UserError(`cannot use ${file}: ${whyUnreadable(error)}`, {
    remedy: "the state directory is to belong to the user of the server; state in the configuration names another",
  });
}
