/** The four octets each way that open a RawSocket connection (9.3). */
import { ProtocolError } from "../error.ts";

/** First octet of both directions; no HTTP request starts with it (TRN-RAW-02). */
export const RAWSOCKET_MAGIC = 0x7f;
export const HANDSHAKE_SIZE = 4;

/** Why a router refuses; code 0 is never sent (TRN-RAW-06). */
export const HandshakeError = {
  serializerUnsupported: 1,
  lengthUnacceptable: 2,
  reservedBits: 3,
  tooManyConnections: 4,
} as const;
export type HandshakeError = (typeof HandshakeError)[keyof typeof HandshakeError];

const ERROR_TEXTS: Readonly<Record<number, string>> = {
  1: "the router does not support the serializer",
  2: "the router does not accept the maximum message length",
  3: "the router does not support the reserved bits that were used",
  4: "the router has reached its maximum number of connections",
};

export interface Handshake {
  /** RawSocket number of the serializer, 1 to 15. */
  readonly serializer: number;
  /** The longest message that the sender of these octets accepts: 2^9 to 2^24 octets. */
  readonly maxLength: number;
}

/** The greatest announceable length that is not above `limit`; 512 at least. */
export function announceableLength(limit: number): number {
  return 2 ** (9 + lengthExponent(limit));
}

export function encodeHandshake(handshake: Handshake): Uint8Array {
  return Uint8Array.of(RAWSOCKET_MAGIC, (lengthExponent(handshake.maxLength) << 4) | handshake.serializer, 0, 0);
}

export function encodeRefusal(error: HandshakeError): Uint8Array {
  return Uint8Array.of(RAWSOCKET_MAGIC, error << 4, 0, 0);
}

/**
 * Router side. @returns the refusal to send where the request is refused
 * @throws {ProtocolError} `FRAMING`: fail the connection without an answer
 */
export function decodeRequest(octets: Uint8Array): Handshake | HandshakeError {
  if (octets[0] !== RAWSOCKET_MAGIC) throw new ProtocolError("FRAMING", "this is no RawSocket handshake: the first octet is not 0x7F");
  const second = octets[1] as number;
  if (octets[2] !== 0 || octets[3] !== 0) return HandshakeError.reservedBits; // [TRN-RAW-03]
  if ((second & 0x0f) === 0) throw new ProtocolError("FRAMING", "a RawSocket handshake asked for serializer 0"); // [TRN-RAW-04]
  return { serializer: second & 0x0f, maxLength: 2 ** (9 + (second >> 4)) };
}

/**
 * Client side: the router's answer to `request`.
 * @throws {ProtocolError} `FRAMING` where the router refuses or breaks the rules
 */
export function decodeReply(octets: Uint8Array, request: Handshake): Handshake {
  if (octets[0] !== RAWSOCKET_MAGIC) throw new ProtocolError("FRAMING", "the peer speaks no RawSocket: its first octet is not 0x7F");
  const second = octets[1] as number;
  if ((second & 0x0f) === 0) {
    const code = second >> 4;
    throw new ProtocolError("FRAMING", `RawSocket handshake refused: ${ERROR_TEXTS[code] ?? `error code ${code}`}`);
  }
  if (octets[2] !== 0 || octets[3] !== 0) throw new ProtocolError("FRAMING", "the router used reserved bits of the RawSocket handshake");
  if ((second & 0x0f) !== request.serializer) {
    throw new ProtocolError("FRAMING", `the router answered with serializer ${second & 0x0f}, not ${request.serializer}`); // [TRN-RAW-05]
  }
  return { serializer: request.serializer, maxLength: 2 ** (9 + (second >> 4)) };
}

function lengthExponent(limit: number): number {
  return Math.max(0, Math.min(15, Math.floor(Math.log2(limit)) - 9));
}
