/** CBOR for `connect`'s `serializers`. */
import type { Serializer } from "@junctor/protocol";
import { CborSerializer } from "@junctor/protocol/serializer/cbor";

export function cbor(): Serializer {
  return new CborSerializer();
}
