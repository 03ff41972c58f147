/** Tables and quantities for people. What came from elsewhere cannot steer the terminal (T34). */
import { line, oneLine, style } from "./print.ts";

export interface Column<Row> {
  readonly title: string;
  readonly of: (row: Row) => string | number | undefined;
  /** Numbers stand to the right. */
  readonly isNumber?: boolean;
}

/** @param none what is said where there are no rows */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], none: string): void {
  for (const text of tableLines(rows, columns, none)) line(text);
}

export function tableLines<Row>(rows: readonly Row[], columns: readonly Column<Row>[], none: string): string[] {
  if (rows.length === 0) return [none];
  const cells = rows.map((row) => columns.map(({ of }) => oneLine(String(of(row) ?? "-"))));
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const laidOut = (texts: readonly string[]) =>
    texts
      .map((text, i) => (columns[i]?.isNumber === true ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  return [style("bold", laidOut(columns.map(({ title }) => title))), ...cells.map(laidOut)];
}

/** Names and values, one a line; what has no value is left out. */
export function facts(pairs: readonly (readonly [string, string | number | undefined])[], indent = ""): void {
  const given = pairs.filter(([, value]) => value !== undefined);
  const width = Math.max(...given.map(([name]) => name.length));
  for (const [name, value] of given) line(`${indent}${style("dim", name.padEnd(width))}  ${oneLine(String(value))}`);
}

/** A duration by its two largest units. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const parts = [Math.floor(seconds / 86_400), Math.floor(seconds / 3_600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const first = parts.findIndex((count) => count > 0);
  if (first < 0) return ms < 1 ? "0 s" : `${Math.round(ms)} ms`;
  return parts
    .map((count, i) => `${count} ${"dhms"[i]}`)
    .slice(first, first + 2)
    .filter((text) => !text.startsWith("0"))
    .join(" ");
}

/** How long ago something was. */
export function ago(time: number, now = Date.now()): string {
  return `${duration(now - time)} ago`;
}

export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
