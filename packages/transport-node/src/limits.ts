/** Limits of connections: on by default, each with a name (reliability 2.1, G5 to G7). Sizes in bytes, times in ms. */

/** What happens to EVENTs for a peer that does not read them (G5). Other messages are never dropped: the session ends instead. */
export type SlowConsumerPolicy = "disconnect" | "drop_newest" | "drop_oldest" | "conflate";

export interface ConnectionLimits {
  /** Longest message that is taken after WELCOME. Announced on RawSocket, rounded down to a power of two. */
  readonly messageSize: number;
  /** Longest message that is taken before. */
  readonly messageSizeBeforeJoin: number;
  /** All that is taken before, frames and PINGs included: a few such messages. */
  readonly bytesBeforeJoin: number;
  /** WebSocket fragments of one message. */
  readonly fragments: number;
  /** From the connection to the end of the TLS, HTTP or RawSocket handshake. */
  readonly handshakeTimeoutMs: number;
  /** HTTP headers: bytes and number. */
  readonly headerSize: number;
  readonly headerCount: number;
  /** Connections of one address that have not joined. Loopback and UNIX sockets are exempt. */
  readonly unjoinedPerAddress: number;
  /** New connections of one address a second, and ten times as many at once. Loopback and UNIX sockets are exempt. */
  readonly newPerAddress: number;
  /** Connections of one listener that have not joined. */
  readonly unjoined: number;
  /** Connections of one address. Loopback and UNIX sockets are exempt. */
  readonly connectionsPerAddress: number;
  /** Connections of one listener. */
  readonly connections: number;
  /** Whether loopback is an address like any other. */
  readonly limitLoopback: boolean;
  /** Outgoing queue: above `queueSoft` for `queueSoftMs`, or above `queueHard` at once, `slowConsumer` applies. */
  readonly queueSoft: number;
  readonly queueSoftMs: number;
  readonly queueHard: number;
  readonly slowConsumer: SlowConsumerPolicy;
  /** While more than this of replies to its own requests is queued for a peer, it is not read. */
  readonly replyHighMark: number;
  /** Silence after which a peer is pinged, and further silence after which it counts as gone. */
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  /**
   * The same for a peer on another machine that owes an answer to a call: a machine that vanishes does not say so, and its
   * callers wait. A peer that cannot answer a ping because it is busy counts as gone too.
   */
  readonly awaitedPingIntervalMs: number;
  readonly awaitedPingTimeoutMs: number;
  /** Wait for the peer's closing handshake. */
  readonly closeTimeoutMs: number;
}

export const DEFAULT_CONNECTION_LIMITS: ConnectionLimits = {
  messageSize: 1 << 20,
  messageSizeBeforeJoin: 16 << 10,
  bytesBeforeJoin: 64 << 10,
  fragments: 1_024,
  handshakeTimeoutMs: 5_000,
  headerSize: 8 << 10,
  headerCount: 50,
  unjoinedPerAddress: 32,
  newPerAddress: 100,
  unjoined: 10_000,
  connectionsPerAddress: 10_000,
  connections: 100_000,
  limitLoopback: false,
  queueSoft: 1 << 20,
  queueSoftMs: 10_000,
  queueHard: 8 << 20,
  slowConsumer: "disconnect",
  replyHighMark: 512 << 10,
  pingIntervalMs: 20_000,
  pingTimeoutMs: 10_000,
  awaitedPingIntervalMs: 2_000,
  awaitedPingTimeoutMs: 2_500,
  closeTimeoutMs: 2_000,
};
