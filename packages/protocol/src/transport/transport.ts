/**
 * What a session needs of a connection, whatever carries it. The two ends of the interface are handed to each other:
 * a session sends through `Transport` and is told what arrives through `Receiver`. Messages arrive whole, in order and
 * one at a time; nothing arrives after `lost`.
 */
import type { ProtocolError } from "../error.ts";
import type { Message } from "../message/message.ts";

/** What became of a message that was handed over for sending. */
export type SendOutcome =
  /** Queued or written. */
  | "sent"
  /** Dropped by the receiver's policy for slow consumers: events only. */
  | "dropped"
  /** Longer than the receiver takes (TRN-RAW-07, AMB-67). */
  | "too-large"
  /** Calls and progressive results only: what waits for the receiver leaves no room for more of them. Later it may. */
  | "full"
  /** The payload has no form in the receiver's serializer (AMB-28, AMB-32). */
  | "unserializable"
  /** The connection is gone. */
  | "closed";

export interface Transport {
  /** Present where the connection runs over TLS and this side can see it; a browser cannot. */
  readonly channel?: ChannelBinding | undefined;
  send(message: Message): SendOutcome;
  /** The longest message that this side takes, in bytes, where nothing but WELCOME can tell the other side so (AMB-67). */
  readonly accepts?: number | undefined;
  /** The other side has told the longest message that it takes: longer ones are not sent. */
  limitTo?(length: number): void;
  /** What has gone over it so far; absent where nobody counts. */
  readonly traffic?: Traffic | undefined;
  /** Bytes of EVENTs that wait for the peer, by the id of their subscription; counted when it is asked for. */
  readonly waitingEvents?: ReadonlyMap<number, number> | undefined;
  /**
   * For whoever sends much: resolves when enough of it has left, or the connection is gone; never rejects. `undefined`, or
   * absent: there is room now.
   */
  drained?(): Promise<void> | undefined;
  /** The other side asks for more than it may: it is not listened to for a moment, of a second at most (G6). */
  throttle?(): void;
  /**
   * Ends the connection once what was sent has left.
   * @param reason stable name of the cause, for logs and metrics
   */
  close(reason: string): void;
}

/** Counts of one connection, which may have carried several sessions. */
export interface Traffic {
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Bytes that wait for the peer now. */
  readonly queued: number;
  /** EVENTs that the policy for slow consumers has dropped. */
  readonly dropped: number;
}

/** What authentication can bind to in an encrypted channel, so that it is worth nothing in another (AMB-108). */
export interface ChannelBinding {
  /** What only the two ends of the channel know: 32 octets. `undefined` where this version of TLS has none of that type. */
  channelId(type: "tls-unique" | "tls-exporter"): Uint8Array | undefined;
  /** What a channel binding of RFC 5929 binds to: `tls-unique`, `tls-server-end-point`. `undefined` for any other. */
  bindingData(type: string): Uint8Array | undefined;
}

export interface Receiver {
  /** Something waits for an answer of this peer: if it is gone, that should be found soon. Absent means no. */
  readonly isAwaited?: boolean;
  receive(message: Message): void;
  /** Bytes arrived that are no message. The session answers ABORT and closes the transport. */
  violated(error: ProtocolError): void;
  /** The connection is gone, by whichever side. Called once. */
  lost(reason: string): void;
}

/**
 * Opens a connection and negotiates its serializer; the session's own messages come after.
 * @throws where no connection comes about, with a message that names cause and remedy, and `signal.reason` when aborted
 */
export type Dial = (receiver: Receiver, signal?: AbortSignalLike) => Promise<Transport>;

/** The part of the web's `AbortSignal` that is used here, which spares this package the DOM's types. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}
