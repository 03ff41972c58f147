/**
 * `junctor top`: what most goes on with, by rates: of a look and the one before. It asks for the largest of each kind only, so that
 * looking at a server with many sessions does not keep it from its work.
 */
import type { ProcedureInfo, RealmStatus, SessionInfo, Status, SubscriptionInfo } from "@junctor/admin-api";
import { type AdminClient, type AdminOptions, withAdmin } from "./admin-client.ts";
import { jsonText, line } from "./print.ts";
import { bytes, duration, tableLines } from "./table.ts";
import { parseNumber, parseSeconds } from "./values.ts";

export interface TopOptions extends AdminOptions {
  readonly every: string;
  readonly rows: string;
  readonly once?: boolean;
}

/** One look. */
export interface Look {
  readonly at: number;
  readonly status: Status;
  readonly sessions: readonly SessionInfo[];
  readonly procedures: readonly ProcedureInfo[];
  readonly subscriptions: readonly SubscriptionInfo[];
}

/** What has happened a second, between two looks. */
export interface Rates {
  readonly realms: readonly {
    readonly realm: string;
    readonly sessions: number;
    readonly calls: number;
    readonly publications: number;
    readonly events: number;
  }[];
  readonly sessions: readonly {
    readonly session: number;
    readonly realm: string;
    readonly authid: string;
    readonly messages: number;
    readonly in: number;
    readonly out: number;
    readonly queued: number;
  }[];
  readonly procedures: readonly { readonly procedure: string; readonly realm: string; readonly callees: number; readonly calls: number }[];
  readonly topics: readonly { readonly topic: string; readonly realm: string; readonly subscribers: number; readonly events: number }[];
}

export async function top(options: TopOptions): Promise<void> {
  const everyMs = Math.max(200, parseSeconds(options.every));
  const rows = parseNumber(options.rows, "--rows");
  const isLive = options.once !== true && options.json !== true && process.stdout.isTTY === true;
  await withAdmin(options, async (admin) => {
    let before = await look(admin);
    if (isLive) process.stdout.write(ENTER);
    try {
      do {
        await pause(everyMs, admin.signal);
        const now = await look(admin);
        const rates = ratesBetween(before, now, rows);
        before = now;
        if (options.json === true) line(jsonText({ at: now.at, ...rates }));
        else if (isLive) process.stdout.write(painted(textOf(now.status, rates), process.stdout));
        else for (const text of textOf(now.status, rates)) line(text);
      } while (isLive && !admin.signal.aborted);
    } catch (error) {
      if (!isLive || !admin.signal.aborted) throw error; // Ctrl-C is how it ends
    } finally {
      if (isLive) process.stdout.write(LEAVE);
    }
  });
}

async function look(admin: AdminClient): Promise<Look> {
  const [status, received, queued, procedures, subscriptions] = await Promise.all([
    admin.call("junctor.status", {}),
    admin.call("junctor.sessions.list", { order: "received", limit: LARGEST }),
    admin.call("junctor.sessions.list", { order: "bytesOut", limit: LARGEST }),
    admin.call("junctor.procedures.list", { order: "traffic", limit: LARGEST }),
    admin.call("junctor.subscriptions.list", { order: "traffic", limit: LARGEST }),
  ]);
  const sessions = new Map([...received.sessions, ...queued.sessions].map((session) => [session.session, session]));
  return {
    at: Date.now(),
    status,
    sessions: [...sessions.values()],
    procedures: procedures.procedures,
    subscriptions: subscriptions.subscriptions,
  };
}

export function ratesBetween(before: Look, now: Look, rows: number): Rates {
  const seconds = Math.max(0.001, (now.at - before.at) / 1_000);
  /** Whoever was not there before has begun with nothing. */
  const rate = <T>(earlier: T | undefined, of: (each: T) => number, current: T) =>
    Math.max(0, Math.round((of(current) - (earlier === undefined ? 0 : of(earlier))) / seconds));
  const realmBefore = new Map(before.status.realms.map((realm) => [realm.name, realm]));
  const sessionBefore = new Map(before.sessions.map((session) => [session.session, session]));
  const procedureBefore = new Map(before.procedures.map((procedure) => [procedure.registration, procedure]));
  const topicBefore = new Map(before.subscriptions.map((subscription) => [subscription.subscription, subscription]));
  const counted = (name: string) => (realm: RealmStatus) => realm.counters[name] ?? 0;
  return {
    realms: now.status.realms.map((realm) => {
      const of = (name: string) => rate(realmBefore.get(realm.name), counted(name), realm);
      return {
        realm: realm.name,
        sessions: realm.sessions,
        calls: of("calls"),
        publications: of("publications"),
        events: of("eventsSent"),
      };
    }),
    sessions: now.sessions
      .map((session) => {
        const earlier = sessionBefore.get(session.session);
        return {
          session: session.session,
          realm: session.realm,
          authid: session.authid,
          messages: rate(earlier, ({ received }) => received, session),
          in: rate(earlier, ({ bytesIn = 0 }) => bytesIn, session),
          out: rate(earlier, ({ bytesOut = 0 }) => bytesOut, session),
          queued: session.queued,
        };
      })
      .sort((a, b) => b.in + b.out + b.queued - (a.in + a.out + a.queued))
      .slice(0, rows),
    procedures: now.procedures
      .map((each) => ({
        procedure: each.procedure,
        realm: each.realm,
        callees: each.callees,
        calls: rate(procedureBefore.get(each.registration), ({ calls }) => calls, each),
      }))
      .sort((a, b) => b.calls - a.calls)
      .slice(0, rows),
    topics: now.subscriptions
      .map((each) => ({
        topic: each.topic,
        realm: each.realm,
        subscribers: each.subscribers,
        events: rate(topicBefore.get(each.subscription), ({ events }) => events, each),
      }))
      .sort((a, b) => b.events - a.events)
      .slice(0, rows),
  };
}

function textOf({ version, uptimeMs }: Status, { realms, sessions, procedures, topics }: Rates): string[] {
  return [
    `junctor ${version}, up ${duration(uptimeMs)}; a second:`,
    "",
    ...tableLines(
      realms,
      [
        { title: "REALM", of: ({ realm }) => realm },
        { title: "SESSIONS", of: ({ sessions }) => sessions, isNumber: true },
        { title: "CALLS", of: ({ calls }) => calls, isNumber: true },
        { title: "PUBLISHED", of: ({ publications }) => publications, isNumber: true },
        { title: "EVENTS", of: ({ events }) => events, isNumber: true },
      ],
      "no realms",
    ),
    "",
    ...tableLines(
      sessions,
      [
        { title: "SESSION", of: ({ session }) => session },
        { title: "REALM", of: ({ realm }) => realm },
        { title: "AUTHID", of: ({ authid }) => authid },
        { title: "MESSAGES", of: ({ messages }) => messages, isNumber: true },
        { title: "IN", of: (row) => bytes(row.in), isNumber: true },
        { title: "OUT", of: ({ out }) => bytes(out), isNumber: true },
        { title: "QUEUED", of: ({ queued }) => bytes(queued), isNumber: true },
      ],
      "no sessions",
    ),
    "",
    ...tableLines(
      procedures,
      [
        { title: "PROCEDURE", of: ({ procedure }) => procedure },
        { title: "REALM", of: ({ realm }) => realm },
        { title: "CALLEES", of: ({ callees }) => callees, isNumber: true },
        { title: "CALLS", of: ({ calls }) => calls, isNumber: true },
      ],
      "no procedures",
    ),
    "",
    ...tableLines(
      topics,
      [
        { title: "TOPIC", of: ({ topic }) => topic },
        { title: "REALM", of: ({ realm }) => realm },
        { title: "SUBSCRIBERS", of: ({ subscribers }) => subscribers, isNumber: true },
        { title: "EVENTS", of: ({ events }) => events, isNumber: true },
      ],
      "no subscriptions",
    ),
  ];
}

/** From the top of the screen, each line over what was there, and nothing of what was below. */
export function painted(
  lines: readonly string[],
  { rows = 24, columns = 80 }: { readonly rows?: number; readonly columns?: number },
): string {
  const shown = lines
    .slice(0, rows - 1)
    .map((text) => `${text.length > columns && !text.includes("\u001b") ? text.slice(0, columns) : text}\u001b[K`);
  return `\u001b[H${shown.join("\r\n")}\r\n\u001b[J`;
}

/** Ends early when interrupted, which ends the command in its regular way. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}

/** Another screen than the shell's, without a cursor; and back. */
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
/** Of each kind and order. */
const LARGEST = 200;
