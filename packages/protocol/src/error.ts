/**
 * What can be wrong with what a peer sent. A `ProtocolError` is caught in one place per side, which answers ABORT and
 * ends the session (PERR-01). Refusals of a request are not errors of this kind: they are WAMP ERROR messages, values.
 */

/** Why a message or a byte stream broke the protocol. Stable: logs and metrics count by it. */
export type ProtocolErrorCode =
  /** The bytes are no value of the serializer: syntax, truncation, surplus bytes, bad UTF-8, duplicate option key (PERR-08). */
  | "MALFORMED_BYTES"
  /** The value is no WAMP message: not a list, unknown type, wrong length or element type (PERR-07, MSG-01, MSG-07). */
  | "MALFORMED_MESSAGE"
  /** A known option or detail has the wrong type or an illegal value (MSG-06, AMB-15). */
  | "INVALID_OPTION"
  /** An id is no integer from 1 to 2^53 (ID-01). */
  | "INVALID_ID"
  /** Containers are nested deeper than 32 levels. */
  | "TOO_DEEP"
  /** A message is longer than the receiver accepts. */
  | "TOO_LARGE"
  /** The message may not arrive in this state of the session, or not from this side (SES-18, PERR-02, PERR-03, PERR-09). */
  | "UNEXPECTED_MESSAGE"
  /** A request id is not the last one plus one (PERR-06). */
  | "REQUEST_ID"
  /** A YIELD or ERROR names an invocation that was never issued to this callee (PERR-05). */
  | "UNKNOWN_INVOCATION"
  /** Framing below WAMP: RawSocket handshake or header, WebSocket frame type. */
  | "FRAMING";

export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ProtocolErrorCode;

  /** @param message English, for logs and for ABORT.Details.message; holds no payload and no secret. */
  constructor(code: ProtocolErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A value cannot be written in the serializer asked for, for example text that starts with U+0000 in JSON (AMB-28). */
export class SerializationError extends Error {
  override readonly name = "SerializationError";
}

/** No connection comes about, or it cannot carry what it is to. */
export class TransportError extends Error {
  override readonly name: string = "TransportError";
}

/** Ends a `switch` over a union: a compile-time error where a case is missing. */
export function unreachable(value: never): never {
  throw new TypeError(`unreachable: ${String(value)}`);
}
