/**
 * Features that who uses them must have announced: progressive call invocations, and payload passthru mode, in which the
 * router carries what it does not read. All others need not be (AMB-10).
 *
 * Spec: requirements 4.2, 12.1.
 */
import { type Message, messageName, type PassthruOptions, ProtocolError } from "@junctor/protocol";

/** Whether a payload is for the other side's eyes only (PPT-01). */
export function isPassthru({ ppt_scheme }: PassthruOptions): boolean {
  return ppt_scheme !== undefined && ppt_scheme !== "";
}

/** The sender of `message` used an option without the feature it is part of (RPC-PCI-04, PPT-07). */
export function unannounced({ type }: Message, option: string, feature: string): ProtocolError {
  return new ProtocolError("INVALID_OPTION", `${messageName(type)}: ${option} is given, but HELLO did not announce ${feature}`);
}
