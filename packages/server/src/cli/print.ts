/** What the command line prints: nothing that a peer sent may steer the terminal (T34). */
import { styleText } from "node:util";

/** Colours only where somebody sees them. */
const hasColor = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;

export function style(format: "bold" | "dim" | "green" | "cyan" | "red", text: string): string {
  return hasColor ? styleText(format, text) : text;
}

/** Control characters, and those that reorder text, as escapes. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (c) => (c === "\n" || c === "\t" ? c : `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it finds
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A value as JSON; what JSON lacks as WAMP writes it: bytes as `"\u0000"` and Base64, large integers as digits. */
export function jsonText(value: unknown, indent?: number): string {
  const bigs: string[] = [];
  const text = JSON.stringify(
    value,
    (_key, item: unknown) => {
      if (typeof item === "bigint") return `\u0001${bigs.push(item.toString()) - 1}`;
      if (item instanceof Uint8Array) return `\u0000${Buffer.from(item).toString("base64")}`;
      if (isBufferJson(item)) return `\u0000${Buffer.from(item.data).toString("base64")}`;
      return item;
    },
    indent,
  );
  return text.replace(/"\\u0001(\d+)"/g, (_match, i: string) => bigs[Number(i)] ?? "null");
}

function isBufferJson(value: unknown): value is { data: number[] } {
  return (
    typeof value === "object" &&
    value !== null &&
    "type" in value &&
    value.type === "Buffer" &&
    "data" in value &&
    Array.isArray(value.data)
  );
}

/** A value for people: text as it is, everything else as JSON. */
export function valueText(value: unknown): string {
  return printable(typeof value === "string" ? value : jsonText(value));
}

/** Arguments and keyword arguments on one line. */
export function payloadText(args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): string {
  const named = Object.entries(kwargs).map(([name, value]) => `${printable(name)}=${printable(jsonText(value))}`);
  return [...args.map((value) => (args.length === 1 && named.length === 0 ? valueText(value) : printable(jsonText(value)))), ...named].join(
    " ",
  );
}

export function line(text: string): void {
  process.stdout.write(`${text}\n`);
}
