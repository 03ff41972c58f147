/**
 * The log's way out. It never makes the router wait: where nobody reads any more (EPIPE), the disk is full (ENOSPC), or
 * whatever else goes wrong, lines are lost and counted, and the next ones are tried again.
 */
import { writeSync } from "node:fs";
import type { DestinationStream } from "pino";

export interface LogLinesOptions {
  /** @returns how many bytes were written; throws what `fs.writeSync` throws */
  readonly write?: (fd: number, bytes: Uint8Array) => number;
  /** So many characters may wait for a reader that is too slow. */
  readonly waiting?: number;
}

/**
 * Writes the lines of an event-loop turn together when it ends, and those that are left when the process ends: a system call
 * per line was a tenth of what a session that comes and goes costs (bench join).
 */
export class LogLines implements DestinationStream {
  /** Lines were lost, so many, and now one could be written again. */
  onLost: (lines: number) => void = () => {};
  readonly #fd: number;
  readonly #writeSync: (fd: number, bytes: Uint8Array) => number;
  readonly #waitingMost: number;
  #lines: string[] = [];
  #size = 0;
  /** What a reader without room has left of the lines before. */
  #rest: Uint8Array = NOTHING;
  #lost = 0;
  /** What was written last was a part of a line. */
  #isCut = false;
  #scheduled: NodeJS.Immediate | NodeJS.Timeout | undefined = undefined;

  constructor(fd: number, { write = writeSync, waiting = WAITING }: LogLinesOptions = {}) {
    this.#fd = fd;
    this.#writeSync = write;
    this.#waitingMost = waiting;
  }

  write(line: string): void {
    if (this.#size + line.length > this.#waitingMost) {
      this.#lost++;
      return;
    }
    this.#lines.push(line);
    this.#size += line.length;
    if (this.#size >= TOGETHER && this.#rest.length === 0) this.flush();
    else this.#scheduled ??= setImmediate(() => this.flush());
  }

  /** Writes what is there, or as much of it as there is room for. */
  flush(): void {
    this.#scheduled = undefined;
    try {
      while (this.#rest.length > 0 || this.#lines.length > 0) {
        if (this.#rest.length === 0) this.#rest = this.#take();
        const written = this.#writeSync(this.#fd, this.#rest);
        if (written > 0) this.#isCut = this.#rest[written - 1] !== LINE_END;
        this.#rest = this.#rest.subarray(written);
      }
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EAGAIN") {
        this.#scheduled = setTimeout(() => this.flush(), RETRY_MS).unref();
        return;
      }
      this.#lost += this.#rest.reduce((lines, octet, i) => (octet === LINE_END && i > 0 ? lines + 1 : lines), 0); // none is empty
      this.#rest = NOTHING;
      return;
    }
    if (this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.onLost(lost);
  }

  /** Before the process ends: a slow reader is given a moment. */
  finish(): void {
    for (let attempt = 0; attempt < LAST_ATTEMPTS; attempt++) {
      this.flush();
      if (this.#rest.length === 0 && this.#lines.length === 0) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }

  #take(): Uint8Array {
    const text = this.#lines.join("");
    this.#lines = [];
    this.#size = 0;
    return Buffer.from(this.#isCut ? `\n${text}` : text);
  }
}

const NOTHING = new Uint8Array(0);
const LINE_END = 0x0a;
/** So many characters do not wait for the end of the turn. */
const TOGETHER = 8 << 10;
const WAITING = 1 << 20;
const RETRY_MS = 50;
const LAST_ATTEMPTS = 10;
