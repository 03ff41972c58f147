/** The payloads that every client sends to every other one. */
import { bytes, float, type Message, type Value, wide } from "./value.ts";

export interface Case extends Message {
  readonly name: string;
  /** A procedure answers with this error, which carries the payload. */
  readonly error?: string;
}

const nested = (depth: number): Value => (depth === 0 ? "the bottom" : { [`level ${depth}`]: [depth, nested(depth - 1)] });

export const CASES: readonly Case[] = [
  { name: "nothing", args: [], kwargs: {} },
  { name: "args", args: [1, "two", true, false, null, [3, "four"], { five: 6 }], kwargs: {} },
  { name: "kwargs", args: [], kwargs: { one: 1, two: "two", three: true, four: null } },
  { name: "both", args: ["first"], kwargs: { second: [2] } },
  { name: "empty", args: ["", [], {}], kwargs: { text: "", list: [], dict: {} } },
  { name: "binary", args: [bytes(), bytes(0, 1, 0x7f, 0x80, 0xfe, 0xff), [bytes(0x22, 0x5c)]], kwargs: { data: bytes(0xc3, 0x28, 0) } },
  {
    name: "unicode",
    args: ["Grüße, Κόσμε, 世界, שלום", "\u{1d11e}\u{1f600}", 'quotes " and \\ and /', "line\nbreaks\r\n\ttabs", "a\u0000b\u007f\u2028"],
    kwargs: { größe: "ñ", 鍵: "値", "with space": "-", "1": "a digit" },
  },
  {
    name: "integers",
    args: [0, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, 65536, 2147483647, 2147483648, -2147483649, 4294967296],
    kwargs: { largest: Number.MAX_SAFE_INTEGER, smallest: Number.MIN_SAFE_INTEGER },
  },
  { name: "floats", args: [0.1, -1.5, Math.PI, 1e-7, 5e-324].map(float), kwargs: { large: float(1.7976931348623157e308) } },
  { name: "whole_floats", args: [1, -2, 0, 65536].map(float), kwargs: { large: float(1e15) } },
  { name: "wide_integers", args: [wide(2n ** 63n - 1n), wide(-(2n ** 63n)), wide(2n ** 64n - 1n)], kwargs: {} },
  { name: "nested", args: [nested(8)], kwargs: { list: [[[[[[]]]]], [{ a: [{ b: { c: [] } }] }]] } },
  { name: "error", error: "com.example.error.refused", args: [], kwargs: {} },
  {
    name: "error_with_payload",
    error: "com.example.error.out_of_range",
    args: ["größer", 9007199254740991, bytes(1, 2, 3)],
    kwargs: { limit: { least: -5, most: float(0.5) }, seen: [null, true] },
  },
];

/** Longer than what one frame, one read and two octets of length can hold. */
export const LARGE: Case = {
  name: "large",
  args: ["ß".repeat(50_000), { $bytes: Buffer.alloc(70_000, 0xa5).toString("base64") }],
  kwargs: { many: Array.from({ length: 10_000 }, (_, i) => i) },
};
