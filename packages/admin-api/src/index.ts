/** The public surface of `@junctor/admin-api`. */
export { AdminError } from "./error.ts";
export { type AdminEvents, type AdminEventUri, EVENTS } from "./events.ts";
export { type AdminCalls, type AdminProcedureUri, PROCEDURES } from "./procedures.ts";
export { ADMIN_REALM, ADMIN_ROLES, type AdminRole, includes } from "./roles.ts";
export type { SessionFilter, SessionInfo, SessionOrder, SessionPage } from "./sessions.ts";
export type { ListenerStatus, RealmStatus, ReloadStatus, Status } from "./status.ts";
