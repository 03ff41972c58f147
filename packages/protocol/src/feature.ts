/**
 * Roles and the advanced features that a peer announces for each (requirements 11). A flag here is a flag that the
 * protocol knows; whether a peer announces it is that peer's business.
 */

export const ROUTER_ROLES = ["broker", "dealer"] as const;
export const CLIENT_ROLES = ["publisher", "subscriber", "caller", "callee"] as const;
export type RouterRole = (typeof ROUTER_ROLES)[number];
export type ClientRole = (typeof CLIENT_ROLES)[number];

export interface RoleDetails {
  readonly features?: Readonly<Record<string, boolean>>;
  /** Of a router: it answers `wamp.reflection.*`. No feature by its place, which the specification gives it (6.4). */
  readonly reflection?: boolean;
}
export type ClientRoles = Readonly<Partial<Record<ClientRole, RoleDetails>>>;
export type RouterRoles = Readonly<Partial<Record<RouterRole, RoleDetails>>>;

/** Whether a peer announced a feature for a role. */
export function hasFeature(roles: Readonly<Partial<Record<string, RoleDetails>>>, role: ClientRole | RouterRole, flag: string): boolean {
  return roles[role]?.features?.[flag] === true;
}
