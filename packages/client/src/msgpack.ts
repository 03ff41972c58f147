/** MessagePack for `connect`'s `serializers`. */
import type { Serializer } from "@junctor/protocol";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";

export function msgpack(): Serializer {
  return new MsgpackSerializer();
}
