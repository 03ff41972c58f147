/**
 * What a call asks for beyond one answer from whoever's turn it is: a time-out, a certain callee, further chunks, another
 * callee if the first refuses, a place in a queue. Frozen by its first CALL (RPC-PCI-13). Plain calls have none.
 */
import type { CallOptions, InvocationDetails, Payload } from "@junctor/protocol";
import type { Disclosure } from "../access/role.ts";
import { isPassthru } from "../announced.ts";
import type { Deadline } from "../deadline.ts";
import type { Realm } from "../realm.ts";
import type { Session } from "../session.ts";
import type { Callee, Registration } from "./registration.ts";

export class CallTerms {
  readonly registration: Registration;
  readonly procedure: string;
  readonly options: CallOptions;
  readonly disclose: Disclosure;
  readonly trustlevel: number | undefined;
  /** Chooses the callee by rendezvous hashing, in place of the policy. */
  readonly key: string | undefined;
  /** Milliseconds without a sign of the callee after which the call ends; 0: none. */
  readonly timeoutMs: number;
  /** When that is. A progressive result moves it (RPC-PCR-11); the deadline that is set looks again when its time comes. */
  due = 0;
  deadline: Deadline | undefined = undefined;
  /** The call has further chunks, or may have had (RPC-PCI-03). */
  readonly isStream: boolean;
  /** The final chunk has not come yet. */
  isOpen: boolean;
  /** Payloads that have come, and have to be sent yet, or may have to be sent once more. */
  readonly held: Payload[] = [];
  /** Their bytes, which are counted among the realm's. */
  #heldBytes = 0;
  /** Callees that refused, also where they have registered anew since (AMB-64). */
  readonly tried: Session[] = [];
  /** Of the INVOCATIONs of a stream, but for `progress` (RPC-PCI-14). */
  details: InvocationDetails | undefined = undefined;

  constructor(
    registration: Registration,
    procedure: string,
    options: CallOptions,
    disclose: Disclosure,
    trustlevel: number | undefined,
    key: string | undefined,
    timeoutMs: number,
  ) {
    this.registration = registration;
    this.procedure = procedure;
    this.options = options;
    this.disclose = disclose;
    this.trustlevel = trustlevel;
    this.key = key;
    this.timeoutMs = timeoutMs;
    this.isStream = options.progress === true;
    this.isOpen = this.isStream;
  }

  /** Whether the call can go to a callee, who may be busy now (AMB-63, AMB-64). */
  suits(callee: Callee): boolean {
    const { features } = callee.session;
    if (this.isStream && !features.progressiveInvocations) return false; // [RPC-PCI-05]
    if (isPassthru(this.options) && !features.calleePassthru) return false; // [PPT-08]
    return this.tried.length === 0 || !this.tried.includes(callee.session);
  }

  /** Keeps a payload beyond the turn. @returns whether the realm has room for it */
  hold(payload: Payload, { counters, limits }: Realm): boolean {
    const bytes = payload.end - payload.start;
    if (counters.heldCallBytes + bytes > limits.heldCallBytes) return false;
    counters.heldCallBytes += bytes;
    this.#heldBytes += bytes;
    this.held.push(payload.detached());
    return true;
  }

  letGo({ counters }: Realm): void {
    counters.heldCallBytes -= this.#heldBytes;
    this.#heldBytes = 0;
    this.held.length = 0;
  }
}
