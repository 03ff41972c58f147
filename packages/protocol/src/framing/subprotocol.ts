/**
 * WAMP over WebSocket: negotiation of the subprotocol `wamp.2.<serializer>` or `wamp.2.<serializer>.batched` (TRN-WS-01,
 * TRN-WS-04, TRN-BATCH-01), and closing.
 */
import type { Serializer } from "../serializer/serializer.ts";

export function subprotocolOf(serializer: Serializer): string {
  return `wamp.2.${serializer.name}`;
}

export function batchedSubprotocolOf(serializer: Serializer): string {
  return `${subprotocolOf(serializer)}.batched`;
}

export interface Subprotocol<S extends Serializer> {
  readonly name: string;
  readonly serializer: S;
  /** A WebSocket message holds a batch of messages. */
  readonly isBatched: boolean;
}

/**
 * The first of the client's offers that is supported (AMB-116). Unknown ones are skipped.
 *
 * @returns `undefined` where nothing overlaps: the handshake fails
 */
export function chooseSubprotocol<S extends Serializer>(offered: Iterable<string>, supported: readonly S[]): Subprotocol<S> | undefined {
  for (const name of offered) {
    for (const serializer of supported) {
      if (name === subprotocolOf(serializer)) return { name, serializer, isBatched: false };
      if (name === batchedSubprotocolOf(serializer)) return { name, serializer, isBatched: true };
    }
  }
  return undefined;
}

/** A WAMP reason as the reason of a close frame, which has room for 123 octets of it. */
export function closeReason(reason: string): string {
  const isAscii = /^[\x20-\x7e]*$/.test(reason);
  return reason.slice(0, isAscii ? 123 : 41);
}
