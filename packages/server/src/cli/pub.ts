/** `junctor pub`: publishes an event. */
import { jsonText, line } from "./print.ts";
import { type ClientOptions, withSession } from "./session.ts";
import { parseKwargs, parseValue } from "./values.ts";

export async function pub(topic: string, args: readonly string[], options: ClientOptions & { kwarg: readonly string[] }): Promise<void> {
  const values = args.map(parseValue);
  const kwargs = parseKwargs(options.kwarg);
  await withSession(options, async (session, signal) => {
    // Acknowledged: a command that says nothing about a refused event would lie.
    const publication = await session.publish(topic, values, kwargs, { acknowledge: true, signal });
    if (options.json === true) line(jsonText({ publication }));
  });
}
