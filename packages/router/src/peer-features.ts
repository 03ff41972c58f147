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
  /** Caller: may send the chunks of a call one by one (RPC-PCI-04). */
  readonly streams: boolean;
  /** Caller: takes results, and may send calls, whose payload the router does not read (PPT-07, PPT-09). */
  readonly callerPassthru: boolean;
  /** Callee: takes further chunks of an invocation (RPC-PCI-05). */
  readonly progressiveInvocations: boolean;
  /** Callee: times invocations that it is told the time-out of (AMB-58). */
  readonly timeout: boolean;
  /** Callee: may refuse an invocation, so that it goes to another one (AMB-64). */
  readonly reroute: boolean;
  /** Callee: takes calls, and may send results, whose payload the router does not read (PPT-07, PPT-08). */
  readonly calleePassthru: boolean;
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
    streams: hasFeature(roles, "caller", "progressive_call_invocations"),
    callerPassthru: hasFeature(roles, "caller", "payload_passthru_mode"),
    progressiveInvocations: canceling && callee("progressive_call_invocations"),
    timeout: callee("call_timeout"),
    reroute: callee("call_reroute"),
    calleePassthru: callee("payload_passthru_mode"),
    registrationRevocation: callee("registration_revocation"),
    publisherPassthru: hasFeature(roles, "publisher", "payload_passthru_mode"),
    subscriptionRevocation: hasFeature(roles, "subscriber", "subscription_revocation"),
  };
}
