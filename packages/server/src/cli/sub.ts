/** `junctor sub`: prints events, one a line, until Ctrl-C. */
import type { Event } from "@junctor/client";
import { Exit, UserError } from "../user-error.ts";
import { clock, jsonText, line, note, oneLine, payloadText, style } from "./print.ts";
import { type ClientOptions, untilStopped } from "./session.ts";
import { parseCount } from "./values.ts";

export async function sub(topic: string, options: ClientOptions & { match: string; count?: string }): Promise<void> {
  const { match } = options;
  if (match !== "exact" && match !== "prefix" && match !== "wildcard") {
    throw new UserError(`there is no match policy ${match}`, { remedy: "choose --match exact, prefix or wildcard", exitCode: Exit.usage });
  }
  let left = options.count === undefined ? Number.POSITIVE_INFINITY : parseCount(options.count);
  await untilStopped(options, async (session, signal, stop) => {
    const print = (event: Event) => {
      if (left <= 0) return;
      line(options.json === true ? jsonText(plain(event)) : text(event));
      if (--left <= 0) stop();
    };
    await session.subscribe(topic, print, { match, signal });
    note(style("dim", `subscribed to ${oneLine(topic)}; Ctrl-C ends`, process.stderr));
  });
}

function plain({ topic, publication, args, kwargs, details }: Event): object {
  return { topic, publication, args, kwargs, details };
}

function text({ topic, args, kwargs }: Event): string {
  return `${clock()} ${style("cyan", oneLine(topic))} ${oneLine(payloadText(args, kwargs))}`;
}
