/** From a typed message to the elements of its list: the one encoder of all formats. */
import { unreachable } from "../error.ts";
import type { Message } from "./message.ts";
import type { Payload } from "./payload.ts";
import { MessageType } from "./type.ts";

/** What the encoder asks of a format. */
export interface HeaderWriter {
  /** Opens the list: `count` elements, the type code first. */
  begin(type: number, count: number): void;
  uint(value: number): void;
  text(value: string): void;
  /** Keys whose value is `undefined` are left out. */
  dict(value: object): void;
  /** The elements of a payload, which `begin` has counted. */
  payload(payload: Payload): void;
  end(): void;
}

export function encodeMessage(message: Message, writer: HeaderWriter): void {
  switch (message.type) {
    case MessageType.Event:
      writer.begin(message.type, 4 + message.payload.length);
      writer.uint(message.subscription);
      writer.uint(message.publication);
      writer.dict(message.details);
      writer.payload(message.payload);
      break;
    case MessageType.Invocation:
      writer.begin(message.type, 4 + message.payload.length);
      writer.uint(message.request);
      writer.uint(message.registration);
      writer.dict(message.details);
      writer.payload(message.payload);
      break;
    case MessageType.Result:
      writer.begin(message.type, 3 + message.payload.length);
      writer.uint(message.request);
      writer.dict(message.details);
      writer.payload(message.payload);
      break;
    case MessageType.Call:
      writer.begin(message.type, 4 + message.payload.length);
      writer.uint(message.request);
      writer.dict(message.options);
      writer.text(message.procedure);
      writer.payload(message.payload);
      break;
    case MessageType.Yield:
      writer.begin(message.type, 3 + message.payload.length);
      writer.uint(message.request);
      writer.dict(message.options);
      writer.payload(message.payload);
      break;
    case MessageType.Publish:
      writer.begin(message.type, 4 + message.payload.length);
      writer.uint(message.request);
      writer.dict(message.options);
      writer.text(message.topic);
      writer.payload(message.payload);
      break;
    case MessageType.Error:
      writer.begin(message.type, 5 + message.payload.length);
      writer.uint(message.requestType);
      writer.uint(message.request);
      writer.dict(message.details);
      writer.text(message.error);
      writer.payload(message.payload);
      break;
    case MessageType.Hello:
      writer.begin(message.type, 3);
      writer.text(message.realm ?? ""); // [AMB-12] null is never sent; "" asks for the same (AMB-07)
      writer.dict(message.details);
      break;
    case MessageType.Welcome:
      writer.begin(message.type, 3);
      writer.uint(message.session);
      writer.dict(message.details);
      break;
    case MessageType.Abort:
      writer.begin(message.type, 3 + message.payload.length);
      writer.dict(message.details);
      writer.text(message.reason);
      writer.payload(message.payload);
      break;
    case MessageType.Goodbye:
      writer.begin(message.type, 3);
      writer.dict(message.details);
      writer.text(message.reason);
      break;
    case MessageType.Challenge:
      writer.begin(message.type, 3);
      writer.text(message.authmethod);
      writer.dict(message.extra);
      break;
    case MessageType.Authenticate:
      writer.begin(message.type, 3);
      writer.text(message.signature);
      writer.dict(message.extra);
      break;
    case MessageType.Published:
      writer.begin(message.type, 3);
      writer.uint(message.request);
      writer.uint(message.publication);
      break;
    case MessageType.Subscribe:
      writer.begin(message.type, 4);
      writer.uint(message.request);
      writer.dict(message.options);
      writer.text(message.topic);
      break;
    case MessageType.Register:
      writer.begin(message.type, 4);
      writer.uint(message.request);
      writer.dict(message.options);
      writer.text(message.procedure);
      break;
    case MessageType.Subscribed:
    case MessageType.Unsubscribe:
      writer.begin(message.type, 3);
      writer.uint(message.request);
      writer.uint(message.subscription);
      break;
    case MessageType.Registered:
    case MessageType.Unregister:
      writer.begin(message.type, 3);
      writer.uint(message.request);
      writer.uint(message.registration);
      break;
    case MessageType.Unsubscribed:
    case MessageType.Unregistered:
      writer.begin(message.type, message.details === undefined ? 2 : 3);
      writer.uint(message.request);
      if (message.details !== undefined) writer.dict(message.details);
      break;
    case MessageType.Cancel:
    case MessageType.Interrupt:
      writer.begin(message.type, 3);
      writer.uint(message.request);
      writer.dict(message.options);
      break;
    case MessageType.EventReceived:
      writer.begin(message.type, 2);
      writer.uint(message.publication);
      break;
    default:
      unreachable(message);
  }
  writer.end();
}
