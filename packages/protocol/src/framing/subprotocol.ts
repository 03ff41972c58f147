/** WAMP over WebSocket: negotiation of the subprotocol `wamp.2.<serializer>` (TRN-WS-01, TRN-WS-04), and closing. */
import type { Serializer } from "../serializer/serializer.ts";

export function subprotocolOf(serializer: Serializer): string {
  return `wamp.2.${serializer.name}`;
}

/**
 * The first of the client's offers that is supported (AMB-116). Unknown ones, `.batched` ones among them, are skipped.
 *
 * @returns `undefined` where nothing overlaps: the handshake fails
 */
export function chooseSubprotocol<S extends Serializer>(offered: Iterable<string>, supported: readonly S[]): S | undefined {
  for (const name of offered) {
    const found = supported.find((serializer) => subprotocolOf(serializer) === name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A WAMP reason as the reason of a close frame, which has room for 123 octets of it. */
export function closeReason(reason: string): string {
  const isAscii = /^[\x20-\x7e]*$/.test(reason);
  return reason.slice(0, isAscii ? 123 : 41);
}
