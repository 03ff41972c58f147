/** `junctor.sessions.*`: the sessions of all realms. Those of the server's own program are none of them (AMB-132). */
import type { SessionFilter, SessionInfo, SessionOrder, SessionPage } from "@junctor/admin-api";
import { ApplicationError } from "@junctor/client";
import { isUri, Uri } from "@junctor/protocol";
import type { Router, Session } from "@junctor/router";
import { z } from "zod";
import type { AdminApi } from "./admin-api.ts";

const session = z.int().positive();
const filter = z.strictObject({
  realm: z.string().exactOptional(),
  authid: z.string().exactOptional(),
  authrole: z.string().exactOptional(),
  order: z.enum(["opened", "received", "bytesIn", "bytesOut", "queued"]).exactOptional(),
  limit: z.int().min(1).max(100_000).exactOptional(),
});
const farewell = z.strictObject({
  session,
  reason: z
    .string()
    .refine((text) => isUri(text), "a reason is a URI")
    .exactOptional(),
  message: z.string().exactOptional(),
});

export function provideSessions(api: AdminApi, router: Router): void {
  api.provide("junctor.sessions.list", filter, (wanted) => pageOf(router, wanted));
  api.provide("junctor.sessions.get", z.strictObject({ session }), ({ session }) => sessionInfo(find(router, session)));
  api.provide("junctor.sessions.kill", farewell, ({ session, reason = Uri.killed, message }) => {
    const found = find(router, session);
    found.realm.kill(found, reason, message);
    return null;
  });
}

function find(router: Router, id: number): Session {
  for (const { sessions } of router.realms) {
    const found = sessions.get(id);
    if (found?.isTrusted === false) return found;
  }
  throw new ApplicationError(Uri.noSuchSession, [`there is no session ${id}`]);
}

function pageOf(router: Router, { realm, authid, authrole, order = "opened", limit = 1_000 }: SessionFilter): SessionPage {
  if (realm !== undefined && router.realm(realm) === undefined) throw new ApplicationError(Uri.noSuchRealm, [`there is no realm ${realm}`]);
  // Of those that are not told, no more is looked at than their place: there may be many.
  const found: { readonly session: Session; readonly rank: number }[] = [];
  for (const { name, sessions } of router.realms) {
    if (realm !== undefined && name !== realm) continue;
    for (const session of sessions.values()) {
      if (session.isTrusted) continue;
      if (authid !== undefined && session.authid !== authid) continue;
      if (authrole !== undefined && session.authrole !== authrole) continue;
      found.push({ session, rank: rankOf(session, order) });
    }
  }
  found.sort((a, b) => b.rank - a.rank);
  return { sessions: found.slice(0, limit).map(({ session }) => sessionInfo(session)), total: found.length };
}

function rankOf(session: Session, order: SessionOrder): number {
  switch (order) {
    case "opened":
      return session.openedAt;
    case "received":
      return session.received;
    case "bytesIn":
      return session.traffic?.bytesReceived ?? 0;
    case "bytesOut":
      return session.traffic?.bytesSent ?? 0;
    case "queued":
      return session.traffic?.queued ?? 0;
  }
}

export function sessionInfo(session: Session): SessionInfo {
  return { ...identityOf(session), ...session.holdings };
}

/** Who it is, and what has gone over its connection. */
export function identityOf(session: Session): Omit<SessionInfo, keyof Session["holdings"]> {
  const { id, realm, authid, authrole, authmethod, authprovider, agent, origin, received, traffic } = session;
  const { transport, serializer, address } = origin;
  return {
    session: id,
    realm: realm.name,
    authid,
    authrole,
    authmethod,
    authprovider,
    ...(agent !== undefined && { agent }),
    transport,
    ...(serializer !== undefined && { serializer }),
    ...(address !== undefined && { address }),
    openedAt: Math.round(Date.now() - (realm.dealer.now() - session.openedAt)),
    received,
    ...(traffic !== undefined && { bytesIn: traffic.bytesReceived, bytesOut: traffic.bytesSent }),
    queued: traffic?.queued ?? 0,
    dropped: traffic?.dropped ?? 0,
  };
}
