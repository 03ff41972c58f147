/**
 * Roles and the advanced features that a peer announces for each (requirements 11). A flag here is a flag that the
 * protocol knows; whether a peer announces it is that peer's business.
 */

export const ROUTER_ROLES = ["broker", "dealer"] as const;
export const CLIENT_ROLES = ["publisher", "subscriber", "caller", "callee"] as const;
export type RouterRole = (typeof ROUTER_ROLES)[number];
export type ClientRole = (typeof CLIENT_ROLES)[number];

/** All flags of requirements 11, whichever role they are for. */
export const FEATURES: ReadonlySet<string> = new Set([
  "call_canceling",
  "call_cancelling", // as some clients spell it
  "call_reroute",
  "call_timeout",
  "call_trustlevels",
  "caller_identification",
  "event_history",
  "event_retention",
  "pattern_based_registration",
  "pattern_based_subscription",
  "payload_passthru_mode",
  "progressive_call_invocations",
  "progressive_call_results",
  "publication_trustlevels",
  "publisher_exclusion",
  "publisher_identification",
  "registration_meta_api",
  "registration_revocation",
  "session_meta_api",
  "sharded_registration",
  "sharded_subscription",
  "shared_registration",
  "subscriber_blackwhite_listing",
  "subscription_meta_api",
  "subscription_revocation",
  "testament_meta_api",
]);

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
