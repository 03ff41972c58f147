import { expect, test } from "vitest";
import { encodingOf, nodeSerializers } from "./encodings.ts";
import { rawFraming } from "./framing.ts";

test("serializers of one name share their place in the table of frames, however many there are", () => {
  const places = new Set<number>();
  for (let i = 0; i < 100; i++) {
    const serializer = Object.create(nodeSerializers[0] ?? null) as NonNullable<(typeof nodeSerializers)[0]>;
    places.add(encodingOf(serializer, rawFraming).index);
  }
  expect(places.size).toBe(1);
});
