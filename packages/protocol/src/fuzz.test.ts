// Structure-aware fuzzing: real messages, mutated. Whatever the bytes: a message or a ProtocolError, nothing else, and no
// trace in any prototype. The seed is printed; FUZZ_SEED repeats a run.
import { arbitrary } from "@junctor/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ProtocolError, SerializationError } from "./error.ts";
import type { Message } from "./message/message.ts";
import { CborSerializer } from "./serializer/cbor.ts";
import { JsonSerializer } from "./serializer/json.ts";
import { MsgpackSerializer } from "./serializer/msgpack.ts";
import type { Serializer } from "./serializer/serializer.ts";

const seed = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
console.log(`fuzz: seed ${seed}; repeat with FUZZ_SEED=${seed}`);
const CASES = 100_000;
const MESSAGES = 500;

/** Small and fast, and the same for the same seed (mulberry32). */
function generator(start: number): (below: number) => number {
  let state = start >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const bytes = (hex: string) => [...Buffer.from(hex, "hex")];
const text = (value: string) => [...Buffer.from(value)];
/** What has broken decoders before: lengths that lie, deep nesting, bad text, numbers at the edges (T15 to T22). */
const HOSTILE: Readonly<Record<string, readonly (readonly number[])[]>> = {
  json: [
    ...[
      "[[[[[[[[[[",
      "]]]]",
      "{}",
      '"__proto__"',
      '{"__proto__":{"x":1}}',
      "9007199254740993",
      "-0",
      "1e999",
      "NaN",
      "null",
      "\\u0000",
      '"\\u0000AAA="',
      "\\ud83d",
      ",",
      ":",
      "tru",
      '"',
      "\\",
      " ",
    ].map(text),
    bytes("ff"),
    bytes("c080"),
    bytes("eda080"),
    text("[".repeat(40)),
  ],
  msgpack: [
    "ddffffffff",
    "dfffffffff",
    "dbffffffff",
    "c6ffffffff",
    "c1",
    "c0",
    "cb7ff8000000000000",
    "cf0020000000000001",
    "d3ffffffffffffffff",
    "d40100",
    "d6ff00000000",
    "a2c328",
    "a95f5f70726f746f5f5f",
    "81a95f5f70726f746f5f5f81a17801",
    "9191919191919191919191919191919191919191919191919191919191919191919191",
    "80",
    "90",
    "dc0000",
    "c9ffffffff00",
  ].map(bytes),
  cbor: [
    "9bffffffffffffffff",
    "bbffffffffffffffff",
    "7bffffffffffffffff",
    "5bffffffffffffffff",
    "9f",
    "bf",
    "7f",
    "ff",
    "f6",
    "f7",
    "f97e00",
    "fb7ff8000000000000",
    "1b0020000000000001",
    "3bffffffffffffffff",
    "c249010000000000000000",
    "d8400101",
    "62c328",
    "695f5f70726f746f5f5f",
    "a1695f5f70726f746f5f5fa1617801",
    "818181818181818181818181818181818181818181818181818181818181818181818181",
    "f8ff",
    "f810",
    "1c",
  ].map(bytes),
};

function mutate(
  sample: Uint8Array,
  other: Uint8Array,
  hostile: readonly (readonly number[])[],
  random: (below: number) => number,
): Uint8Array {
  let mutated = [...sample];
  for (let rounds = 1 + random(3); rounds > 0; rounds--) {
    const at = random(mutated.length + 1);
    switch (random(8)) {
      case 0:
        mutated[at % Math.max(1, mutated.length)] = random(256);
        break;
      case 1:
        mutated.splice(at, 1 + random(4));
        break;
      case 2:
        mutated.splice(at, 0, random(256));
        break;
      case 3:
        mutated.splice(at, 0, ...mutated.slice(at, at + random(20)));
        break;
      case 4:
        mutated = [...mutated.slice(0, at), ...other.subarray(random(other.length + 1))];
        break;
      case 5:
      case 6:
        mutated.splice(at, random(6), ...(hostile[random(hostile.length)] ?? []));
        break;
      default:
        if (mutated.length > 0) mutated[at % mutated.length] = (mutated[at % mutated.length] ?? 0) ^ (1 << random(8));
    }
  }
  return Uint8Array.from(mutated);
}

function problemWith(serializer: Serializer, bytes: Uint8Array, start: number, end: number): string | undefined {
  try {
    serializer.decode(bytes, start, end);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe.each([new JsonSerializer(), new MsgpackSerializer(), new CborSerializer()] as readonly Serializer[])("$name", (serializer) => {
  test(`${CASES} mutated messages`, { timeout: 240_000 }, () => {
    const samples = fc.sample(arbitrary.anyMessage, { numRuns: MESSAGES, seed }).map((message) => serializer.encode(message));
    const others = ([new JsonSerializer(), new MsgpackSerializer(), new CborSerializer()] as readonly Serializer[]).filter(
      ({ name }) => name !== serializer.name,
    );
    const random = generator(seed);
    const prototype = JSON.stringify(Object.getOwnPropertyNames(Object.prototype).sort());
    let accepted = 0;
    for (let i = 0; i < CASES; i++) {
      const sample = samples[random(samples.length)] as Uint8Array;
      const input = mutate(sample, samples[random(samples.length)] as Uint8Array, HOSTILE[serializer.name] ?? [], random);
      const hostile = HOSTILE[serializer.name] ?? [];
      const behind = hostile[random(hostile.length)] ?? [];
      let message: Message;
      try {
        message = serializer.decode(input);
      } catch (error) {
        if (!(error instanceof ProtocolError))
          throw new Error(`seed ${seed}, case ${i}: ${Buffer.from(input).toString("hex")}`, { cause: error });
        // Sockets give messages with others before and behind them: what is wrong is wrong in the same way there.
        if (problemWith(serializer, Uint8Array.of(0, ...input, ...behind), 1, 1 + input.length) !== error.message)
          throw new Error(`seed ${seed}, case ${i}: another outcome for ${Buffer.from(input).toString("hex")} within other bytes`);
        continue;
      }
      accepted++;
      try {
        // What was let in must be fit to be carried on, in every format, and to be read.
        for (const other of others) {
          try {
            other.encode(message);
          } catch (error) {
            if (!(error instanceof SerializationError)) throw error;
          }
        }
        serializer.decode(serializer.encode(message));
        if ("payload" in message && message.payload.length > 0) message.payload.args;
      } catch (error) {
        if (!(error instanceof SerializationError))
          throw new Error(`seed ${seed}, case ${i}: ${Buffer.from(input).toString("hex")}`, { cause: error });
      }
    }
    expect(accepted).toBeGreaterThan(CASES / 100);
    expect(JSON.stringify(Object.getOwnPropertyNames(Object.prototype).sort())).toBe(prototype);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });
});
