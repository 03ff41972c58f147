/**
 * What nothing has caught (T45). A promise that failed and that nobody waited for leaves nothing half done: it is logged, and
 * that is all. An exception may have: the server stops in good order, and whoever looks after it starts it again.
 */
import { internalError, type LogEvent } from "../log.ts";
import { Exit } from "../user-error.ts";

interface Emitter {
  on(event: "uncaughtException" | "unhandledRejection", listener: (error: unknown) => void): unknown;
}

/**
 * @param giveUp ends the process where stopping does not
 * @returns the first exception, at which the server is to stop; what is thrown while it does is logged
 */
export function untilUncaught(
  log: (event: LogEvent) => void,
  from: Emitter = process,
  giveUp: () => void = () => process.exit(Exit.failed),
): Promise<Error> {
  return new Promise((resolve) => {
    let isStopping = false;
    from.on("unhandledRejection", (reason) => log(internalError("rejection", reason)));
    from.on("uncaughtException", (error) => {
      log(internalError("exception", error));
      if (!isStopping) setTimeout(giveUp, STOPPING_MS).unref();
      isStopping = true;
      resolve(error instanceof Error ? error : new Error(String(error)));
    });
  });
}

/** Longer than sessions and listeners are waited for. */
const STOPPING_MS = 15_000;
