/** The last lines that a service printed, for `junctor services logs`. */

export interface OutputLine {
  /** Counts on from line to line, also of other instances. */
  readonly sequence: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly instance: number;
  readonly stream: "stdout" | "stderr";
  readonly line: string;
}

export class OutputLog {
  readonly #keep: number;
  #lines: OutputLine[] = [];
  #next = 1;

  constructor(keep: number) {
    this.#keep = keep;
  }

  add(time: number, instance: number, stream: "stdout" | "stderr", line: string): void {
    this.#lines.push({ sequence: this.#next++, time, instance, stream, line });
    // Now and then, not for each line.
    if (this.#lines.length >= 2 * this.#keep) this.#lines = this.#lines.slice(-this.#keep);
  }

  /** Those after a sequence number, the last ones of them where there are more. */
  after(sequence: number, most: number): readonly OutputLine[] {
    return this.#lines
      .slice(-this.#keep)
      .filter((line) => line.sequence > sequence)
      .slice(-most);
  }
}
