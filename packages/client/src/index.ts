/** The public surface of `@junctor/client`, for every platform. */

export { ProtocolError, SerializationError, Uri } from "@junctor/protocol";
export type { AuthAttempt, AuthMethod } from "./auth/method.ts";
export type { CallStream } from "./caller.ts";
export { Chunk, type ChunkSource, Result, type SendChunk } from "./chunk.ts";
export { type ConnectOptions, connect } from "./connect.ts";
export { ApplicationError, HANDLER_FAILED, JoinError, PayloadError, SessionClosedError, TimeoutError, TransportError } from "./error.ts";
export type { HistoricEvent, HistoryFilter, HistoryPage } from "./history.ts";
export type { CallOptions, PublishOptions, RegisterOptions, StreamOptions, SubscribeOptions, WaitOptions } from "./options.ts";
export type { Content, PayloadCodec, SealedPayload, Subject } from "./passthru.ts";
export type { Invocation, InvocationHandler, Registration } from "./registration.ts";
export type { Timers } from "./requests.ts";
export type { CloseInfo, Session } from "./session.ts";
export type { Event, EventHandler, Subscription } from "./subscription.ts";
export { json, webSocket } from "./websocket.ts";
