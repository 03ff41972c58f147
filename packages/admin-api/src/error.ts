/** Error URIs of the administration, beside those of the protocol: `wamp.error.invalid_argument`, `wamp.error.no_such_session`, … */
export const AdminError = {
  /** What was asked for could not be done. Args: why, and what to do about it. */
  operationFailed: "junctor.error.operation_failed",
  /** There is nothing of that name. Args: what there is not. */
  notFound: "junctor.error.not_found",
} as const;
