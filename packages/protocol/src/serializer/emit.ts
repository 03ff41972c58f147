/** JavaScript values into a `ValueSink`. What an application may pass as arguments is decided here, for all formats. */
import { SerializationError } from "../error.ts";
import { MAX_ID } from "../id.ts";
import { narrow } from "./integer.ts";
import { MAX_DEPTH, type ValueSink } from "./serializer.ts";

/** Each value of the list, one after another, without brackets around them: the tail of a message. */
export function emitList(values: readonly unknown[], sink: ValueSink): void {
  for (const value of values) emit(value, sink, 1);
}

/**
 * Objects with a `toJSON` method (dates, for example) are what it returns; `Map` is a map; array buffers and their views
 * are binary; all other objects are their own properties, so that `Set` and `Error` are empty maps, as in JSON. In a map,
 * `undefined`, functions and symbols are left out, as in JSON: an object's methods are no data. Elsewhere `undefined` is null.
 *
 * @throws {SerializationError} for a cycle, a nesting deeper than the protocol's limit, or a function or symbol in a list
 */
export function emit(value: unknown, sink: ValueSink, depth: number): void {
  switch (typeof value) {
    case "string":
      sink.text(value);
      return;
    case "number":
      emitNumber(value, sink);
      return;
    case "boolean":
      sink.bool(value);
      return;
    case "bigint":
      sink.int(narrow(value));
      return;
    case "object":
      if (value === null) sink.null();
      else emitObject(value, sink, depth);
      return;
    case "undefined":
      sink.null();
      return;
    default:
      throw new SerializationError(`a ${typeof value} is no data`);
  }
}

function emitNumber(value: number, sink: ValueSink): void {
  // -0 is no integer in any of the formats.
  if (Number.isInteger(value) && Math.abs(value) <= MAX_ID && !Object.is(value, -0)) sink.int(value);
  else sink.float(value);
}

function emitObject(value: object, sink: ValueSink, depth: number): void {
  if (value instanceof Uint8Array) {
    sink.binary(value);
    return;
  }
  if (ArrayBuffer.isView(value)) {
    sink.binary(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    return;
  }
  if (value instanceof ArrayBuffer) {
    sink.binary(new Uint8Array(value));
    return;
  }
  if (depth >= MAX_DEPTH) throw new SerializationError(`a value is nested deeper than ${MAX_DEPTH} levels, or contains itself`);
  if (Array.isArray(value)) {
    sink.listStart(value.length);
    for (const element of value) emit(element, sink, depth + 1);
    sink.listEnd();
  } else if (value instanceof Map) {
    sink.mapStart(value.size);
    for (const [key, element] of value) {
      sink.key(String(key));
      emit(element, sink, depth + 1);
    }
    sink.mapEnd();
  } else if ("toJSON" in value && typeof value.toJSON === "function") {
    emit(value.toJSON(), sink, depth + 1);
  } else {
    const map = value as Record<string, unknown>;
    const keys = Object.keys(map);
    let count = 0;
    for (const key of keys) if (isEncodable(map[key])) count++;
    sink.mapStart(count);
    for (const key of keys) {
      const element = map[key];
      if (!isEncodable(element)) continue;
      sink.key(key);
      emit(element, sink, depth + 1);
    }
    sink.mapEnd();
  }
}

function isEncodable(value: unknown): boolean {
  return value !== undefined && typeof value !== "function" && typeof value !== "symbol";
}
