/** With which status a WebSocket ends (RFC 6455, 7.4.1; AMB-117). */
import { ProtocolError } from "@junctor/protocol";

/** A message came in the other kind of frame than its serializer's (TRN-WS-03). */
export const WRONG_FRAME = 1003;

/** The status that fits the reason why this side ends the connection. */
export function closeStatus(reason: string): number {
  switch (reason) {
    case "protocol_violation.malformed_bytes":
      return 1007;
    case "protocol_violation.too_large":
      return 1009;
    case "wamp.close.system_shutdown":
      return 1001;
    default:
      return reason.startsWith("protocol_violation") ? 1002 : 1000;
  }
}

export function wrongFrame(isBinary: boolean, serializer: string): ProtocolError {
  return new ProtocolError(
    "FRAMING",
    `a ${isBinary ? "binary" : "text"} frame, where wamp.2.${serializer} uses ${isBinary ? "text" : "binary"} frames`,
  );
}
