/** A sink for values that are walked to see whether they are some. */
import type { ValueSink } from "./serializer.ts";

const nothing = () => {};

export const NOWHERE: ValueSink = Object.freeze({
  null: nothing,
  bool: nothing,
  int: nothing,
  float: nothing,
  text: nothing,
  binary: nothing,
  key: nothing,
  listStart: nothing,
  listEnd: nothing,
  mapStart: nothing,
  mapEnd: nothing,
});
