/**
 * What WELCOME announces (FEAT-01). The conformance tests walk this table: a flag stands here when a test by its name in
 * `feature.test.ts` proves it.
 */
import type { RouterRoles } from "@junctor/protocol";

export const ANNOUNCED = {
  broker: [
    "publisher_exclusion",
    "publisher_identification",
    "pattern_based_subscription",
    "session_meta_api",
    "subscriber_blackwhite_listing",
    "subscription_meta_api",
    "subscription_revocation",
  ],
  dealer: [
    "call_canceling",
    "caller_identification",
    "pattern_based_registration",
    "progressive_call_results",
    "registration_meta_api",
    "registration_revocation",
    "session_meta_api",
    "shared_registration",
    "testament_meta_api",
  ],
} as const;

const flags = (names: readonly string[]): Record<string, boolean> => Object.fromEntries(names.map((name) => [name, true]));

export const ROUTER_ROLES_ANNOUNCED: RouterRoles = {
  broker: { features: flags(ANNOUNCED.broker) },
  dealer: { features: flags(ANNOUNCED.dealer) },
};
