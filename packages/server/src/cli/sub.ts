/** `junctor sub`: prints events, one a line, until Ctrl-C. */
import type { Event } from "@junctor/client";
import { Exit, UserError } from "../user-error.ts";
import { jsonText, line, payloadText, printable, style } from "./print.ts";
import { type ClientOptions, untilInterrupted, withSession } from "./session.ts";

export async function sub(topic: string, options: ClientOptions & { match: string; count?: string }): Promise<void> {
  const { match } = options;
  if (match !== "exact" && match !== "prefix" && match !== "wildcard") {
    throw new UserError(`there is no match policy ${match}`, { remedy: "choose --match exact, prefix or wildcard", exitCode: Exit.usage });
  }
  await withSession(options, async (session, interrupted) => {
    let left = options.count === undefined ? Number.POSITIVE_INFINITY : Number(options.count);
    let finish: () => void = () => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    await session.subscribe(
      topic,
      (event) => {
        if (left <= 0) return;
        line(options.json === true ? jsonText(plain(event)) : text(event));
        if (--left <= 0) finish();
      },
      { match },
    );
    process.stderr.write(`${style("dim", `subscribed to ${printable(topic)}; Ctrl-C ends`)}\n`);
    await untilInterrupted(session, Promise.race([interrupted, finished]));
  });
}

function plain({ topic, publication, args, kwargs, details }: Event): object {
  return { topic, publication, args, kwargs, details };
}

function text({ topic, args, kwargs }: Event): string {
  return `${style("dim", new Date().toISOString().slice(11, 23))} ${style("cyan", printable(topic))} ${payloadText(args, kwargs)}`;
}
