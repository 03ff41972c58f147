import { JsonSerializer, type Message, MessageType, Payload } from "@junctor/protocol";
import { CborSerializer } from "@junctor/protocol/serializer/cbor";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";
import { describe, expect, test } from "vitest";
import { Encoding, pool } from "./encoding.ts";
import { rawFraming, textFraming } from "./framing.ts";

const features = Object.fromEntries(Array.from({ length: 24 }, (_, i) => [`f${i}`, true]));
const payload = Payload.of(["é".repeat(32), { deep: [1, [2, [3]]] }], { key: "x".repeat(32) });
const topic = "com.example.a.topic.longer.than.short";
const BEFORE = 8; // whatever lies before
const messages: readonly Message[] = [
  { type: MessageType.Call, request: 300, options: {}, procedure: topic, payload },
  { type: MessageType.Hello, realm: topic, details: { roles: { caller: { features } }, agent: "größer" } },
  {
    type: MessageType.Event,
    subscription: 1,
    publication: 2 ** 52,
    details: { publisher: 7, topic },
    payload: Payload.EMPTY,
    encoded: undefined,
  },
  { type: MessageType.Error, requestType: 48, request: 1, details: {}, error: `${topic}.é`, payload },
];

describe.each([new JsonSerializer(), new MsgpackSerializer(), new CborSerializer()])("$name", (serializer) => {
  test.each([rawFraming, textFraming])("a message that does not fit into the rest of the pool's chunk moves whole ($name)", (framing) => {
    const encoding = new Encoding(serializer, framing, 0);
    for (const message of messages) {
      const expected = Buffer.from(serializer.encode(message));
      for (let room = 0; room <= expected.length + 3 * topic.length; room++) {
        pool.bytes = Buffer.alloc(BEFORE + room);
        pool.position = BEFORE;
        expect(encoding.write(message)).toBe(expected.length);
        const frame = Buffer.from(pool.bytes.subarray(pool.position - expected.length, pool.position));
        expect(frame.equals(expected), `${serializer.name}, type ${message.type}, with room for ${room} bytes`).toBe(true);
      }
    }
  });
});
