/**
 * Why a connection ended: stable names for logs, metrics and a client's `closed`. A session that ended in an orderly way has
 * a close reason URI instead (`Uri`). docs/reference/errors.md explains all of them.
 */
export const CloseReason = {
  /** The session was over, and both sides had said GOODBYE. */
  closed: "closed",
  /** The peer sent ABORT. */
  aborted: "aborted",
  /** Followed by the reason of the ABORT that a session ended with. */
  abort: "abort",
  helloTimeout: "timeout.hello",
  joinTimeout: "timeout.join",
  goodbyeTimeout: "timeout.goodbye",
  pingTimeout: "timeout.ping",
  slowConsumer: "slow_consumer",
  /** Still there when the listener's time for closing was up. */
  shutdown: "shutdown",
  /** Followed by the code of the `ProtocolError`, in lower case. */
  protocolViolation: "protocol_violation",
  /** A message of the peer's met an error in the program. */
  internalError: "internal_error",
  /** The peer closed; for a WebSocket, followed by the status that it gave. */
  transportClosed: "transport.closed",
  /** The connection broke off. */
  transportLost: "transport.lost",
  /** Followed by the system's code, for example `ECONNRESET`. */
  transportError: "transport.error",
} as const;

/** How a WebSocket ended, by its status (RFC 6455, 7.4.1): 1006 stands for no closing handshake. */
export function webSocketCloseReason(status: number): string {
  return status === 1006 ? CloseReason.transportLost : `${CloseReason.transportClosed}.${status}`;
}

/** How a socket ended that met an error. */
export function errorCloseReason(error: Error & { code?: string }): string {
  return `${CloseReason.transportError}.${error.code ?? error.name}`;
}
