/**
 * What stands inside a sealed payload: `{"args": […], "kwargs": {…}}` in a serializer of its own (PPT-04).
 *
 * The serializers know whole messages, and check only those. So the content is written as the one argument of one, and read
 * as if it had arrived as one, with all that is checked then.
 */
import { isDict, MessageType, NO_OPTIONS, Payload, type Serializer } from "@junctor/protocol";
import type { Content } from "../passthru.ts";

export function encodeContent(serializer: Serializer, { args, kwargs }: Content): Uint8Array {
  const list = Payload.of([{ args, kwargs }]).bytes(serializer);
  return serializer.frame === "text" ? list.subarray(1, -1) : list.subarray(1);
}

/** @throws where it is no content: syntax, depth, something after its end, another value */
export function decodeContent(serializer: Serializer, bytes: Uint8Array): Content {
  const frame = serializer.encode({ type: MessageType.Yield, request: 1, options: NO_OPTIONS, payload: Payload.of([0]) });
  const tail = serializer.frame === "text" ? 2 : 0;
  const head = frame.length - tail - 1; // the 0 is one octet in all formats
  const message = new Uint8Array(head + bytes.length + tail);
  message.set(frame.subarray(0, head));
  message.set(bytes, head);
  message.set(frame.subarray(head + 1), head + bytes.length);
  const decoded = serializer.decode(message);
  const values = decoded.type === MessageType.Yield ? decoded.payload.args : undefined;
  const [content] = values ?? [];
  if (values?.length !== 1 || !isDict(content)) throw new TypeError("it is no dict with args and kwargs");
  const { args = [], kwargs = {} } = content;
  if (!Array.isArray(args) || !isDict(kwargs)) throw new TypeError("its args are no list, or its kwargs no dict");
  return { args, kwargs };
}
