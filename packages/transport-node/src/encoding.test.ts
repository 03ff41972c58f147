import { batchFormatOf, JsonSerializer, type Message, MessageType, Payload } from "@junctor/protocol";
import { CborSerializer } from "@junctor/protocol/serializer/cbor";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";
import { joinBatch, splitBatch } from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import { Encoding, pool } from "./encoding.ts";
import { rawFraming, webSocketFraming } from "./framing.ts";

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
  const { frame } = serializer;
  const format = batchFormatOf(serializer);
  test.each([rawFraming, webSocketFraming(frame), webSocketFraming(frame, format)])(
    "a message that does not fit into the rest of the pool's chunk moves whole ($name)",
    (framing) => {
      const encoding = new Encoding(serializer, framing, 0);
      for (const message of messages) {
        const encoded = serializer.encode(message);
        const expected = framing.format === undefined ? Buffer.from(encoded) : joinBatch([encoded], frame);
        for (let room = 0; room <= expected.length + 3 * topic.length; room++) {
          pool.bytes = Buffer.alloc(BEFORE + room);
          pool.position = BEFORE;
          expect(encoding.write(message)).toBe(expected.length);
          const written = Buffer.from(pool.bytes.subarray(pool.position - expected.length, pool.position));
          expect(written.equals(expected), `${serializer.name}, type ${message.type}, with room for ${room} bytes`).toBe(true);
        }
      }
    },
  );

  test("written batches are joined up to 64 KiB, in order, and what is longer alone stays alone (TRN-BATCH-04)", () => {
    const framing = webSocketFraming(frame, format);
    const encoding = new Encoding(serializer, framing, 0);
    pool.bytes = Buffer.alloc(1 << 20);
    pool.position = 0;
    const sizes = [1, 50, 100, 200, 65_400, 200, 66_000, 3, 65_000, 1_000];
    const written = sizes.map((size) => Payload.of(["x".repeat(size)]));
    for (const payload of written) encoding.write({ type: MessageType.Result, request: 1, details: {}, payload });
    const joined = framing.join?.(pool.bytes.subarray(0, pool.position)) ?? new Uint8Array(0);
    const lengthOf = (bytes: Uint8Array) =>
      ((serializer.decode(bytes) as { payload: Payload }).payload.args?.[0] as string | undefined)?.length;
    const batches = contentsOf(Buffer.from(joined)).map((batch) => splitBatch(batch, frame).map(lengthOf));
    expect(batches).toEqual([[1, 50, 100, 200], [65_400], [200], [66_000], [3, 65_000], [1_000]]);
  });
});

/** What unmasked WebSocket frames hold (RFC 6455, 5.2). */
function contentsOf(frames: Buffer): Buffer[] {
  const contents: Buffer[] = [];
  for (let at = 0; at < frames.length; ) {
    const short = frames[at + 1] as number;
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    const length = short < 126 ? short : short === 126 ? frames.readUInt16BE(at + 2) : Number(frames.readBigUInt64BE(at + 2));
    contents.push(frames.subarray(start, start + length));
    at = start + length;
  }
  return contents;
}
