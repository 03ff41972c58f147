/**
 * The procedures: their URIs, who may call them, what they take and what they give. Arguments go by name (`kwargs`), and the
 * result is one value. Times are milliseconds since 1970; a key that is not there has no value.
 */
import type { AlarmList } from "./alarms.ts";
import type { ClosedFilter, ClosedSession, SlowConsumer } from "./closed.ts";
import type { LogLevel, LogLevelChange } from "./log.ts";
import type { DrainStatus, ReloadReport } from "./operations.ts";
import type { PatternFilter, ProcedureInfo, SubscriptionInfo, WithSessions } from "./patterns.ts";
import type { AdminRole } from "./roles.ts";
import type { ServiceInfo, ServiceLine, ServiceLogRequest } from "./services.ts";
import type { SessionFilter, SessionInfo, SessionPage } from "./sessions.ts";
import type { RealmStatus, Status } from "./status.ts";
import type { TraceOptions } from "./trace.ts";

export interface AdminCalls {
  /** What server this is, and how it is. */
  "junctor.status": { readonly takes: object; readonly gives: Status };
  /** Sessions of all realms, or of some. */
  "junctor.sessions.list": { readonly takes: SessionFilter; readonly gives: SessionPage };
  "junctor.sessions.get": { readonly takes: { readonly session: number }; readonly gives: SessionInfo };
  "junctor.service.list": { readonly takes: object; readonly gives: readonly ServiceInfo[] };
  /** Has it run, as if it had never failed. */
  "junctor.service.start": { readonly takes: { readonly service: string }; readonly gives: ServiceInfo };
  /** Asks it to end. */
  "junctor.service.stop": { readonly takes: { readonly service: string }; readonly gives: ServiceInfo };
  /** Restarts an instance after the other, each when the one before is ready. */
  "junctor.service.restart": { readonly takes: { readonly service: string }; readonly gives: ServiceInfo };
  /** What it has printed. */
  "junctor.service.logs": { readonly takes: ServiceLogRequest; readonly gives: readonly ServiceLine[] };
  /** Ends a session with GOODBYE. `reason`: a URI, by default `wamp.close.killed`. */
  "junctor.sessions.kill": {
    readonly takes: { readonly session: number; readonly reason?: string; readonly message?: string };
    readonly gives: null;
  };
  "junctor.realms.list": { readonly takes: object; readonly gives: readonly RealmStatus[] };
  "junctor.subscriptions.list": {
    readonly takes: PatternFilter;
    readonly gives: { readonly subscriptions: readonly SubscriptionInfo[]; readonly total: number };
  };
  "junctor.subscriptions.get": { readonly takes: { readonly subscription: number }; readonly gives: WithSessions<SubscriptionInfo> };
  "junctor.procedures.list": {
    readonly takes: PatternFilter;
    readonly gives: { readonly procedures: readonly ProcedureInfo[]; readonly total: number };
  };
  "junctor.procedures.get": { readonly takes: { readonly registration: number }; readonly gives: WithSessions<ProcedureInfo> };
  /** Takes a registration away from one of its callees, or from all. `reason`: a URI, for them. */
  "junctor.procedures.unregister": {
    readonly takes: { readonly registration: number; readonly session?: number; readonly reason?: string };
    readonly gives: { readonly removed: number };
  };
  "junctor.alarms.list": { readonly takes: object; readonly gives: AlarmList };
  /** Of the last 10 000 sessions that have ended, the newest first. */
  "junctor.closed": {
    readonly takes: ClosedFilter;
    readonly gives: { readonly sessions: readonly ClosedSession[]; readonly total: number };
  };
  /** Sessions for which most waits. */
  "junctor.slow": { readonly takes: { readonly limit?: number }; readonly gives: { readonly sessions: readonly SlowConsumer[] } };
  /** Tells the caller what passes, by events: see `junctor.trace.on_records`. */
  "junctor.trace.start": { readonly takes: TraceOptions; readonly gives: { readonly trace: number } };
  /** One of the caller's own. */
  "junctor.trace.stop": { readonly takes: { readonly trace: number }; readonly gives: null };
  /** For a realm, or for all; it ends by itself, after an hour where nothing else is said. @returns all that are not over */
  "junctor.log.level": {
    readonly takes: { readonly realm?: string; readonly level?: LogLevel; readonly forMs?: number };
    readonly gives: readonly LogLevelChange[];
  };
  /** Reads the configuration again, or another `file`, and applies it as a whole or not at all; `isDryRun` only says what would be. */
  "junctor.reload": {
    readonly takes: { readonly file?: string | undefined; readonly isDryRun?: boolean | undefined };
    readonly gives: ReloadReport;
  };
  /** Empties the server over a while, by default half a minute, and ends it. */
  "junctor.drain": { readonly takes: { readonly overMs?: number | undefined }; readonly gives: DrainStatus };
  "junctor.drain.status": { readonly takes: object; readonly gives: DrainStatus };
  "junctor.undrain": { readonly takes: object; readonly gives: DrainStatus };
}

export type AdminProcedureUri = keyof AdminCalls;

/** The least role for each. */
export const PROCEDURES: Readonly<Record<AdminProcedureUri, AdminRole>> = {
  "junctor.status": "viewer",
  "junctor.sessions.list": "viewer",
  "junctor.sessions.get": "viewer",
  "junctor.sessions.kill": "operator",
  "junctor.service.list": "viewer",
  "junctor.service.start": "operator",
  "junctor.service.stop": "operator",
  "junctor.service.restart": "operator",
  "junctor.service.logs": "viewer",
  "junctor.realms.list": "viewer",
  "junctor.subscriptions.list": "viewer",
  "junctor.subscriptions.get": "viewer",
  "junctor.procedures.list": "viewer",
  "junctor.procedures.get": "viewer",
  "junctor.procedures.unregister": "operator",
  "junctor.alarms.list": "viewer",
  "junctor.closed": "viewer",
  "junctor.slow": "viewer",
  "junctor.trace.start": "operator",
  "junctor.trace.stop": "operator",
  "junctor.log.level": "operator",
  "junctor.reload": "admin",
  "junctor.drain": "operator",
  "junctor.drain.status": "viewer",
  "junctor.undrain": "operator",
};
