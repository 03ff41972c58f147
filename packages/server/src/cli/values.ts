/** Values from the command line: JSON where it is JSON, text otherwise. */
import { Exit, UserError } from "../user-error.ts";

export function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `-k name=value`, several times. */
export function parseKwargs(pairs: readonly string[]): Record<string, unknown> {
  const kwargs: Record<string, unknown> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals < 1)
      throw new UserError(`-k ${pair} is no keyword argument`, {
        remedy: "write -k name=value, for example -k verbose=true",
        exitCode: Exit.usage,
      });
    kwargs[pair.slice(0, equals)] = parseValue(pair.slice(equals + 1));
  }
  return kwargs;
}

/** For option values that must be JSON. */
export function parseJson(text: string, option: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${option} is no JSON: ${error instanceof Error ? error.message : String(error)}`, {
      remedy: `quote it for the shell, for example ${option} '{"ok": true}' or ${option} '"text"'`,
      exitCode: Exit.usage,
    });
  }
}

export function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new UserError(`${text} is no port`, { remedy: "give a number from 0 to 65535; 0 takes any free port", exitCode: Exit.usage });
  return port;
}
