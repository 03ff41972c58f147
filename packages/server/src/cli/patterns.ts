/** `junctor subs` and `junctor procs`: what is subscribed and registered, and by whom. */
import type { MatchPolicy, PatternFilter } from "@junctor/admin-api";
import { type AdminOptions, withAdmin } from "./admin-client.ts";
import { jsonText, line, note } from "./print.ts";
import { ago, duration, facts, table } from "./table.ts";
import { parseId, parseNumber } from "./values.ts";

export interface PatternOptions extends AdminOptions {
  readonly realmName?: string;
  readonly prefix?: string;
  readonly limit: string;
}

function filterOf({ realmName: realm, prefix, limit }: PatternOptions): PatternFilter {
  return { ...(realm !== undefined && { realm }), ...(prefix !== undefined && { prefix }), limit: parseNumber(limit, "--limit") };
}

export async function listSubscriptions(options: PatternOptions): Promise<void> {
  const filter = filterOf(options);
  await withAdmin(options, async (admin) => {
    const { subscriptions, total } = await admin.call("junctor.subscriptions.list", filter);
    if (options.json === true) return line(jsonText({ subscriptions, total }));
    const now = Date.now();
    table(
      subscriptions,
      [
        { title: "SUBSCRIPTION", of: ({ subscription }) => subscription, isNumber: true },
        { title: "REALM", of: ({ realm }) => realm },
        { title: "TOPIC", of: ({ topic, match }) => patternText(topic, match) },
        { title: "MATCH", of: ({ match }) => match },
        { title: "SUBSCRIBERS", of: ({ subscribers }) => subscribers, isNumber: true },
        { title: "HISTORY", of: ({ hasHistory }) => (hasHistory ? "yes" : "-") },
        { title: "SINCE", of: ({ createdAt }) => duration(now - createdAt), isNumber: true },
      ],
      "no subscriptions",
    );
    noteRest(subscriptions.length, total);
  });
}

export async function showSubscription(text: string, options: AdminOptions): Promise<void> {
  const subscription = parseId(text, "subs");
  await withAdmin(options, async (admin) => {
    const info = await admin.call("junctor.subscriptions.get", { subscription });
    if (options.json === true) return line(jsonText(info));
    facts([
      ["subscription", info.subscription],
      ["realm", info.realm],
      ["topic", `${patternText(info.topic, info.match)} (${info.match})`],
      ["since", ago(info.createdAt)],
      ["history", info.hasHistory ? "yes" : "no"],
      ["subscribers", info.subscribers],
      ["sessions", info.sessions.join(", ")],
    ]);
  });
}

export async function listProcedures(options: PatternOptions): Promise<void> {
  const filter = filterOf(options);
  await withAdmin(options, async (admin) => {
    const { procedures, total } = await admin.call("junctor.procedures.list", filter);
    if (options.json === true) return line(jsonText({ procedures, total }));
    const now = Date.now();
    table(
      procedures,
      [
        { title: "REGISTRATION", of: ({ registration }) => registration, isNumber: true },
        { title: "REALM", of: ({ realm }) => realm },
        { title: "PROCEDURE", of: ({ procedure, match }) => patternText(procedure, match) },
        { title: "MATCH", of: ({ match }) => match },
        { title: "INVOKE", of: ({ invoke }) => invoke },
        { title: "CALLEES", of: ({ callees }) => callees, isNumber: true },
        { title: "SINCE", of: ({ createdAt }) => duration(now - createdAt), isNumber: true },
      ],
      "no procedures",
    );
    noteRest(procedures.length, total);
  });
}

export async function showProcedure(text: string, options: AdminOptions): Promise<void> {
  const registration = parseId(text, "procs");
  await withAdmin(options, async (admin) => {
    const info = await admin.call("junctor.procedures.get", { registration });
    if (options.json === true) return line(jsonText(info));
    facts([
      ["registration", info.registration],
      ["realm", info.realm],
      ["procedure", `${patternText(info.procedure, info.match)} (${info.match})`],
      ["invoke", info.invoke],
      ["since", ago(info.createdAt)],
      ["callees", info.callees],
      ["sessions", info.sessions.join(", ")],
    ]);
  });
}

export async function unregister(text: string, options: AdminOptions & { session?: string; reason?: string }): Promise<void> {
  const registration = parseId(text, "procs");
  const { session, reason } = options;
  const from = session === undefined ? {} : { session: parseId(session, "sessions") };
  await withAdmin(options, async (admin) => {
    const { removed } = await admin.call("junctor.procedures.unregister", {
      registration,
      ...from,
      ...(reason !== undefined && { reason }),
    });
    line(options.json === true ? jsonText({ removed }) : `taken away from ${removed} callee${removed === 1 ? "" : "s"}`);
  });
}

/** As a configuration writes it. */
function patternText(uri: string, match: MatchPolicy): string {
  if (match === "prefix") return `${uri}*`;
  return match === "wildcard"
    ? uri
        .split(".")
        .map((component) => component || "*")
        .join(".")
    : uri;
}

function noteRest(shown: number, total: number): void {
  if (shown < total) note(`${shown} of ${total}; more with --limit`);
}
