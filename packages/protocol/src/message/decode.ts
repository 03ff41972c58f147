/**
 * From the elements of a message list to a typed message: the one decoder of all formats. Lengths and types of elements
 * are fixed by type code and length of the list (MSG-07); the rules stand in requirements 1.1.
 */
import { ProtocolError } from "../error.ts";
import { CLIENT_ROLES, ROUTER_ROLES } from "../feature.ts";
import type { HeaderReader } from "./header-reader.ts";
import type { Message } from "./message.ts";
import * as known from "./options.ts";
import type { Payload } from "./payload.ts";
import type { EventDetails, PublishOptions, SubscribeOptions, TransparentOptions, UnsubscribedDetails } from "./pubsub.ts";
import type {
  CallOptions,
  Cancel,
  ErrorDetails,
  Interrupt,
  InvocationDetails,
  RegisterOptions,
  RequestType,
  ResultDetails,
  UnregisteredDetails,
} from "./rpc.ts";
import type { HelloDetails, WelcomeDetails } from "./session.ts";
import { MessageType } from "./type.ts";

/**
 * @param allowTransparent takes one binary item for Args where the options name an `enc_algo` (E2EE-02)
 * @throws {ProtocolError} and nothing else, whatever the bytes
 */
export function decodeMessage(reader: HeaderReader, bytes: Uint8Array, start: number, end: number, allowTransparent: boolean): Message {
  const type = reader.begin(bytes, start, end) as MessageType;
  switch (type) {
    case MessageType.Call: {
      const request = reader.id();
      const options = known.checkOptions<CallOptions>(type, known.CALL_OPTIONS, reader.dict());
      const procedure = reader.text();
      const payload = readPayload(reader, options, allowTransparent);
      return { type, request, options, procedure, payload };
    }
    case MessageType.Yield: {
      const request = reader.id();
      const options = known.checkOptions<ResultDetails>(type, known.RESULT_DETAILS, reader.dict());
      const payload = readPayload(reader, options, allowTransparent);
      return { type, request, options, payload };
    }
    case MessageType.Publish: {
      const request = reader.id();
      const options = known.checkOptions<PublishOptions>(type, known.PUBLISH_OPTIONS, reader.dict());
      const topic = reader.text();
      const payload = readPayload(reader, options, allowTransparent);
      return { type, request, options, topic, payload };
    }
    case MessageType.Event: {
      const subscription = reader.id();
      const publication = reader.id();
      const details = known.checkOptions<EventDetails>(type, known.EVENT_DETAILS, reader.dict());
      const payload = readPayload(reader, details, allowTransparent);
      return { type, subscription, publication, details, payload, encoded: undefined };
    }
    case MessageType.Invocation: {
      const request = reader.id();
      const registration = reader.id();
      const details = known.checkOptions<InvocationDetails>(type, known.INVOCATION_DETAILS, reader.dict());
      const payload = readPayload(reader, details, allowTransparent);
      return { type, request, registration, details, payload };
    }
    case MessageType.Result: {
      const request = reader.id();
      const details = known.checkOptions<ResultDetails>(type, known.RESULT_DETAILS, reader.dict());
      const payload = readPayload(reader, details, allowTransparent);
      return { type, request, details, payload };
    }
    case MessageType.Error: {
      const requestType = readRequestType(reader);
      const request = reader.id();
      const details = known.checkOptions<ErrorDetails>(type, known.ERROR_DETAILS, reader.dict());
      const error = reader.text();
      const payload = readPayload(reader, details, allowTransparent);
      return { type, requestType, request, details, error, payload };
    }
    case MessageType.Hello: {
      const realm = reader.textOrNull();
      const raw = reader.dict();
      const roles = known.checkRoles(type, CLIENT_ROLES, raw);
      const details: HelloDetails = { roles, ...known.checkOptions<Omit<HelloDetails, "roles">>(type, known.HELLO_DETAILS, raw) };
      reader.end();
      return { type, realm, details };
    }
    case MessageType.Welcome: {
      const session = reader.id();
      const raw = reader.dict();
      const roles = known.checkRoles(type, ROUTER_ROLES, raw);
      const details: WelcomeDetails = { roles, ...known.checkOptions<Omit<WelcomeDetails, "roles">>(type, known.WELCOME_DETAILS, raw) };
      reader.end();
      return { type, session, details };
    }
    case MessageType.Abort: {
      const details = reader.dict();
      const reason = reader.text();
      const payload = reader.payload();
      return { type, details, reason, payload };
    }
    case MessageType.Challenge: {
      const authmethod = reader.text();
      const extra = reader.dict();
      reader.end();
      return { type, authmethod, extra };
    }
    case MessageType.Authenticate: {
      const signature = reader.text();
      const extra = reader.dict();
      reader.end();
      return { type, signature, extra };
    }
    case MessageType.Goodbye: {
      const details = reader.dict();
      const reason = reader.text();
      reader.end();
      return { type, details, reason };
    }
    case MessageType.Published: {
      const request = reader.id();
      const publication = reader.id();
      reader.end();
      return { type, request, publication };
    }
    case MessageType.Subscribe: {
      const request = reader.id();
      const options = known.checkOptions<SubscribeOptions>(type, known.SUBSCRIBE_OPTIONS, reader.dict());
      const topic = reader.text();
      reader.end();
      return { type, request, options, topic };
    }
    case MessageType.Subscribed: {
      const request = reader.id();
      const subscription = reader.id();
      reader.end();
      return { type, request, subscription };
    }
    case MessageType.Unsubscribe: {
      const request = reader.id();
      const subscription = reader.id();
      endWithIgnoredOptions(reader);
      return { type, request, subscription };
    }
    case MessageType.Unsubscribed: {
      const request = reader.uint();
      // [AMB-131] Only a revocation, whose request is 0, has details, and it must have them.
      const details = request === 0 ? known.checkOptions<UnsubscribedDetails>(type, known.UNSUBSCRIBED_DETAILS, reader.dict()) : undefined;
      reader.end();
      return { type, request, details };
    }
    case MessageType.Cancel: {
      const request = reader.id();
      const options = known.checkOptions<Cancel["options"]>(type, known.CANCEL_OPTIONS, reader.dict());
      reader.end();
      return { type, request, options };
    }
    case MessageType.Register: {
      const request = reader.id();
      const options = known.checkOptions<RegisterOptions>(type, known.REGISTER_OPTIONS, reader.dict());
      const procedure = reader.text();
      reader.end();
      return { type, request, options, procedure };
    }
    case MessageType.Registered: {
      const request = reader.id();
      const registration = reader.id();
      reader.end();
      return { type, request, registration };
    }
    case MessageType.Unregister: {
      const request = reader.id();
      const registration = reader.id();
      endWithIgnoredOptions(reader);
      return { type, request, registration };
    }
    case MessageType.Unregistered: {
      const request = reader.uint();
      const details = request === 0 ? known.checkOptions<UnregisteredDetails>(type, known.UNREGISTERED_DETAILS, reader.dict()) : undefined;
      reader.end();
      return { type, request, details };
    }
    case MessageType.Interrupt: {
      const request = reader.id();
      const options = known.checkOptions<Interrupt["options"]>(type, known.INTERRUPT_OPTIONS, reader.dict());
      reader.end();
      return { type, request, options };
    }
    case MessageType.EventReceived: {
      const publication = reader.id();
      reader.end();
      return { type, publication };
    }
    default:
      void (type satisfies never);
      throw new ProtocolError("MALFORMED_MESSAGE", `unknown message type ${String(type)}`); // [MSG-01]
  }
}

function readPayload(reader: HeaderReader, options: TransparentOptions, allowTransparent: boolean): Payload {
  return allowTransparent && options.enc_algo !== undefined ? reader.transparentPayload() : reader.payload();
}

// [AMB-13] UNSUBSCRIBE and UNREGISTER tolerate a fourth dict.
function endWithIgnoredOptions(reader: HeaderReader): void {
  if (reader.hasMore()) reader.dict();
  reader.end();
}

const REQUEST_TYPES: ReadonlySet<number> = new Set<RequestType>([
  MessageType.Publish,
  MessageType.Subscribe,
  MessageType.Unsubscribe,
  MessageType.Call,
  MessageType.Register,
  MessageType.Unregister,
  MessageType.Invocation,
]);

function readRequestType(reader: HeaderReader): RequestType {
  const requestType = reader.uint();
  if (!REQUEST_TYPES.has(requestType)) {
    throw new ProtocolError("MALFORMED_MESSAGE", `ERROR: ${requestType} is no type of a request that an ERROR can answer`);
  }
  return requestType as RequestType;
}
