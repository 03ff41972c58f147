/**
 * A page of history as the arguments of a RESULT: `[event, event, …]` (PS-HIST-04, AMB-82). Payloads are copied into it value
 * by value, without becoming JavaScript objects, so that a reader gets what a subscriber got: 1.0 stays a float.
 */
import { MAX_DEPTH, Payload, type SubscriptionId, type ValueSink, type ValueWriter } from "@junctor/protocol";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";
import type { HistoryPage, StoredEvent } from "../store/event-store.ts";
import type { Subscription } from "./broker.ts";
import { formatTimestamp } from "./timestamp.ts";

/** Where there are more events than the page holds, the keyword `more` says so. Where there are none, the list is there all the same. */
export function historyResult({ id, match }: Subscription, { events, hasMore }: HistoryPage): Payload {
  const writer = MSGPACK.valueWriter();
  writer.listStart(events.length);
  for (const event of events) writeEvent(event, id, match !== "exact", writer);
  writer.listEnd();
  if (hasMore) {
    writer.mapStart(1);
    writer.key("more");
    writer.bool(true);
    writer.mapEnd();
  }
  const bytes = writer.finish();
  return Payload.encoded(MSGPACK, bytes, 0, bytes.length, hasMore ? 2 : 1);
}

function writeEvent(
  { time, publication, topic, details, payload }: StoredEvent,
  id: SubscriptionId,
  isPattern: boolean,
  writer: ValueWriter,
) {
  const isTooDeep = !payload.isTransparent && depthOf(payload) + EVENT_DEPTH > MAX_DEPTH;
  writer.mapStart(-1);
  writer.key("timestamp");
  writer.text(formatTimestamp(time));
  writer.key("subscription");
  writer.int(id);
  writer.key("publication");
  writer.int(publication);
  writer.key("details");
  writeDetails(
    { ...details, ...(isPattern ? { topic } : undefined), ...(isTooDeep ? { payload_limit_exceeded: true } : undefined) },
    writer,
  );
  if (payload.isTransparent) {
    writer.key("args");
    writer.listStart(1);
    walk(payload, writer);
    writer.listEnd();
  } else if (!isTooDeep) walk(payload, new NamingSink(writer));
  writer.mapEnd();
}

function writeDetails(details: object, writer: ValueWriter): void {
  writer.mapStart(-1);
  for (const [name, value] of Object.entries(details) as [string, unknown][]) {
    writer.key(name);
    if (typeof value === "string") writer.text(value);
    else if (typeof value === "number") writer.int(value);
    else writer.bool(value === true);
  }
  writer.mapEnd();
}

function walk({ source, buffer, start, end, isTransparent, length }: Payload, sink: ValueSink): void {
  source?.walk(buffer, start, end, isTransparent ? 1 : length, sink);
}

function depthOf(payload: Payload): number {
  const sink = new DepthSink();
  walk(payload, sink);
  return sink.deepest;
}

/** Passes values on, the first at top level as `args`, the second as `kwargs`. */
class NamingSink implements ValueSink {
  readonly #sink: ValueSink;
  #depth = 0;
  #count = 0;

  constructor(sink: ValueSink) {
    this.#sink = sink;
  }

  null(): void {
    this.#sink.null();
  }
  bool(value: boolean): void {
    this.#sink.bool(value);
  }
  int(value: number | bigint): void {
    this.#sink.int(value);
  }
  float(value: number): void {
    this.#sink.float(value);
  }
  text(value: string): void {
    this.#sink.text(value);
  }
  binary(value: Uint8Array): void {
    this.#sink.binary(value);
  }
  key(value: string): void {
    this.#sink.key(value);
  }
  listStart(count: number): void {
    this.#open();
    this.#sink.listStart(count);
  }
  listEnd(): void {
    this.#depth--;
    this.#sink.listEnd();
  }
  mapStart(count: number): void {
    this.#open();
    this.#sink.mapStart(count);
  }
  mapEnd(): void {
    this.#depth--;
    this.#sink.mapEnd();
  }

  #open(): void {
    if (this.#depth++ === 0) this.#sink.key(this.#count++ === 0 ? "args" : "kwargs");
  }
}

class DepthSink implements ValueSink {
  deepest = 0;
  #depth = 0;

  null(): void {}
  bool(): void {}
  int(): void {}
  float(): void {}
  text(): void {}
  binary(): void {}
  key(): void {}
  listStart(): void {
    this.deepest = Math.max(this.deepest, ++this.#depth);
  }
  listEnd(): void {
    this.#depth--;
  }
  mapStart(): void {
    this.listStart();
  }
  mapEnd(): void {
    this.#depth--;
  }
}

/** The message's list, its arguments, and the event's dict: around what stands in a list of its own in an EVENT. */
const EVENT_DEPTH = 3;
const MSGPACK = new MsgpackSerializer();
