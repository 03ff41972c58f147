// Which role may announce what (requirements 11), and that WELCOME keeps to it whatever the realm's configuration.
import { MessageType } from "@junctor/protocol";
import { ANNOUNCED, type RealmConfig } from "@junctor/router";
import { ALL_ROLES, realmConfig, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

/** The router's columns of the matrix. */
const BROKER = [
  "event_history",
  "event_retention",
  "pattern_based_subscription",
  "payload_passthru_mode",
  "publication_trustlevels",
  "publisher_exclusion",
  "publisher_identification",
  "session_meta_api",
  "subscriber_blackwhite_listing",
  "subscription_meta_api",
  "subscription_revocation",
];
const DEALER = [
  "call_canceling",
  "call_reroute",
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
];

function announced(config: Partial<RealmConfig> = {}) {
  const peer = new TestRouter({ realms: [{ ...realmConfig("realm1"), ...config }] }).attach();
  peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } });
  const { roles } = peer.take(MessageType.Welcome).details;
  const flags = (role: "broker" | "dealer") => Object.entries(roles[role]?.features ?? {});
  return { roles: Object.keys(roles), broker: flags("broker"), dealer: flags("dealer") };
}

test.each<[string, Partial<RealmConfig>]>([
  ["as it comes", {}],
  ["with history", { events: { history: [{ uri: "com.", match: "prefix" }] } }],
  ["without retention", { events: { retention: false } }],
])(
  "a realm %s announces each feature under its role and no other (FEAT-01, SES-02, SES-03, RPC-PCR-01, RPC-CANCEL-01, PS-RETAIN-07, AMB-130)",
  (_what, config) => {
    const { roles, broker, dealer } = announced(config);
    expect(roles.sort()).toEqual(["broker", "dealer"]);
    for (const [flag, value] of [...broker, ...dealer]) expect([flag, value]).toEqual([flag, true]);
    expect(broker.map(([flag]) => flag).filter((flag) => !BROKER.includes(flag))).toEqual([]);
    expect(dealer.map(([flag]) => flag).filter((flag) => !DEALER.includes(flag))).toEqual([]);
    expect(broker.map(([flag]) => flag)).toEqual(expect.arrayContaining([...ANNOUNCED.broker]));
    expect(dealer.map(([flag]) => flag)).toEqual(expect.arrayContaining([...ANNOUNCED.dealer]));
  },
);

test("history and retention are announced where the realm has them (PS-HIST-01, PS-RETAIN-07)", () => {
  const has = (config: Partial<RealmConfig>, flag: string) => announced(config).broker.some(([name]) => name === flag);
  expect([has({}, "event_history"), has({ events: { history: [{ uri: "com.", match: "prefix" }] } }, "event_history")]).toEqual([
    false,
    true,
  ]);
  expect([has({}, "event_retention"), has({ events: { retention: false } }, "event_retention")]).toEqual([true, false]);
});
