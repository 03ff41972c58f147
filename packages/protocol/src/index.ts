/** The public surface of `@junctor/protocol`. Serializers other than JSON are subpaths. */
export { ProtocolError, type ProtocolErrorCode, SerializationError, TransportError, unreachable } from "./error.ts";
export {
  CLIENT_ROLES,
  type ClientRole,
  type ClientRoles,
  hasFeature,
  ROUTER_ROLES,
  type RoleDetails,
  type RouterRole,
  type RouterRoles,
} from "./feature.ts";
export { type BatchFormat, BatchReader, batchFormatOf, separatedByCancel } from "./framing/batch.ts";
export { InterruptibleParser } from "./framing/interruptible.ts";
export {
  FRAME_HEAD_SIZE,
  type FrameHandler,
  FrameParser,
  FrameType,
  MAX_FRAME_LENGTH,
  writeFrameHead,
} from "./framing/rawsocket-frame.ts";
export {
  announceableLength,
  decodeReply,
  decodeRequest,
  encodeHandshake,
  encodeRefusal,
  HANDSHAKE_SIZE,
  type Handshake,
  HandshakeError,
  RAWSOCKET_MAGIC,
} from "./framing/rawsocket-handshake.ts";
export { batchedSubprotocolOf, chooseSubprotocol, closeReason, type Subprotocol, subprotocolOf } from "./framing/subprotocol.ts";
export {
  type IdSource,
  type InvocationId,
  isId,
  MAX_ID,
  nextId,
  type PublicationId,
  type RegistrationId,
  type RequestId,
  randomIds,
  type SessionId,
  type SubscriptionId,
  sequentialIds,
} from "./id.ts";
export { type Message, NO_OPTIONS } from "./message/message.ts";
export { checkRequest, isDict, publishOptions } from "./message/options.ts";
export { Payload, type PayloadLength } from "./message/payload.ts";
export type * from "./message/pubsub.ts";
export type * from "./message/rpc.ts";
export type * from "./message/session.ts";
export { MessageType, messageName } from "./message/type.ts";
export { ByteBuffer, copyOf } from "./serializer/byte-buffer.ts";
export { JsonSerializer, type SerializerOptions } from "./serializer/json.ts";
export { MAX_DEPTH, type Serializer, type ValueSink, type ValueWriter } from "./serializer/serializer.ts";
export { portableText, type TextCodec } from "./serializer/text.ts";
export { type SessionState, type Side, type Verdict, verdict } from "./session/lifecycle.ts";
export { CloseReason, errorCloseReason, webSocketCloseReason } from "./transport/close-reason.ts";
export { linkedTransports, type MemoryTransport } from "./transport/memory.ts";
export type { AbortSignalLike, ChannelBinding, Dial, Receiver, SendOutcome, Traffic, Transport } from "./transport/transport.ts";
export { isPattern, isReserved, isUri, type MatchPolicy, Uri, type UriRule } from "./uri.ts";
