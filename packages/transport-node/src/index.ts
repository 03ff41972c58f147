/** The public surface of `@junctor/transport-node`. */
export type { RequestOrigin } from "./client-addresses.ts";
export { Connection, type ConnectionObserver } from "./connection.ts";
export { DialError, type DialOptions, dial } from "./dial.ts";
export { nodeSerializers } from "./encodings.ts";
export { type ConnectionLimits, DEFAULT_CONNECTION_LIMITS, type SlowConsumerPolicy } from "./limits.ts";
export { ListenError } from "./listen-error.ts";
export type { ConnectionInfo, ListenOptions, TransportEvent } from "./listen-options.ts";
export { Listener, listen } from "./listener.ts";
export { LongPoll, type LongPollOptions } from "./longpoll.ts";
export { NodeClock } from "./node-clock.ts";
export { nodeText } from "./node-text.ts";
export { RefusalReason } from "./refusal-reason.ts";
export { TlsChannel } from "./tls-channel.ts";
export { isNetwork } from "./trusted-proxies.ts";
export { isHostRule, isOriginRule, OriginList, type WebAccess } from "./web-access.ts";
