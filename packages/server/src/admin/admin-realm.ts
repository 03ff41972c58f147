/**
 * The realm `junctor`: its roles, made of the contract, and who gets in. Whoever can open the control socket is who runs the
 * server; for all others the configuration says so, or there are none.
 */
import { ADMIN_REALM, ADMIN_ROLES, type AdminRole, EVENTS, includes, PROCEDURES } from "@junctor/admin-api";
import { Uri } from "@junctor/protocol";
import type { Authenticator, Permission, RealmConfig, RoleConfig } from "@junctor/router";
import { type AuthEnvironment, authenticatorOf } from "../auth/from-config.ts";
import type { AdminConfig } from "../config/admin-schema.ts";

/** What `Origin.transport` says of a connection to the control socket. No listener of a configuration says so. */
export const CONTROL = "control";

/** @throws {UserError} a users file or key cannot be read, or has errors */
export function adminRealm(config: AdminConfig | undefined, environment: AuthEnvironment): RealmConfig {
  const remote =
    config?.auth === undefined ? nobody : authenticatorOf(ADMIN_REALM, { ...config, auth: config.auth, roles: NAMES }, environment);
  return { name: ADMIN_REALM, roles: ADMIN_ROLES.map(roleOf), authenticate: localOr(remote) };
}

function roleOf(name: AdminRole): RoleConfig {
  const permissionsFor = (uris: Readonly<Record<string, AdminRole>>, action: "call" | "subscribe") =>
    Object.entries(uris).flatMap(([uri, least]): Permission[] =>
      includes(name, least) ? [{ uri, match: "exact", allow: { [action]: true } }] : [],
    );
  return { name, permissions: [...permissionsFor(PROCEDURES, "call"), ...permissionsFor(EVENTS, "subscribe")] };
}

/** On the control socket everybody may be anybody: the system's permissions have decided. */
function localOr(remote: Authenticator): Authenticator {
  return (request, answer) => {
    if (request.origin.transport !== CONTROL) return remote(request, answer);
    const { authid = "local", authrole = "admin" } = request.details;
    answer({ kind: "welcome", authid, authrole, authmethod: CONTROL, authprovider: "static" });
  };
}

const nobody: Authenticator = (_, answer) =>
  answer({
    kind: "abort",
    reason: Uri.authenticationDenied,
    message: "this server is administered over its control socket only: admin.auth in its configuration lets others in",
  });

const NAMES: Readonly<Record<AdminRole, object>> = { viewer: {}, operator: {}, admin: {} };
