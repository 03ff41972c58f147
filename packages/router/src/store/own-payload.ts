/** Payloads for longer than a turn: bytes of their own, whatever they came as. */
import { Payload, SerializationError } from "@junctor/protocol";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";

/** For keeping. @returns `undefined` where a value of an application in this process has no form in any serializer */
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

/**
 * For payloads that are let go one soon after the other, as events are on their way to a disk: short ones share one array, which
 * saves making one for each, and the last of them holds on to it. Bench: history.
 */
export class PassingPayloads {
  #shared = new Uint8Array(SHARED);
  #end = 0;

  /** As `ownPayload`. */
  own(payload: Payload): Payload | undefined {
    const { source, buffer, start, end, length, isTransparent } = payload;
    const size = end - start;
    if (source === undefined || size > SHORT) return ownPayload(payload);
    if (this.#end + size > SHARED) {
      this.#shared = new Uint8Array(SHARED); // the one before belongs to those who have payloads in it
      this.#end = 0;
    }
    const shared = this.#shared;
    const at = this.#end;
    this.#end += size;
    // Below 64 a loop beats the call into the engine.
    if (size < 64) for (let i = 0; i < size; i++) shared[at + i] = buffer[start + i] as number;
    else shared.set(buffer.subarray(start, end), at);
    return isTransparent ? Payload.transparent(source, shared, at, this.#end) : Payload.encoded(source, shared, at, this.#end, length);
  }
}

/** The format for values that did not come as bytes: it holds whatever an application may pass. */
const MSGPACK = new MsgpackSerializer();
const SHARED = 64 * 1024;
const SHORT = 4 * 1024;
