import type { ClientRoles } from "@junctor/protocol";
import { expect, test } from "vitest";
import { type PeerFeatures, peerFeatures } from "./peer-features.ts";

const NOTHING = peerFeatures({ publisher: {}, subscriber: {}, caller: {}, callee: {} });
const announcing = (role: string, ...flags: string[]): ClientRoles => ({
  [role]: { features: Object.fromEntries(flags.map((flag) => [flag, true])) },
});
/** What is true of it that is not of a peer that announced nothing. */
const gained = (roles: ClientRoles) =>
  (Object.entries(peerFeatures(roles)) as [keyof PeerFeatures, boolean][]).flatMap(([name, value]) =>
    value !== NOTHING[name] ? [name] : [],
  );

test("a peer that announces nothing has nothing", () => {
  expect(Object.values(NOTHING).every((value) => value === false)).toBe(true);
  expect(peerFeatures({})).toEqual(NOTHING);
});

test.each<[string, string[], (keyof PeerFeatures)[]]>([
  ["callee", ["call_canceling"], ["canceling"]],
  ["callee", ["call_cancelling"], ["canceling"]],
  ["callee", ["progressive_call_results"], []], // not without canceling (RPC-PCR-03)
  ["callee", ["progressive_call_results", "call_canceling"], ["canceling", "progressiveResults"]],
  ["callee", ["progressive_call_invocations"], []], // neither (RPC-PCI-02)
  ["callee", ["progressive_call_invocations", "call_cancelling"], ["canceling", "progressiveInvocations"]],
  ["callee", ["call_timeout"], ["timeout"]],
  ["callee", ["call_reroute"], ["reroute"]],
  ["callee", ["payload_passthru_mode"], ["calleePassthru"]],
  ["callee", ["registration_revocation"], ["registrationRevocation"]],
  ["caller", ["progressive_call_invocations"], ["streams"]],
  ["caller", ["payload_passthru_mode"], ["callerPassthru"]],
  ["caller", ["call_canceling", "call_reroute", "call_timeout"], []],
  ["publisher", ["payload_passthru_mode"], ["publisherPassthru"]],
  ["subscriber", ["subscription_revocation"], ["subscriptionRevocation"]],
  ["subscriber", ["registration_revocation", "payload_passthru_mode"], []],
])("a %s that announces %j is treated so: %j (FEAT-03, AMB-62)", (role, flags, expected) => {
  expect(gained(announcing(role, ...flags))).toEqual(expected);
});
