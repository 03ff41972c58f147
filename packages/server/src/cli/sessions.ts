/** `junctor sessions`: lists sessions, shows one, ends one. */
import type { SessionInfo, SessionOrder } from "@junctor/admin-api";
import { Exit, UserError } from "../user-error.ts";
import { type AdminOptions, withAdmin } from "./admin-client.ts";
import { jsonText, line, note } from "./print.ts";
import { ago, bytes, duration, facts, table } from "./table.ts";
import { parseId, parseNumber } from "./values.ts";

export interface ListOptions extends AdminOptions {
  readonly realmName?: string;
  readonly user?: string;
  readonly role?: string;
  readonly order: string;
  readonly limit: string;
}

const ORDERS: readonly SessionOrder[] = ["opened", "received", "bytesIn", "bytesOut", "queued"];

export async function listSessions(options: ListOptions): Promise<void> {
  const { realmName: realm, user: authid, role: authrole } = options;
  const order = ORDERS.find((each) => each === options.order);
  if (order === undefined)
    throw new UserError(`sessions are in no order called ${options.order}`, {
      remedy: `choose --order ${ORDERS.slice(0, -1).join(", ")} or ${ORDERS.at(-1)}`,
      exitCode: Exit.usage,
    });
  const filter = {
    ...(realm !== undefined && { realm }),
    ...(authid !== undefined && { authid }),
    ...(authrole !== undefined && { authrole }),
    order,
    limit: parseNumber(options.limit, "--limit"),
  };
  await withAdmin(options, async (admin) => {
    const { sessions, total } = await admin.call("junctor.sessions.list", filter);
    if (options.json === true) return line(jsonText({ sessions, total }));
    const now = Date.now();
    table(
      sessions,
      [
        { title: "SESSION", of: ({ session }) => session },
        { title: "REALM", of: ({ realm }) => realm },
        { title: "AUTHID", of: ({ authid }) => authid },
        { title: "ROLE", of: ({ authrole }) => authrole },
        { title: "FROM", of: from },
        { title: "OPEN", of: ({ openedAt }) => duration(now - openedAt), isNumber: true },
        { title: "RECEIVED", of: ({ received }) => received, isNumber: true },
        { title: "IN", of: ({ bytesIn }) => (bytesIn === undefined ? undefined : bytes(bytesIn)), isNumber: true },
        { title: "OUT", of: ({ bytesOut }) => (bytesOut === undefined ? undefined : bytes(bytesOut)), isNumber: true },
        { title: "QUEUED", of: ({ queued }) => bytes(queued), isNumber: true },
      ],
      "no sessions",
    );
    if (sessions.length < total) note(`${sessions.length} of ${total}; more with --limit`);
  });
}

export async function showSession(text: string, options: AdminOptions): Promise<void> {
  const session = parseId(text, "sessions");
  await withAdmin(options, async (admin) => {
    const info = await admin.call("junctor.sessions.get", { session });
    if (options.json === true) return line(jsonText(info));
    facts([
      ["session", info.session],
      ["realm", info.realm],
      ["authid", info.authid],
      ["role", info.authrole],
      ["logged in by", `${info.authmethod} (${info.authprovider})`],
      ["from", from(info)],
      ["agent", info.agent],
      ["opened", ago(info.openedAt)],
      ["messages received", info.received],
      ["bytes in", info.bytesIn === undefined ? undefined : bytes(info.bytesIn)],
      ["bytes out", info.bytesOut === undefined ? undefined : bytes(info.bytesOut)],
      ["queued", bytes(info.queued)],
      ["events dropped", info.dropped],
      ["subscriptions", info.subscriptions],
      ["registrations", info.registrations],
      ["calls that it waits for", info.calls],
      ["calls that it is to answer", info.invocations],
    ]);
  });
}

export async function killSession(text: string, options: AdminOptions & { reason: string; message?: string }): Promise<void> {
  const session = parseId(text, "sessions");
  const { reason, message } = options;
  await withAdmin(options, async (admin) => {
    await admin.call("junctor.sessions.kill", { session, reason, ...(message !== undefined && { message }) });
    line(options.json === true ? jsonText({ killed: session }) : `session ${session} has ended`);
  });
}

function from({ transport, serializer, address }: SessionInfo): string {
  return [address, serializer === undefined ? transport : `${transport}/${serializer}`].filter((part) => part !== undefined).join(" ");
}
