/** The public surface of `@junctor/client`, for every platform. */

export { ProtocolError, SerializationError, Uri } from "@junctor/protocol";
export type { AuthAttempt, AuthMethod } from "./auth/method.ts";
export { type ConnectOptions, connect } from "./connect.ts";
export { ApplicationError, HANDLER_FAILED, JoinError, SessionClosedError, TimeoutError, TransportError } from "./error.ts";
export type { HistoricEvent, HistoryFilter, HistoryPage } from "./history.ts";
export { type CallOptions, type PublishOptions, type RegisterOptions, Result, type SubscribeOptions, type WaitOptions } from "./options.ts";
export type { Invocation, InvocationHandler, Registration } from "./registration.ts";
export type { Timers } from "./requests.ts";
export type { CloseInfo, Session } from "./session.ts";
export type { Event, EventHandler, Subscription } from "./subscription.ts";
export { json, webSocket } from "./websocket.ts";
