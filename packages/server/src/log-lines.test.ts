import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createLogger } from "./log.ts";
import { LogLines } from "./log-lines.ts";

/** A file descriptor that takes what it has room for, or fails. */
class Output {
  text = "";
  room = Number.POSITIVE_INFINITY;
  failure: string | undefined = undefined;

  readonly write = (_fd: number, bytes: Uint8Array): number => {
    const count = Math.min(this.room, bytes.length);
    if (this.failure !== undefined || count === 0) throw Object.assign(new Error("write"), { code: this.failure ?? "EAGAIN" });
    this.room -= count;
    this.text += Buffer.from(bytes.subarray(0, count)).toString();
    return count;
  };
}

describe("the log", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setImmediate", "setTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  test("is written at the end of a turn, all its lines together", () => {
    const output = new Output();
    const lines = new LogLines(1, output);
    lines.write("a\n");
    lines.write("b\n");
    expect(output.text).toBe("");
    vi.runAllTimers();
    expect(output.text).toBe("a\nb\n");
  });

  test.each(["EPIPE", "ENOSPC", "EIO"])("loses lines where they cannot be written (%s), and tells how many", (code) => {
    const output = new Output();
    const lines = new LogLines(1, output);
    const lost: number[] = [];
    lines.onLost = (count) => void lost.push(count);
    output.failure = code;
    for (const line of ["a\n", "b\n"]) lines.write(line);
    vi.runAllTimers();
    lines.write("c\n");
    vi.runAllTimers();
    expect([output.text, lost]).toEqual(["", []]);
    output.failure = undefined;
    lines.write("d\n");
    vi.runAllTimers();
    expect([output.text, lost]).toEqual(["d\n", [3]]);
  });

  test("begins a new line after one that was cut off", () => {
    const output = new Output();
    const lines = new LogLines(1, { write: (fd, bytes) => output.write(fd, output.room === 0 ? fail("ENOSPC") : bytes) });
    output.room = 3;
    lines.write("abcdef\n");
    vi.runAllTimers();
    output.room = 100;
    lines.write("g\n");
    vi.runAllTimers();
    expect(output.text).toBe("abc\ng\n");
  });

  test("waits for a slow reader without making the router wait, and no more than it may", () => {
    const output = new Output();
    const lines = new LogLines(1, { ...output, waiting: 6 });
    const lost: number[] = [];
    lines.onLost = (count) => void lost.push(count);
    output.room = 1;
    lines.write("a1\n");
    vi.advanceTimersByTime(1);
    for (const line of ["b1\n", "c1\n", "d1\n", "e1\n"]) lines.write(line);
    vi.advanceTimersByTime(1_000);
    expect([output.text, lost]).toEqual(["a", []]);
    output.room = 100;
    vi.advanceTimersByTime(1_000);
    expect([output.text, lost]).toEqual(["a1\nb1\nc1\n", [2]]);
  });

  test.each(["json", "pretty"] as const)("says by an event of its own that lines were lost, in %s", (format) => {
    const output = new Output();
    const logger = createLogger("info", format, 1, output);
    output.failure = "EPIPE";
    logger.info({ event: "one" });
    vi.runAllTimers();
    output.failure = undefined;
    logger.info({ event: "two" });
    vi.runAllTimers();
    expect(output.text).not.toContain("one");
    expect(output.text.trimEnd()).toMatch(/two.*log\.lost.*lines"?: ?1/s);
  });
});

function fail(code: string): never {
  throw Object.assign(new Error("write"), { code });
}
