/** Negotiation of the WebSocket subprotocol: `wamp.2.<serializer>` (TRN-WS-01, TRN-WS-04). */
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
