// What HELLO announces (FEAT-01, FEAT-05): each flag under the roles that it is for, and none more.
import type { PayloadCodec } from "@junctor/client";
import { aesGcm } from "@junctor/client/passthru/aes-gcm";
import { MessageType } from "@junctor/protocol";
import { ScriptedRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

test("HELLO announces what this client does, role by role (FEAT-01, FEAT-05, RPC-PCR-01, RPC-PCI-02, RPC-REROUTE-04)", async () => {
  const router = new ScriptedRouter();
  void router.connect();
  const { details } = await router.take(MessageType.Hello);
  const flags = Object.fromEntries(Object.entries(details.roles).map(([role, { features = {} }]) => [role, Object.keys(features).sort()]));
  expect(flags).toEqual({
    publisher: ["publisher_exclusion", "publisher_identification", "sharded_subscription", "subscriber_blackwhite_listing"],
    subscriber: [
      "pattern_based_subscription",
      "publication_trustlevels",
      "publisher_identification",
      "sharded_subscription",
      "subscription_revocation",
    ],
    caller: [
      "call_canceling",
      "call_timeout",
      "caller_identification",
      "progressive_call_invocations",
      "progressive_call_results",
      "sharded_registration",
    ],
    callee: [
      "call_canceling",
      "call_reroute",
      "call_timeout",
      "call_trustlevels",
      "caller_identification",
      "pattern_based_registration",
      "progressive_call_invocations",
      "progressive_call_results",
      "registration_revocation",
      "sharded_registration",
      "shared_registration",
    ],
  });
});

test("a client with codecs announces payload_passthru_mode for all its roles, one without for none (PPT-07, PPT-08)", async () => {
  const announces = async (codecs: readonly PayloadCodec[]) => {
    const router = new ScriptedRouter();
    void router.connect({ codecs });
    const { details } = await router.take(MessageType.Hello);
    return Object.values(details.roles).map(({ features = {} }) => features["payload_passthru_mode"] === true);
  };
  const codec = aesGcm({ keys: { only: new Uint8Array(32) }, keyid: "only" });
  expect(await announces([codec])).toEqual([true, true, true, true]);
  expect(await announces([])).toEqual([false, false, false, false]);
});
