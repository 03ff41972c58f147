/** Durations and sizes as people write them: `25s`, `1MiB`. */

const DURATIONS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1_000,
  KiB: 1 << 10,
  MB: 1_000_000,
  MiB: 1 << 20,
  GB: 1_000_000_000,
  GiB: 1 << 30,
};

/** @returns milliseconds, or `undefined` where the text is no duration */
export function parseDuration(text: string): number | undefined {
  return parse(text, DURATIONS);
}

/** @returns bytes, or `undefined` where the text is no size */
export function parseSize(text: string): number | undefined {
  return parse(text, SIZES);
}

export function formatDuration(ms: number): string {
  return format(ms, DURATIONS, "ms");
}

export function formatSize(bytes: number): string {
  return format(bytes, { GiB: 1 << 30, MiB: 1 << 20, KiB: 1 << 10, B: 1 }, "B");
}

function parse(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, digits = "", unit = ""] = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(text.trim()) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  return digits === "" || factor === undefined ? undefined : Math.round(Number(digits) * factor);
}

/** In the largest unit that leaves an integer. */
function format(value: number, units: Readonly<Record<string, number>>, smallest: string): string {
  const [unit, factor] = Object.entries(units)
    .sort(([, a], [, b]) => b - a)
    .find(([, factor]) => value >= factor && value % factor === 0) ?? [smallest, 1];
  return `${value / factor}${unit}`;
}
