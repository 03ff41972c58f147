/**
 * What a peer announced in HELLO and routing asks about (FEAT-03), as plain booleans: looked up once per session, not once
 * per message. Everything else that a peer announces is of no consequence (AMB-10).
 */
import { type ClientRoles, hasFeature } from "@junctor/protocol";

export interface PeerFeatures {
  /** Callee: INTERRUPT may be sent (RPC-CANCEL-06; both spellings, AMB-62 a). */
  readonly canceling: boolean;
  /** Callee: progressive results may be asked for (RPC-PCR-03). */
  readonly progressiveResults: boolean;
  /** Callee: is told of registrations that the router ends (RPC-REVOKE-02). */
  readonly registrationRevocation: boolean;
  /** Publisher: may use payload passthru mode (PPT-07). */
  readonly publisherPassthru: boolean;
  /** Subscriber: is told of subscriptions that the router ends (PS-REVOKE-02). */
  readonly subscriptionRevocation: boolean;
}

export function peerFeatures(roles: ClientRoles): PeerFeatures {
  const callee = (flag: string) => hasFeature(roles, "callee", flag);
  const canceling = callee("call_canceling") || callee("call_cancelling");
  return {
    canceling,
    progressiveResults: canceling && callee("progressive_call_results"),
    registrationRevocation: callee("registration_revocation"),
    publisherPassthru: hasFeature(roles, "publisher", "payload_passthru_mode"),
    subscriptionRevocation: hasFeature(roles, "subscriber", "subscription_revocation"),
  };
}
