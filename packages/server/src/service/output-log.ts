/** The last lines that a service printed, for `junctor services logs`. */
import type { ServiceLine } from "@junctor/admin-api";

export class OutputLog {
  readonly #keep: number;
  #lines: ServiceLine[] = [];
  #next = 1;
  readonly #waiting = new Set<() => void>();

  constructor(keep: number) {
    this.#keep = keep;
  }

  add(time: number, instance: number, stream: "stdout" | "stderr", line: string): void {
    this.#lines.push({ sequence: this.#next++, time, instance, stream, line });
    // Now and then, not for each line.
    if (this.#lines.length >= 2 * this.#keep) this.#lines = this.#lines.slice(-this.#keep);
    for (const arrived of [...this.#waiting]) arrived();
  }

  /** Settles when the next line has come, or after a while. */
  async next(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => arrived(), ms);
      const arrived = () => {
        clearTimeout(timer);
        this.#waiting.delete(arrived);
        resolve();
      };
      this.#waiting.add(arrived);
    });
  }

  /** Nobody waits any more. */
  close(): void {
    for (const arrived of [...this.#waiting]) arrived();
  }

  /** Those after a sequence number, the last ones of them where there are more. */
  after(sequence: number, most: number): readonly ServiceLine[] {
    return this.#lines
      .slice(-this.#keep)
      .filter((line) => line.sequence > sequence)
      .slice(-most);
  }
}
