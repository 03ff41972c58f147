/**
 * Decode: bytes as they come from a socket → message, with everything checked. By serializer, message and size of payload;
 * `JSON.parse` of the same bytes beside it. Hot path 1 of 4.
 */
import { Payload } from "@junctor/protocol";
import { nodeSerializers } from "@junctor/transport-node";
import { measure } from "./measure.mjs";

const CALL = 48;
const sizes = [16, 4096, 65536];

for (const serializer of nodeSerializers) {
  for (const size of sizes) {
    const payload = Payload.of(["x".repeat(size)]);
    const bytes = Buffer.from(
      serializer.encode({ type: CALL, request: 123456, options: {}, procedure: "com.example.bench.echo0", payload }),
    );
    measure(`${serializer.name}: CALL with ${size} B of text`, (count) => {
      let last;
      for (let i = 0; i < count; i++) last = serializer.decode(bytes);
      return last;
    });
    if (serializer.name === "json") {
      measure(`JSON.parse: the same`, (count) => {
        let last;
        for (let i = 0; i < count; i++) last = JSON.parse(bytes.latin1Slice(0, bytes.length));
        return last;
      });
    }
  }
  const kwargs = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [`field_${i}`, { value: i * 1.5, name: `item ${i} ÄÖ`, ok: true }]),
  );
  const bytes = Buffer.from(
    serializer.encode({
      type: CALL,
      request: 123456,
      options: {},
      procedure: "com.example.bench.echo0",
      payload: Payload.of([1, 2, 3], kwargs),
    }),
  );
  measure(`${serializer.name}: CALL with ${bytes.length} B of objects`, (count) => {
    let last;
    for (let i = 0; i < count; i++) last = serializer.decode(bytes);
    return last;
  });
  if (serializer.name === "json") {
    measure(`JSON.parse: the same`, (count) => {
      let last;
      for (let i = 0; i < count; i++) last = JSON.parse(bytes.utf8Slice(0, bytes.length));
      return last;
    });
  }
}
