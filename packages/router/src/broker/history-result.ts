/**
 * A page of history as the arguments of a RESULT: `[event, event, …]` (PS-HIST-04, AMB-82), in the reader's format. Payloads that
 * have it already are copied into the page as the bytes that they are; others are transcoded value by value, without becoming
 * JavaScript objects, so that a reader gets what a subscriber got: 1.0 stays a float.
 *
 * An event whose payload the reader cannot be given is in the page without it, and marked: what one publisher sends hides
 * nobody else's events.
 */
import { Payload, ProtocolError, SerializationError, type Serializer, type ValueWriter } from "@junctor/protocol";
import type { HistoryPage, StoredEvent } from "../store/event-store.ts";
import type { Subscription } from "./broker.ts";
import { timestampFormatter } from "./timestamp.ts";

/** Where there are more events than the page holds, the keyword `more` says so. Where there are none, the list is there all the same. */
export function historyResult({ id, match }: Subscription, { events, hasMore }: HistoryPage, format: Serializer): Payload {
  const writer = format.valueWriter();
  writer.listStart(events.length);
  const formatTime = timestampFormatter();
  for (const event of events) {
    writer.mapStart(-1);
    writer.key("timestamp");
    writer.text(formatTime(event.time));
    writer.key("subscription");
    writer.int(id);
    writeEvent(event, match !== "exact", format, writer);
    writer.mapEnd();
  }
  writer.listEnd();
  if (hasMore) {
    writer.mapStart(1);
    writer.key("more");
    writer.bool(true);
    writer.mapEnd();
  }
  const bytes = writer.finish();
  return Payload.encoded(format, bytes, 0, bytes.length, hasMore ? 2 : 1);
}

/** What an event says of itself. */
function writeEvent(
  { publication, topic, details, payload }: StoredEvent,
  isPattern: boolean,
  format: Serializer,
  writer: ValueWriter,
): void {
  const values = valuesOf(payload, format);
  writer.key("publication");
  writer.int(publication);
  writer.key("details");
  writer.mapStart(-1);
  for (const [name, value] of Object.entries(details) as [string, unknown][]) writeDetail(name, value, writer);
  if (isPattern) writeDetail("topic", topic, writer);
  if (values === undefined) writeDetail("payload_limit_exceeded", true, writer);
  writer.mapEnd();
  if (values !== undefined) writeValues(values, payload.isTransparent, writer);
}

function writeDetail(name: string, value: unknown, writer: ValueWriter): void {
  if (typeof value === "string") {
    if (value.charCodeAt(0) === 0) return; // [AMB-28] In a JSON payload it would arrive as bytes.
    writer.key(name);
    writer.text(value);
  } else {
    writer.key(name);
    if (typeof value === "number") writer.int(value);
    else writer.bool(value === true);
  }
}

function writeValues({ bytes, bounds }: EncodedValues, isTransparent: boolean, writer: ValueWriter): void {
  const [argsStart, argsEnd, kwargsStart, kwargsEnd] = bounds;
  if (argsStart === undefined || argsEnd === undefined) return;
  writer.key("args");
  if (isTransparent) writer.listStart(1);
  writer.encoded(bytes, argsStart, argsEnd);
  if (isTransparent) writer.listEnd();
  if (kwargsStart === undefined || kwargsEnd === undefined) return;
  writer.key("kwargs");
  writer.encoded(bytes, kwargsStart, kwargsEnd);
}

interface EncodedValues {
  readonly bytes: Uint8Array;
  readonly bounds: readonly number[];
}

/** @returns `undefined` where they would be nested too deep in the page, which would end the reader's session, or have no form in its format */
function valuesOf({ source, buffer, start, end, length, isTransparent }: Payload, format: Serializer): EncodedValues | undefined {
  if (source === undefined) return NO_VALUES;
  const count = isTransparent ? 1 : length;
  const depth = isTransparent ? EVENT_DEPTH + 1 : EVENT_DEPTH;
  try {
    if (source.name === format.name) return { bytes: buffer, bounds: source.bounds(buffer, start, end, count, depth) };
    // Not `Payload.bytes`, which keeps what it has made as long as the payload is kept.
    const writer = format.valueWriter();
    source.walk(buffer, start, end, count, writer);
    const bytes = writer.finish();
    return { bytes, bounds: format.bounds(bytes, 0, bytes.length, count, depth) };
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof SerializationError) return undefined;
    throw error;
  }
}

/** The message's list, its arguments, and the event's dict: around what stands in a list of its own in an EVENT. */
const EVENT_DEPTH = 3;
const NO_VALUES: EncodedValues = { bytes: new Uint8Array(0), bounds: [] };
