/**
 * What WELCOME announces (FEAT-01): what the conformance suite has a requirement for, and test/conformance holds the two
 * together. The tests beside broker, dealer and meta API prove each flag in the process, too.
 */
import type { RouterRole, RouterRoles } from "@junctor/protocol";
import type { RealmConfig } from "./realm.ts";

export const ANNOUNCED = {
  broker: [
    "payload_passthru_mode",
    "publication_trustlevels",
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
    "call_timeout",
    "call_trustlevels",
    "caller_identification",
    "pattern_based_registration",
    "payload_passthru_mode",
    "progressive_call_invocations",
    "progressive_call_results",
    "registration_meta_api",
    "registration_revocation",
    "session_meta_api",
    "shared_registration",
    "testament_meta_api",
  ],
} as const;

/** What is announced only where a realm's configuration turns it on. */
export const CONFIGURABLE = {
  broker: {
    event_history: ({ events }: RealmConfig) => (events?.history?.length ?? 0) > 0,
    event_retention: ({ events }: RealmConfig) => events?.retention !== false,
    sharded_subscription: ({ events }: RealmConfig) => events?.sharding === true,
  },
  dealer: {
    call_reroute: ({ calls }: RealmConfig) => calls?.reroute === true,
    sharded_registration: ({ calls }: RealmConfig) => calls?.sharding === true,
  },
} as const satisfies Record<RouterRole, Record<string, (config: RealmConfig) => boolean>>;

export function announcedRoles(config: RealmConfig): RouterRoles {
  const features = (role: RouterRole) => [
    ...ANNOUNCED[role],
    ...Object.entries(CONFIGURABLE[role]).flatMap(([flag, isOn]) => (isOn(config) ? [flag] : [])),
  ];
  const details = (role: RouterRole) => ({ features: Object.fromEntries(features(role).map((flag) => [flag, true])), reflection: true });
  return { broker: details("broker"), dealer: details("dealer") };
}
