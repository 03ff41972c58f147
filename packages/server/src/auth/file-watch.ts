/**
 * Looks whether a file is another one than before, twice a second. Asking for its status tells of editors that put a new file
 * in the old one's place, of mounted directories that are swapped as a whole and of network file systems; notifications of
 * the system tell of some of them.
 */
import { type BigIntStats, statSync } from "node:fs";

export class FileWatch {
  readonly #file: string;
  readonly #changed: () => void;
  #last: string;

  /** @param changed called by `check`, once for each change */
  constructor(file: string, changed: () => void = () => {}) {
    this.#file = file;
    this.#changed = changed;
    this.#last = versionOf(file);
  }

  get hasChanged(): boolean {
    return versionOf(this.#file) !== this.#last;
  }

  /** Whether it is another one since it was last asked. */
  takeChange(): boolean {
    const version = versionOf(this.#file);
    const hasChanged = version !== this.#last;
    this.#last = version;
    return hasChanged;
  }

  check(): void {
    if (this.takeChange()) this.#changed();
  }
}

function versionOf(file: string): string {
  let status: BigIntStats | undefined;
  try {
    status = statSync(file, { bigint: true, throwIfNoEntry: false });
  } catch {
    // A directory that may not be read: as if it were gone.
  }
  return status === undefined ? "" : `${status.dev} ${status.ino} ${status.size} ${status.mtimeNs} ${status.ctimeNs}`;
}
