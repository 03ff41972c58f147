/** Values from the command line: JSON where it is JSON, text otherwise. */
import { JsonSerializer, MessageType, ProtocolError, SerializationError } from "@junctor/protocol";
import { Exit, UserError } from "../user-error.ts";

export function parseValue(text: string): unknown {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  return decode(text);
}

/** For option values that must be JSON. */
export function parseJson(text: string, option: string): unknown {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new UserError(`${option} is no JSON: ${error instanceof Error ? error.message : String(error)}`, {
      remedy: `quote it for the shell, for example ${option} '{"ok": true}' or ${option} '"text"'`,
      exitCode: Exit.usage,
    });
  }
  return decode(text);
}

/** As WAMP reads JSON: integers of any size exactly, and strings that start with U+0000 as bytes. */
function decode(text: string): unknown {
  try {
    const message = serializer.decode(encoder.encode(`[${MessageType.Yield},1,{},[${text}]]`));
    return message.type === MessageType.Yield ? message.payload.args?.[0] : undefined;
  } catch (error) {
    if (!(error instanceof ProtocolError || error instanceof SerializationError)) throw error;
    throw new UserError(`${text.slice(0, 60)} cannot be sent: ${error.message}`, { exitCode: Exit.usage });
  }
}

const serializer = new JsonSerializer();
const encoder = new TextEncoder();

/** `-k name=value`, several times. */
export function parseKwargs(pairs: readonly string[]): Record<string, unknown> {
  const kwargs = new Map<string, unknown>();
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals < 1)
      throw new UserError(`-k ${pair} is no keyword argument`, {
        remedy: "write -k name=value, for example -k verbose=true",
        exitCode: Exit.usage,
      });
    const name = pair.slice(0, equals);
    if (kwargs.has(name))
      throw new UserError(`-k ${name} is given twice`, {
        remedy: `give one of them, or a list: -k '${name}=[1, 2]'`,
        exitCode: Exit.usage,
      });
    kwargs.set(name, parseValue(pair.slice(equals + 1)));
  }
  return Object.fromEntries(kwargs);
}

export function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

export function parsePort(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65535))
    throw new UserError(`${text} is no port`, { remedy: "give a number from 0 to 65535; 0 takes any free port", exitCode: Exit.usage });
  return port;
}

export function parseCount(text: string): number {
  if (!/^[1-9]\d*$/.test(text))
    throw new UserError(`${text} is no number of events`, { remedy: "for example --count 10", exitCode: Exit.usage });
  return Number(text);
}

/** @returns milliseconds */
export function parseSeconds(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text))
    throw new UserError(`${text} is no number of seconds`, {
      remedy: "for example --timeout 2.5; 0 waits for ever",
      exitCode: Exit.usage,
    });
  return Number(text) * 1_000;
}

/** @param option what it is the value of, for the text */
export function parseNumber(text: string, option: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new UserError(`${text} is no number`, { remedy: `for example ${option} 10`, exitCode: Exit.usage });
  return Number(text);
}

/** @param of which command lists what has such ids */
export function parseId(text: string, of: "sessions" | "subs" | "procs"): number {
  const id = /^[1-9]\d*$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(id))
    throw new UserError(`${text} is no id`, { remedy: `junctor ${of} ls lists those that there are`, exitCode: Exit.usage });
  return id;
}
