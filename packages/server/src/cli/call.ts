/** `junctor call`: calls a procedure once and prints its result. */
import { jsonText, line, payloadText } from "./print.ts";
import { type ClientOptions, withSession } from "./session.ts";
import { parseKwargs, parseValue } from "./values.ts";

export async function call(
  procedure: string,
  args: readonly string[],
  options: ClientOptions & { kwarg: readonly string[]; progress?: boolean },
): Promise<void> {
  const values = args.map(parseValue);
  const kwargs = parseKwargs(options.kwarg);
  const print = ({ args, kwargs }: { args: readonly unknown[]; kwargs: Readonly<Record<string, unknown>> }) =>
    line(options.json === true ? jsonText({ args, kwargs }) : payloadText(args, kwargs));
  await withSession(options, async (session, signal) => {
    print(await session.call(procedure, values, kwargs, { signal, ...(options.progress === true && { onProgress: print }) }));
  });
}
