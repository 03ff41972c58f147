/** Where a server is administered, and the roles of those who do. */

/** The realm of the procedures and events. Every started server has it; no configuration can have another of that name. */
export const ADMIN_REALM = "junctor";

/** Each may do what those before it may. */
export const ADMIN_ROLES = ["viewer", "operator", "admin"] as const;

/** `viewer` looks, `operator` acts on what runs, `admin` changes what the server is. */
export type AdminRole = (typeof ADMIN_ROLES)[number];

/** Whether a role may do what another one is the least for. */
export function includes(role: AdminRole, least: AdminRole): boolean {
  return ADMIN_ROLES.indexOf(role) >= ADMIN_ROLES.indexOf(least);
}
