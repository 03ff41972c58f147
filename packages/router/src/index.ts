/** The public surface of `@junctor/router`. */
export {
  type AuthenticationAnswer,
  type AuthenticationRequest,
  type Authenticator,
  anonymous,
  type ClientCertificate,
  type LoginCookie,
  type Origin,
  type TlsOrigin,
} from "./access/authenticator.ts";
export type { AuthorizationRequest, Authorizer } from "./access/authorizer.ts";
export {
  type Action,
  AUTHORIZER_FAILED,
  DENIED,
  type Decision,
  type Disclosure,
  type Permission,
  POWERS,
  Role,
  type RoleConfig,
} from "./access/role.ts";
export type { Rate, RoleLimits } from "./access/role-limits.ts";
export type { TrustRule } from "./access/trust-levels.ts";
export type { Audience, Recipient } from "./broker/event-filter.ts";
export { DEFAULT_HISTORY, type EventsConfig } from "./broker/events-config.ts";
export type { Clock } from "./deadline.ts";
export { type CallConfig, type CustomInvokePolicy, DEFAULT_CALL_CONFIG } from "./dealer/call-config.ts";
export type { LocalCall, LocalProcedure } from "./dealer/local-call.ts";
export { type Refusal, RouterError, refusal } from "./error.ts";
export { ANNOUNCED } from "./feature.ts";
export { DEFAULT_LIMITS, type RouterLimits } from "./limits.ts";
export type { Counters, RouterEvent } from "./log.ts";
export { covers, type Pattern } from "./pattern/covers.ts";
export type { JoinRefusal, Realm, RealmChange, RealmConfig, RequestIdRule } from "./realm.ts";
export { Router, type RouterOptions } from "./router.ts";
export type { Principal, Session } from "./session.ts";
export { type SessionObserver, tapSessions } from "./session-tap.ts";
export {
  type Append,
  type EventLog,
  type EventStore,
  type HistoryPage,
  type HistoryQuery,
  type HistoryTopic,
  PageBuilder,
  type RetainedEvent,
  rangeOf,
  type StoredEvent,
  WITHOUT_BOUNDS,
} from "./store/event-store.ts";
export { MemoryEventStore } from "./store/memory-event-store.ts";
export { DEFAULT_RETENTION, RetainedEvents, type RetentionLimits } from "./store/retained-events.ts";
