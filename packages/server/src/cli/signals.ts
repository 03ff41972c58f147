/** Stopping: the first signal asks for a graceful end, the second one gets it now. */
import { Exit } from "../user-error.ts";

/** @returns the first signal to stop; a second one ends the process with exit code 2 */
export function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    let first: string | undefined;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        if (first !== undefined) process.exit(Exit.usage);
        first = signal;
        resolve(signal);
      });
    }
  });
}

/** Acts on each signal of a kind; on Windows there are none of these. */
export function onSignal(signal: "SIGHUP" | "SIGUSR1" | "SIGUSR2", act: () => void): void {
  process.on(signal, act);
}
