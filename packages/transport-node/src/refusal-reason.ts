/** Why a connection was refused before it was one: stable names, for logs and metrics. docs/reference/errors.md explains them. */
export const RefusalReason = {
  /** TLS failed, or reached a port without it. */
  tls: "tls",
  /** Neither HTTP nor RawSocket. */
  framing: "framing",
  /** RawSocket: the serializer, or the length asked for. WebSocket: its headers. */
  handshake: "handshake",
  handshakeTimeout: "timeout.handshake",
  http: "http",
  /** The name that the client called the router by, and the page that opened the WebSocket: see `web-access.ts`. */
  host: "host",
  origin: "origin",
  /** A trusted proxy's PROXY header. */
  proxy: "proxy",
  path: "path",
  subprotocol: "subprotocol",
  connections: "limit.connections",
  connectionsPerAddress: "limit.connectionsPerAddress",
  unjoined: "limit.unjoined",
  unjoinedPerAddress: "limit.unjoinedPerAddress",
  newPerAddress: "limit.newPerAddress",
  headerSize: "limit.headerSize",
  headerCount: "limit.headerCount",
  /** The system did not hand the connection over. */
  system: "system",
} as const;

export type RefusalReason = (typeof RefusalReason)[keyof typeof RefusalReason];
