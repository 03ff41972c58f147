/** Payloads for keeping: bytes of their own, whatever they came as. */
import { Payload, SerializationError } from "@junctor/protocol";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";

/** @returns `undefined` where a value of an application in this process has no form in any serializer */
export function ownPayload(payload: Payload): Payload | undefined {
  if (payload.source !== undefined || payload.length === 0) return payload.detached();
  try {
    const bytes = payload.bytes(MSGPACK);
    return Payload.encoded(MSGPACK, bytes, 0, bytes.length, payload.length);
  } catch (error) {
    if (error instanceof SerializationError) return undefined;
    throw error;
  }
}

/** The format for values that did not come as bytes: it holds whatever an application may pass. */
const MSGPACK = new MsgpackSerializer();
