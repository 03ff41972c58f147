/** Says at the end which groups of tests were skipped because something is missing, and how to get it: each told it in a line. */
import type { Reporter } from "vitest/node";

type ConsoleLog = Parameters<NonNullable<Reporter["onUserConsoleLog"]>>[0];

export default class SkippedReporter implements Reporter {
  readonly #lines = new Set<string>();

  onUserConsoleLog({ content }: ConsoleLog): void {
    for (const line of content.split("\n")) if (line.startsWith("skipped: ")) this.#lines.add(line);
  }

  onTestRunEnd(): void {
    for (const line of this.#lines) console.log(line);
  }
}
