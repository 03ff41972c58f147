/** `realms.<name>.calls`: time-outs, policies of shared registrations, waiting calls and trust levels, in the file's words. */
import { type CallConfig, DEFAULT_CALL_CONFIG } from "@junctor/router";
import { z } from "zod";
import { duration, uriPattern } from "./scalars.ts";

const procedurePattern = uriPattern.superRefine(({ uri }, context) => {
  if (uri.includes("{")) context.addIssue({ code: "custom", message: "a trust level is for a role, not for one session: no placeholders" });
});

export const callsSchema = z
  .strictObject({
    defaultTimeout: duration
      .optional()
      .describe("How long a call that names no timeout may go without a sign of its callee. Default: for ever."),
    maximumTimeout: duration.optional().describe("The most that any call may, whatever it names. Default: no such limit."),
    forwardMargin: duration
      .optional()
      .describe(
        "Callees that asked for it (forward_timeout) time their calls themselves. How long after that the router ends the call all the same. Default: it relies on them.",
      ),
    killTimeout: duration
      .optional()
      .describe(
        "How long a call that its caller cancelled with mode kill waits for the callee's answer before the router gives its own. Default: for ever.",
      ),
    pptYieldError: z
      .boolean()
      .default(DEFAULT_CALL_CONFIG.pptYieldError)
      .describe(
        "A callee that answers in payload passthru mode a caller that did not announce it is sent an ERROR, to the letter of the specification, which most clients take for a violation. Otherwise it is interrupted while it has more to say, and else left alone.",
      ),
    invoke: z
      .array(z.enum(["least_loaded", "affinity"]))
      .prefault([])
      .describe(
        "Policies beyond the specification's that callees may share a procedure by: whoever has the fewest invocations in flight (least_loaded), or the same callee for all calls of one authid (affinity).",
      ),
    queue: z
      .int()
      .min(0, "expected 0 or more")
      .meta({ title: "number" })
      .default(DEFAULT_CALL_CONFIG.queueLength)
      .describe(
        "Calls that wait, per registration, while all its callees have as many as they take (concurrency). 0 refuses them at once.",
      ),
    reroute: z
      .boolean()
      .default(DEFAULT_CALL_CONFIG.reroute)
      .describe("A call that a callee refuses with wamp.error.unavailable goes to another one."),
    sharding: z
      .boolean()
      .default(DEFAULT_CALL_CONFIG.sharding)
      .describe('Calls with runmode "partition" go to the callee that their rkey belongs to.'),
    trust: z
      .array(
        z.strictObject({
          procedure: procedurePattern.describe("Procedures that the rule is for. The most specific pattern decides."),
          role: z.string().min(1).optional().describe("Callers that the rule is for. Default: those that no rule for their role is for."),
          level: z
            .int()
            .min(0, "expected 0 or more")
            .meta({ title: "number" })
            .describe("The trust level that their calls carry; 0 is the lowest."),
        }),
      )
      .prefault([])
      .describe("Trust levels of calls. Default: none are told."),
  })
  .superRefine(({ defaultTimeout, maximumTimeout }, context) => {
    if (defaultTimeout !== undefined && maximumTimeout !== undefined && defaultTimeout > maximumTimeout)
      context.addIssue({ code: "custom", path: ["defaultTimeout"], message: "defaultTimeout cannot be above maximumTimeout" });
  });

export type CallsFileConfig = z.output<typeof callsSchema>;

/** As a realm takes it. */
export function callConfig({
  defaultTimeout = 0,
  maximumTimeout = 0,
  killTimeout = 0,
  forwardMargin,
  queue,
  trust,
  ...rest
}: CallsFileConfig): CallConfig {
  return {
    defaultTimeoutMs: defaultTimeout,
    maximumTimeoutMs: maximumTimeout,
    forwardMarginMs: forwardMargin,
    killTimeoutMs: killTimeout,
    queueLength: queue,
    trust: trust.map(({ procedure, role, level }) => ({ ...procedure, ...(role !== undefined && { role }), level })),
    ...rest,
  };
}
