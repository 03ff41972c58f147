/** The public surface of `@junctor/admin-api`. */
export type { Alarm, AlarmList, AlarmName, AlarmSeverity, ClearedAlarm } from "./alarms.ts";
export type { ClosedFilter, ClosedSession, SlowConsumer } from "./closed.ts";
export { AdminError } from "./error.ts";
export { type AdminEvents, type AdminEventUri, EVENTS } from "./events.ts";
export { LOG_LEVELS, type LogLevel, type LogLevelChange } from "./log.ts";
export type { ConfigChange, DrainStatus, ReloadReport } from "./operations.ts";
export type { MatchPolicy, PatternFilter, ProcedureInfo, SubscriptionInfo, WithSessions } from "./patterns.ts";
export { type AdminCalls, type AdminProcedureUri, PROCEDURES } from "./procedures.ts";
export { ADMIN_REALM, ADMIN_ROLES, type AdminRole, includes } from "./roles.ts";
export {
  SERVICE_STATES,
  type ServiceChange,
  type ServiceInfo,
  type ServiceInstance,
  type ServiceLine,
  type ServiceLogRequest,
  type ServiceState,
} from "./services.ts";
export type { SessionFilter, SessionInfo, SessionOrder, SessionPage } from "./sessions.ts";
export type { ListenerStatus, RealmStatus, ReloadStatus, Status } from "./status.ts";
export type { TraceEnd, TraceOptions, TraceRecord } from "./trace.ts";
