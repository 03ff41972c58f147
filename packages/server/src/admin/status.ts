/** `junctor.status`: what server this is, and how it is. */
import type { ListenerStatus, RealmStatus, ReloadStatus, Status } from "@junctor/admin-api";
import type { Realm, Router } from "@junctor/router";
import { z } from "zod";
import type { AdminApi } from "./admin-api.ts";

/** What the server tells of itself. */
export interface ServerView {
  readonly version: string;
  readonly node: string;
  readonly router: Router;
  listeners(): readonly ListenerStatus[];
  /** Files of the certificates that listeners show. */
  certificates(): readonly string[];
  isDraining(): boolean;
  config(): { readonly file: string; readonly loadedAt: number; readonly lastReload?: ReloadStatus } | undefined;
}

export function provideStatus(api: AdminApi, view: ServerView): void {
  api.provide("junctor.status", z.strictObject({}), () => statusOf(view));
  api.provide("junctor.realms.list", z.strictObject({}), () => realmsOf(view));
}

function statusOf(view: ServerView): Status {
  const uptimeMs = Math.round(process.uptime() * 1_000);
  const config = view.config();
  return {
    version: view.version,
    nodeVersion: process.versions.node,
    node: view.node,
    pid: process.pid,
    startedAt: Date.now() - uptimeMs,
    uptimeMs,
    isDraining: view.isDraining(),
    realms: realmsOf(view),
    listeners: view.listeners(),
    ...(config !== undefined && { config }),
  };
}

function realmsOf({ router }: ServerView): RealmStatus[] {
  return [...router.realms].map(realmStatus).sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function realmStatus({ name, sessions, broker, dealer, counters }: Realm): RealmStatus {
  return {
    name,
    sessions: [...sessions.values()].filter(({ isTrusted }) => !isTrusted).length,
    subscriptions: broker.subscriptionCount,
    registrations: dealer.registrationCount,
    callsInFlight: counters.callsInFlight,
    counters: { ...counters },
  };
}
