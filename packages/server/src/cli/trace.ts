/** `junctor trace`: which messages pass, of one URI or one session, as they pass. */
import type { TraceEnd, TraceRecord } from "@junctor/admin-api";
import { Exit, UserError } from "../user-error.ts";
import { type AdminOptions, withAdmin } from "./admin-client.ts";
import { jsonText, line, note, oneLine, payloadText, style } from "./print.ts";
import { parseNumber, parseSeconds } from "./values.ts";

export interface TraceOptions extends AdminOptions {
  readonly match: string;
  readonly realmName?: string;
  readonly count: string;
  readonly duration: string;
  readonly payload?: boolean;
}

export async function trace(what: string, options: TraceOptions): Promise<void> {
  const { match, realmName: realm, payload } = options;
  if (match !== "exact" && match !== "prefix")
    throw new UserError(`a trace matches exact or prefix, not ${match}`, { remedy: "for example --match prefix", exitCode: Exit.usage });
  const of: Pick<import("@junctor/admin-api").TraceOptions, "session" | "uri" | "match"> = /^[1-9]\d{3,}$/.test(what)
    ? { session: Number(what) }
    : { uri: what, match };
  const wanted = {
    ...of,
    ...(realm !== undefined && { realm }),
    ...(payload !== undefined && { payload }),
    count: parseNumber(options.count, "--count"),
    durationMs: parseSeconds(options.duration),
  };
  await withAdmin(options, async (admin) => {
    let own: number | undefined;
    const early: { kwargs: Readonly<Record<string, unknown>> }[] = [];
    let ended: (end: TraceEnd) => void = () => {};
    const end = new Promise<TraceEnd>((resolve) => {
      ended = resolve;
    });
    const tell = (kwargs: Readonly<Record<string, unknown>>) => {
      if (kwargs["trace"] !== own) return;
      for (const record of kwargs["records"] as readonly TraceRecord[]) line(options.json === true ? jsonText(record) : text(record));
    };
    await admin.session.subscribe("junctor.trace.on_records", ({ kwargs }) => (own === undefined ? early.push({ kwargs }) : tell(kwargs)));
    await admin.session.subscribe("junctor.trace.on_end", ({ kwargs }) => ended(kwargs as unknown as TraceEnd));
    own = (await admin.call("junctor.trace.start", wanted)).trace;
    for (const { kwargs } of early) tell(kwargs);
    if (options.json !== true) note(style("dim", `tracing ${oneLine(what)}; Ctrl-C ends`, process.stderr));
    const stopped = new Promise<undefined>((resolve) => admin.signal.addEventListener("abort", () => resolve(undefined), { once: true }));
    const reached = await Promise.race([end, stopped, admin.session.closed.then(() => undefined)]);
    if (reached === undefined || options.json === true) return;
    note(style("dim", `${reached.told} told${reached.missed > 0 ? `, ${reached.missed} came too fast` : ""}`, process.stderr));
  });
}

function text(record: TraceRecord): string {
  const { at, direction, type, session, authid, uri, request, error, bytes, outcome, args, kwargs } = record;
  return [
    style("dim", new Date(at).toISOString().slice(11, 23)),
    direction === "in" ? "→" : "←",
    type.padEnd(10),
    style("cyan", oneLine(uri ?? "")),
    `${oneLine(authid)} (${session})`,
    ...(request === undefined ? [] : [`#${request}`]),
    ...(error === undefined ? [] : [style("red", oneLine(error))]),
    ...(bytes === undefined ? [] : [`${bytes} B`]),
    ...(outcome === undefined ? [] : [style("red", outcome)]),
    ...(args === undefined ? [] : [oneLine(payloadText(args, kwargs ?? {}))]),
  ].join(" ");
}
