/**
 * URIs: Unicode strings of dot-separated components (URI-01 to URI-10). The checks are linear walks, not regular
 * expressions: the dialects differ on `\s` and `$` (AMB-19), and nothing a peer sends may take more than linear time.
 */

/** How a URI in SUBSCRIBE or REGISTER matches: itself, its continuations, or with empty components as wildcards. */
export type MatchPolicy = "exact" | "prefix" | "wildcard";

/** `loose` takes any component without white space and `#`; `strict` takes only `[0-9a-z_]` (URI-02, URI-05). */
export type UriRule = "loose" | "strict";

/** A full URI: no empty component. What CALL, PUBLISH, realms and error names carry (URI-10). */
export function isUri(text: string, rule: UriRule = "loose"): boolean {
  return isPattern(text, rule, "exact");
}

/** What SUBSCRIBE and REGISTER may carry under each match policy (URI-03, URI-04, AMB-86). */
export function isPattern(text: string, rule: UriRule, match: MatchPolicy): boolean {
  let componentLength = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === DOT) {
      if (componentLength === 0 && match !== "wildcard") return false;
      componentLength = 0;
    } else {
      if (rule === "strict" ? !isStrict(c) : !isLoose(text, i, c)) return false;
      componentLength++;
    }
  }
  // The last component may be empty in a prefix ("com.app.", and "" that matches everything) and in a wildcard.
  return componentLength > 0 || match !== "exact";
}

/** Whether the first component is `wamp`, the protocol's own name space (URI-06, AMB-20). */
export function isReserved(uri: string): boolean {
  return uri.startsWith("wamp") && (uri.length === 4 || uri.charCodeAt(4) === DOT);
}

const DOT = 0x2e;

function isStrict(c: number): boolean {
  return (c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x7a) || c === 0x5f;
}

function isLoose(text: string, index: number, c: number): boolean {
  if (c < 0x80) return c > 0x20 ? c !== 0x23 : !isAsciiSpace(c);
  return c >= 0xd800 && c <= 0xdfff ? isPairedSurrogate(text, index, c) : !isWideSpace(c);
}

// AMB-19: white space is Unicode White_Space, U+001C to U+001F and U+FEFF. Other control characters are not white space.
function isAsciiSpace(c: number): boolean {
  return c === 0x20 || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f);
}

function isWideSpace(c: number): boolean {
  if (c === 0x85 || c === 0xa0 || c === 0x1680 || c === 0xfeff) return true;
  if (c >= 0x2000 && c <= 0x200a) return true;
  return c === 0x2028 || c === 0x2029 || c === 0x202f || c === 0x205f || c === 0x3000;
}

function isPairedSurrogate(text: string, index: number, c: number): boolean {
  if (c <= 0xdbff) {
    const low = text.charCodeAt(index + 1);
    return low >= 0xdc00 && low <= 0xdfff;
  }
  const high = index === 0 ? 0 : text.charCodeAt(index - 1);
  return high >= 0xd800 && high <= 0xdbff;
}

/** Error and close-reason URIs that the protocol predefines (requirements 10.1, 10.2). */
export const Uri = {
  invalidUri: "wamp.error.invalid_uri",
  noSuchProcedure: "wamp.error.no_such_procedure",
  procedureAlreadyExists: "wamp.error.procedure_already_exists",
  noSuchRegistration: "wamp.error.no_such_registration",
  noSuchSubscription: "wamp.error.no_such_subscription",
  invalidArgument: "wamp.error.invalid_argument",
  canceled: "wamp.error.canceled",
  timeout: "wamp.error.timeout",
  payloadSizeExceeded: "wamp.error.payload_size_exceeded",
  protocolViolation: "wamp.error.protocol_violation",
  notAuthorized: "wamp.error.not_authorized",
  authorizationFailed: "wamp.error.authorization_failed",
  noSuchRealm: "wamp.error.no_such_realm",
  noSuchRole: "wamp.error.no_such_role",
  noMatchingAuthMethod: "wamp.error.no_matching_auth_method",
  authenticationDenied: "wamp.error.authentication_denied",
  authenticationFailed: "wamp.error.authentication_failed",
  authenticationRequired: "wamp.error.authentication_required",
  optionNotAllowed: "wamp.error.option_not_allowed",
  discloseMeDisallowed: "wamp.error.option_disallowed.disclose_me",
  networkFailure: "wamp.error.network_failure",
  unavailable: "wamp.error.unavailable",
  noAvailableCallee: "wamp.error.no_available_callee",
  featureNotSupported: "wamp.error.feature_not_supported",
  noSuchSession: "wamp.error.no_such_session",
  systemShutdown: "wamp.close.system_shutdown",
  closeRealm: "wamp.close.close_realm",
  goodbyeAndOut: "wamp.close.goodbye_and_out",
  killed: "wamp.close.killed",
  logout: "wamp.close.logout",
} as const;
