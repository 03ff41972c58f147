/**
 * Reads what a service prints, line by line. The router is never made to work for it beyond a budget: a service that prints
 * more waits until its output is taken, as it would on a slow terminal, and a line without end comes in pieces.
 */
import type { Readable } from "node:stream";

/** So many bytes a second, on average; shared by the streams of an instance. A line costs some on top, whatever its length. */
export class OutputBudget {
  readonly #perMs: number;
  readonly #most: number;
  readonly #now: () => number;
  #left: number;
  #at: number;

  /** @param now milliseconds on a scale that never goes back */
  constructor(bytesPerSecond: number, now: () => number) {
    this.#perMs = bytesPerSecond / 1_000;
    this.#most = bytesPerSecond;
    this.#now = now;
    this.#left = bytesPerSecond;
    this.#at = now();
  }

  /** @returns how many ms to wait before more is taken */
  take(bytes: number): number {
    const now = this.#now();
    this.#left = Math.min(this.#most, this.#left + (now - this.#at) * this.#perMs) - bytes - LINE_COST;
    this.#at = now;
    return this.#left >= 0 ? 0 : Math.ceil(-this.#left / this.#perMs);
  }
}

export class OutputReader {
  readonly #stream: Readable;
  readonly #budget: OutputBudget;
  readonly #line: (text: string) => void;
  #pending: Buffer = NOTHING;
  #isScheduled = false;
  #hasEnded = false;

  constructor(stream: Readable, budget: OutputBudget, line: (text: string) => void) {
    this.#stream = stream;
    this.#budget = budget;
    this.#line = line;
    stream.on("data", (chunk: Buffer) => {
      this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
      if (!this.#isScheduled) this.#work();
    });
    stream.on("end", () => {
      this.#hasEnded = true;
      if (!this.#isScheduled) this.#work();
    });
    stream.on("error", () => {}); // the process has gone; that is told elsewhere
  }

  #work(): void {
    this.#isScheduled = false;
    for (let lines = 0; ; lines++) {
      const length = this.#nextLength();
      if (length === undefined) break;
      if (lines === LINES_A_TURN) return this.#later(0);
      const bytes = this.#pending.subarray(0, length);
      const isWhole = this.#pending[length] === NEWLINE;
      this.#pending = this.#pending.subarray(isWhole ? length + 1 : length);
      this.#line(bytes.at(-1) === CARRIAGE_RETURN ? bytes.toString("utf8", 0, length - 1) : bytes.toString("utf8"));
      const wait = this.#budget.take(length);
      if (wait > 0) return this.#later(wait);
    }
    if (this.#stream.isPaused()) this.#stream.resume();
  }

  /** Of the next line, or of a piece of it; `undefined` where it has not come yet. */
  #nextLength(): number | undefined {
    const end = this.#pending.indexOf(NEWLINE);
    if (end >= 0 && end <= LONGEST_LINE) return end;
    if (this.#pending.length <= LONGEST_LINE) return this.#hasEnded && this.#pending.length > 0 ? this.#pending.length : undefined;
    let length = LONGEST_LINE;
    while (((this.#pending[length] ?? 0) & 0xc0) === 0x80 && length > LONGEST_LINE - 4) length--; // not within a character
    return length;
  }

  #later(ms: number): void {
    this.#isScheduled = true;
    this.#stream.pause();
    if (ms === 0) setImmediate(() => this.#work());
    else setTimeout(() => this.#work(), ms).unref();
  }
}

const NOTHING = Buffer.alloc(0);
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
export const LONGEST_LINE = 8_192;
const LINE_COST = 100;
/** The router has other things to do in between. */
const LINES_A_TURN = 50;
