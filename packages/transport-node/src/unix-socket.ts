/** UNIX domain sockets: a file left behind by a process that died must not keep the next one from starting. */
import { chmodSync, existsSync, lstatSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";

/**
 * Makes way for a socket: removes a stale one. One that somebody answers on stays, and listening fails with EADDRINUSE.
 *
 * @throws an error with a system's code, where the system itself would name another one or cut the path short
 */
export async function claimSocketPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > LONGEST_PATH) throw systemError("ENAMETOOLONG");
  if (!existsSync(dirname(path))) throw systemError("ENOENT");
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw systemError("EEXIST");
  if (!(await isAnswered(path))) unlinkSync(path);
}

/** What fits into `sun_path` beside its final zero. */
const LONGEST_PATH = process.platform === "linux" ? 107 : 103;

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

export function setSocketMode(path: string, mode: number): void {
  chmodSync(path, mode);
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    // Only a refusal proves that nobody listens: with any other error (no permission, say) the file is not ours to remove.
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
  });
}
