import { describe, expect, test } from "vitest";
import { ProtocolError } from "../error.ts";
import type { Message } from "../message/message.ts";
import { CborSerializer } from "../serializer/cbor.ts";
import { JsonSerializer } from "../serializer/json.ts";
import { MsgpackSerializer } from "../serializer/msgpack.ts";
import type { Serializer } from "../serializer/serializer.ts";
import { BatchReader, batchFormatOf, separatedByCancel } from "./batch.ts";

const json = new JsonSerializer();
const msgpack = new MsgpackSerializer();
const cbor = new CborSerializer();
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

/** The messages of a batch that lies between other bytes. */
function read(serializer: Serializer, batch: Uint8Array): Message[] {
  const reader = new BatchReader(batchFormatOf(serializer));
  const around = Buffer.concat([Uint8Array.of(1, 0x1e), batch, Uint8Array.of(0x1e, 0, 0, 0, 1, 2)]);
  reader.begin(around, 2, 2 + batch.length);
  const messages: Message[] = [];
  for (let message = reader.next(serializer); message !== undefined; message = reader.next(serializer)) messages.push(message);
  return messages;
}

// [66, n, 7] is UNREGISTER
describe.each([
  ["json", json, Buffer.from("[66,1,7]\x1e[66,2,7]\x1e").toString("hex")],
  ["json, separated as Autobahn|Python does (AMB-33)", json, Buffer.from("[66,1,7]\x18[66,2,7]\x18").toString("hex")],
  ["msgpack", msgpack, "00000004 93420107 00000004 93420207"],
  ["cbor", cbor, "00000005 8318420107 00000005 8318420207"],
])("%s", (_name, serializer, batch) => {
  test("messages of a batch come in order, each as it would alone (TRN-BATCH-02, TRN-BATCH-03, TRN-BATCH-07)", () => {
    expect(read(serializer, bytesOf(batch))).toMatchObject([
      { request: 1, registration: 7 },
      { request: 2, registration: 7 },
    ]);
  });

  test("one may be alone in it (TRN-BATCH-04)", () => {
    const whole = bytesOf(batch);
    expect(read(serializer, whole.subarray(0, whole.length / 2))).toMatchObject([{ request: 1 }]);
  });

  test("a batch that is cut anywhere within a message is malformed, and an empty one (TRN-BATCH-05, TRN-BATCH-06)", () => {
    const whole = bytesOf(batch);
    for (let length = 0; length < whole.length; length++) {
      if (length === whole.length / 2) continue;
      expect(() => read(serializer, whole.subarray(0, length)), `cut at ${length}`).toThrow(
        expect.objectContaining({ code: expect.stringMatching("FRAMING|MALFORMED_BYTES") }),
      );
    }
  });
});

test.each([
  ["a length beyond the data", msgpack, "00000005 93420107"],
  ["a length beyond any data", msgpack, "ffffffff 93420107"],
  ["a length of three octets", msgpack, "00000004 93420107 000000"],
  ["no separator behind the last message", json, Buffer.from("[66,1,7]\x1e[66,2,7]").toString("hex")],
  ["nothing", json, ""],
])("%s is no batch (TRN-BATCH-05, TRN-BATCH-06)", (_what, serializer, batch) => {
  expect(() => read(serializer, bytesOf(batch))).toThrow(expect.objectContaining({ code: "FRAMING" }));
});

test.each([
  ["a message of no octets", msgpack, "00000000 00000004 93420107"],
  ["a message of no octets", json, Buffer.from("\x1e[66,1,7]\x1e").toString("hex")],
  ["octets behind the message, within its length", msgpack, "00000005 93420107 00"],
])("%s is no message", (_what, serializer, batch) => {
  expect(() => read(serializer, bytesOf(batch))).toThrow(expect.objectContaining({ code: expect.stringMatching("MALFORMED") }));
});

test("what comes before a malformed message has been heard (TRN-BATCH-07)", () => {
  const reader = new BatchReader(batchFormatOf(cbor));
  const batch = bytesOf("00000005 8318420107 00000009 00");
  reader.begin(batch, 0, batch.length);
  expect(reader.next(cbor)).toMatchObject({ request: 1 });
  expect(() => reader.next(cbor)).toThrow(ProtocolError);
});

test.each([
  [batchFormatOf(json), "ababab1e"],
  [separatedByCancel, "ababab18"],
  [batchFormatOf(msgpack), "00000003ababab"],
])("a message is enclosed ($0.name, TRN-BATCH-02, TRN-BATCH-03)", (format, expected) => {
  const bytes = new Uint8Array(format.headSize + 3 + format.tailSize + 4).fill(0xab);
  format.enclose(bytes, 2, bytes.length - 2);
  expect(Buffer.from(bytes).toString("hex")).toBe(`abab${expected}abab`);
});
