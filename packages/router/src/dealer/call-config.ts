/** What the configuration of a realm says about calls. What it does not allow is off, and not announced. */
import type { TrustRule } from "../access/trust-levels.ts";

/** Junctor's own values of REGISTER.Options.invoke. */
export type CustomInvokePolicy = "least_loaded" | "affinity";

export interface CallConfig {
  /** Of calls that name no time-out, in ms; 0: none. */
  readonly defaultTimeoutMs: number;
  /** No call may last longer without a sign of its callee, in ms; 0: no such limit. */
  readonly maximumTimeoutMs: number;
  /**
   * Callees that asked for it time their calls themselves (`forward_timeout`). The router ends a call that overruns its
   * time-out by so much all the same, in ms; `undefined`: it relies on them (AMB-58).
   */
  readonly forwardMarginMs: number | undefined;
  /** A call that its caller cancelled with mode kill waits for the callee's answer so long, in ms; 0: for ever (AMB-54). */
  readonly killTimeoutMs: number;
  /**
   * A callee whose result the caller cannot read is sent an ERROR for its invocation, as the specification has it (PPT-09).
   * Most clients break off over such an ERROR, so that without this they are sent INTERRUPT, or nothing (AMB-127).
   */
  readonly pptYieldError: boolean;
  /** Calls that a callee refuses with `wamp.error.unavailable` go to another one (AMB-64). */
  readonly reroute: boolean;
  /** CALL.Options `runmode: "partition"` and `rkey` choose the callee. */
  readonly sharding: boolean;
  readonly invoke: readonly CustomInvokePolicy[];
  /** Messages that wait, per registration, while all its callees are at their `concurrency`; 0: such a call is refused. */
  readonly queueLength: number;
  readonly trust: readonly TrustRule[];
}

export const DEFAULT_CALL_CONFIG: CallConfig = {
  defaultTimeoutMs: 0,
  maximumTimeoutMs: 0,
  forwardMarginMs: undefined,
  killTimeoutMs: 0,
  pptYieldError: false,
  reroute: false,
  sharding: false,
  invoke: [],
  queueLength: 128,
  trust: [],
};
