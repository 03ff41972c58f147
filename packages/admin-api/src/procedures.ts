/**
 * The procedures: their URIs, who may call them, what they take and what they give. Arguments go by name (`kwargs`), and the
 * result is one value. Times are milliseconds since 1970; a key that is not there has no value.
 */
import type { AdminRole } from "./roles.ts";
import type { SessionFilter, SessionInfo, SessionPage } from "./sessions.ts";
import type { Status } from "./status.ts";

export interface AdminCalls {
  /** What server this is, and how it is. */
  "junctor.status": { readonly takes: object; readonly gives: Status };
  /** Sessions of all realms, or of some. */
  "junctor.sessions.list": { readonly takes: SessionFilter; readonly gives: SessionPage };
  "junctor.sessions.get": { readonly takes: { readonly session: number }; readonly gives: SessionInfo };
  /** Ends a session with GOODBYE. `reason`: a URI, by default `wamp.close.killed`. */
  "junctor.sessions.kill": {
    readonly takes: { readonly session: number; readonly reason?: string; readonly message?: string };
    readonly gives: null;
  };
}

export type AdminProcedureUri = keyof AdminCalls;

/** The least role for each. */
export const PROCEDURES: Readonly<Record<AdminProcedureUri, AdminRole>> = {
  "junctor.status": "viewer",
  "junctor.sessions.list": "viewer",
  "junctor.sessions.get": "viewer",
  "junctor.sessions.kill": "operator",
};
