/** `junctor closed` and `junctor slow`: which sessions have ended lately, and which do not keep up. */
import type { ClosedFilter } from "@junctor/admin-api";
import { type AdminOptions, withAdmin } from "./admin-client.ts";
import { jsonText, line, note } from "./print.ts";
import { ago, bytes, duration, table } from "./table.ts";
import { parseNumber } from "./values.ts";

export interface ClosedOptions extends AdminOptions {
  readonly realmName?: string;
  readonly user?: string;
  readonly reason?: string;
  readonly limit: string;
}

export async function closed(options: ClosedOptions): Promise<void> {
  const { realmName: realm, user: authid, reason } = options;
  const filter: ClosedFilter = {
    ...(realm !== undefined && { realm }),
    ...(authid !== undefined && { authid }),
    ...(reason !== undefined && { reason }),
    limit: parseNumber(options.limit, "--limit"),
  };
  await withAdmin(options, async (admin) => {
    const { sessions, total } = await admin.call("junctor.closed", filter);
    if (options.json === true) return line(jsonText({ sessions, total }));
    const now = Date.now();
    table(
      sessions,
      [
        { title: "CLOSED", of: ({ closedAt }) => ago(closedAt, now) },
        { title: "REASON", of: ({ reason }) => reason },
        { title: "SESSION", of: ({ session }) => session },
        { title: "REALM", of: ({ realm }) => realm },
        { title: "AUTHID", of: ({ authid }) => authid },
        { title: "FROM", of: ({ address, transport }) => address ?? transport },
        { title: "LASTED", of: ({ durationMs }) => duration(durationMs), isNumber: true },
        { title: "RECEIVED", of: ({ received }) => received, isNumber: true },
        { title: "OUT", of: ({ bytesOut }) => (bytesOut === undefined ? undefined : bytes(bytesOut)), isNumber: true },
        { title: "QUEUED", of: ({ queued }) => bytes(queued), isNumber: true },
      ],
      "none",
    );
    if (sessions.length < total) note(`${sessions.length} of ${total}; more with --limit`);
  });
}

export async function slow(options: AdminOptions & { limit: string }): Promise<void> {
  const limit = parseNumber(options.limit, "--limit");
  await withAdmin(options, async (admin) => {
    const { sessions } = await admin.call("junctor.slow", { limit });
    if (options.json === true) return line(jsonText({ sessions }));
    table(
      sessions,
      [
        { title: "SESSION", of: ({ session }) => session },
        { title: "REALM", of: ({ realm }) => realm },
        { title: "AUTHID", of: ({ authid }) => authid },
        { title: "QUEUED", of: ({ queued }) => bytes(queued), isNumber: true },
        { title: "DROPPED", of: ({ dropped }) => dropped, isNumber: true },
        {
          title: "BECAUSE OF",
          of: ({ cause }) =>
            cause === undefined ? undefined : `${cause.topic} (${bytes(cause.bytes)}, subscription ${cause.subscription})`,
        },
      ],
      "everybody keeps up",
    );
  });
}
