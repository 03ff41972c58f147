/** The serializers as Node.js runs them, and the encodings in use in this process. */
import { JsonSerializer, type Serializer } from "@junctor/protocol";
import { CborSerializer } from "@junctor/protocol/serializer/cbor";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";
import { Encoding } from "./encoding.ts";
import type { Framing } from "./framing.ts";
import { nodeText } from "./node-text.ts";

/** JSON, MessagePack and CBOR. */
export const nodeSerializers: readonly Serializer[] = [
  new JsonSerializer({ text: nodeText }),
  new MsgpackSerializer({ text: nodeText }),
  new CborSerializer({ text: nodeText }),
];

const known: Encoding[] = [];

/**
 * One object per pair, so that connections of the same kind share what they send. Serializers of one name are
 * interchangeable: another one of a known name shares the place, and is not kept.
 */
export function encodingOf(serializer: Serializer, framing: Framing): Encoding {
  const found = known.find((encoding) => encoding.serializer.name === serializer.name && encoding.framing === framing);
  if (found?.serializer === serializer) return found;
  if (found !== undefined) return new Encoding(serializer, framing, found.index);
  const made = new Encoding(serializer, framing, known.length);
  known.push(made);
  return made;
}
