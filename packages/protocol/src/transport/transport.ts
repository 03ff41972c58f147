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
  /** The payload has no form in the receiver's serializer (AMB-28, AMB-32). */
  | "unserializable"
  /** The connection is gone. */
  | "closed";

export interface Transport {
  send(message: Message): SendOutcome;
  /**
   * Ends the connection once what was sent has left.
   * @param reason stable name of the cause, for logs and metrics
   */
  close(reason: string): void;
}

export interface Receiver {
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
