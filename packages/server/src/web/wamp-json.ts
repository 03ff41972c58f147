/** Values of WAMP in JSON bodies, as the JSON serializer has them: bytes as U+0000 and Base64 (requirements 2.7). */
import { JsonSerializer, MessageType, NO_OPTIONS, Payload } from "@junctor/protocol";
import { nodeText } from "@junctor/transport-node";

const json = new JsonSerializer({ text: nodeText });
/** A message around the values, whose own part is known by its length. */
const BEFORE = "[70,1,{},";

/** @throws {ProtocolError} bytes that are no Base64, text that is no Unicode, too deep */
export function valuesOf(args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): Payload {
  const message = json.decode(Buffer.from(`${BEFORE}${JSON.stringify(args)},${JSON.stringify(kwargs)}]`));
  if (message.type !== MessageType.Yield) throw new TypeError("not the message that was written");
  return message.payload;
}

/** A list as JSON. @throws {SerializationError} a value has no form in JSON */
export function listJson(values: readonly unknown[]): string {
  const bytes = json.encode({ type: MessageType.Yield, request: 1, options: NO_OPTIONS, payload: Payload.of(values) });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8", BEFORE.length, bytes.length - 1) || "[]";
}

/** A mapping as JSON. @throws as `listJson` */
export function dictJson(values: Readonly<Record<string, unknown>>): string {
  return listJson([values]).slice(1, -1);
}
