/** What the command line prints: nothing that a peer sent may steer the terminal (T34). */
import { styleText } from "node:util";

interface Stream {
  readonly isTTY?: boolean;
}

/** Colours only where somebody sees them. @param on where the text is to be written */
export function style(format: "bold" | "dim" | "green" | "cyan" | "red", text: string, on: Stream = process.stdout): string {
  return on.isTTY === true && process.env["NO_COLOR"] === undefined ? styleText(format, text) : text;
}

/** Control characters, and those that reorder text, as escapes. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (c) => (c === "\n" || c === "\t" ? c : `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it finds
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same, on one line. */
export function oneLine(text: string): string {
  return printable(text).replaceAll("\n", "\\n");
}

/** A value as JSON on one line; what JSON lacks as WAMP writes it: bytes as `"\u0000"` and Base64, large integers as digits. */
export function jsonText(value: unknown): string {
  return printable(json(value));
}

function json(value: unknown): string {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return JSON.stringify(`\u0000${Buffer.from(value).toString("base64")}`);
  if (Array.isArray(value)) return `[${value.map(json).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${json(item)}`).join(",")}}`;
}

/** Arguments and keyword arguments for people: a text that is all there is stays as it is, everything else is JSON. */
export function payloadText(args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): string {
  const named = Object.entries(kwargs).map(([name, value]) => `${printable(name)}=${jsonText(value)}`);
  const [only] = args;
  if (typeof only === "string" && args.length === 1 && named.length === 0) return printable(only);
  return [...args.map(jsonText), ...named].join(" ");
}

export function line(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** What is no result: progress of the command itself. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The time of day, for lines that tell what happened. */
export function clock(on: Stream = process.stdout): string {
  return style("dim", new Date().toISOString().slice(11, 23), on);
}
