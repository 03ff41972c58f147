/** UNIX domain sockets: a file left behind by a process that died must not keep the next one from starting. */
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect } from "node:net";

/**
 * Removes a stale socket file. One that somebody answers on stays, and so does anything that is no socket: listening then
 * fails with EADDRINUSE.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  if (await isAnswered(path)) return;
  unlinkSync(path);
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
