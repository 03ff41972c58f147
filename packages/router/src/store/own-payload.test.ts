// Payloads for longer than a turn: what they were read into may be used again.
import { JsonSerializer, Payload } from "@junctor/protocol";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";
import { describe, expect, test } from "vitest";
import { ownPayload, PassingPayloads } from "./own-payload.ts";

const json = new JsonSerializer();
const passing = new PassingPayloads();

describe.each([
  ["for keeping", ownPayload],
  ["for passing on", (payload: Payload) => passing.own(payload)],
])("a payload %s", (_for, own) => {
  test("stays what it was, whatever becomes of the bytes that it came in and however many follow it", () => {
    const kept = Array.from({ length: 400 }, (_, i) => {
      const bytes = new TextEncoder().encode(`..[${i},"${"x".repeat(i * 20)}"],{"a":1}..`);
      const owned = own(Payload.encoded(json, bytes, 2, bytes.length - 2, 2));
      bytes.fill(0);
      return owned;
    });
    expect(kept.map((payload) => [payload?.args, payload?.kwargs])).toEqual(
      Array.from({ length: 400 }, (_, i) => [[i, "x".repeat(i * 20)], { a: 1 }]),
    );
  });

  test("is transparent, or empty, or of values, if it was (E2EE-02)", () => {
    const item = Payload.transparent(new MsgpackSerializer(), new Uint8Array([0xc4, 1, 7]), 0, 3);
    expect(own(item)).toMatchObject({ isTransparent: true, item: new Uint8Array([7]) });
    expect(own(Payload.EMPTY)?.length).toBe(0);
    expect(own(Payload.of([1], { a: 2 }))).toMatchObject({ args: [1], kwargs: { a: 2 } });
    expect(own(Payload.of([() => 1]))).toBeUndefined();
  });
});
