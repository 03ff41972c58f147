/**
 * Events as a disk store keeps them: records in a row, under a head with their checksum. One block holds what one commit
 * added to one log, so that an event costs its bytes and no write of its own.
 *
 *     block   u32 CRC-32 of what follows · u32 records · f64 the latest of their times · records
 *     record  u32 length of what follows · f64 publication · f64 time · u8 payload · u16 topic's length · u32 extra's length
 *             · topic · extra · payload's bytes
 *     payload 2 bits elements · 1 bit transparent · 5 bits serializer
 *     extra   JSON: details, audience, the session that a retained event is not for; absent where there is none of it
 *
 * Little endian. A change of this layout is a new `FORMAT`.
 */
import { crc32 } from "node:zlib";
import { type EventDetails, NO_OPTIONS, Payload, type PublicationId, type Serializer } from "@junctor/protocol";
import type { RetainedEvent, StoredEvent } from "@junctor/router";

export const FORMAT = 1;
/** Events of one block at most, and bytes after which a block takes no more: what is removed at once, and read at least. */
export const BLOCK_EVENTS = 256;
export const BLOCK_BYTES = 256 * 1024;

/** Something on the disk is not what was written. */
export class DamagedError extends Error {
  override readonly name = "DamagedError";
}

/** Serializers as records number them; 0 is for payloads without elements. */
const SERIALIZERS: readonly string[] = ["", "json", "msgpack", "cbor"];

interface Extra {
  readonly details?: EventDetails;
  readonly audience?: StoredEvent["audience"];
  readonly excluded?: number;
}

export class BlockWriter {
  #bytes: Buffer;
  #end = BLOCK_HEAD;
  #count = 0;
  #latest = Number.NEGATIVE_INFINITY;

  constructor(size = 1024) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count >= BLOCK_EVENTS || this.#end >= BLOCK_BYTES;
  }

  /**
   * Hot path of a realm with history: one call per event, on the router's thread. Bench: history.
   * @returns the bytes that it took
   */
  add(event: StoredEvent | RetainedEvent): number {
    const { topic, payload, time } = event;
    const extra = extraOf(event);
    const payloadLength = payload.end - payload.start;
    // A UTF-16 unit takes three bytes at most.
    this.#ensure(RECORD_HEAD + 3 * topic.length + 3 * extra.length + payloadLength);
    const bytes = this.#bytes;
    const start = this.#end;
    let at = start + RECORD_HEAD;
    const topicLength = bytes.write(topic, at);
    at += topicLength;
    const extraLength = extra === "" ? 0 : bytes.write(extra, at);
    at += extraLength;
    bytes.set(
      payload.start === 0 && payload.end === payload.buffer.length ? payload.buffer : payload.buffer.subarray(payload.start, payload.end),
      at,
    );
    at += payloadLength;
    bytes.writeUInt32LE(at - start - 4, start);
    bytes.writeDoubleLE(event.publication, start + 4);
    bytes.writeDoubleLE(time, start + 12);
    bytes[start + 20] = payload.length | (payload.isTransparent ? 4 : 0) | (serializerNumber(payload) << 3);
    bytes.writeUInt16LE(topicLength, start + 21);
    bytes.writeUInt32LE(extraLength, start + 23);
    this.#end = at;
    this.#count++;
    if (time > this.#latest) this.#latest = time;
    return at - start;
  }

  /** The block, but for its checksum, which `seal` adds where there is time for it. Ends the writer. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#bytes.writeUInt32LE(this.#count, 4);
    this.#bytes.writeDoubleLE(this.#latest, 8);
    return new Uint8Array(this.#bytes.buffer as ArrayBuffer, 0, this.#end);
  }

  #ensure(length: number): void {
    const needed = this.#end + length;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
  }
}

export function seal(block: Uint8Array): void {
  view(block).setUint32(0, crc32(block.subarray(4)), true);
}

export interface BlockHead {
  readonly count: number;
  /** The latest time of its events. */
  readonly latest: number;
}

/** @throws {DamagedError} */
export function checkBlock(block: Uint8Array): BlockHead {
  if (block.length < BLOCK_HEAD || view(block).getUint32(0, true) !== crc32(block.subarray(4)))
    throw new DamagedError("a block of events is not what was written");
  return headOf(block);
}

/** Of a block that is known to be sound. */
export function headOf(block: Uint8Array): BlockHead {
  return { count: view(block).getUint32(4, true), latest: view(block).getFloat64(8, true) };
}

/** An event that still has the bytes that it was read from. */
export interface RecordedEvent extends RetainedEvent {
  readonly record: Uint8Array;
}

/** The events of a block that was checked, in order. They refer to its bytes. */
export function readBlock(block: Uint8Array, serializers: readonly Serializer[]): RecordedEvent[] {
  return readRecords(block.subarray(BLOCK_HEAD), serializers);
}

/** Of records in a row. They refer to its bytes. */
export function readRecords(records: Uint8Array, serializers: readonly Serializer[]): RecordedEvent[] {
  const data = view(records);
  const events: RecordedEvent[] = [];
  for (let at = 0; at < records.length; ) {
    const length = 4 + data.getUint32(at, true);
    events.push(readRecord(records.subarray(at, at + length), serializers));
    at += length;
  }
  return events;
}

/** The records of events in a row, with bytes of their own. */
export function recordsOf(events: readonly RecordedEvent[]): Uint8Array<ArrayBuffer> {
  const records = new Uint8Array(events.reduce((length, { record }) => length + record.length, 0));
  let at = 0;
  for (const { record } of events) {
    records.set(record, at);
    at += record.length;
  }
  return records;
}

/** The publications of a block that was checked, without the rest. */
export function* publicationsOf(block: Uint8Array): IterableIterator<PublicationId> {
  const data = view(block);
  for (let at = BLOCK_HEAD; at < block.length; at += 4 + data.getUint32(at, true)) yield data.getFloat64(at + 4, true);
}

function readRecord(record: Uint8Array, serializers: readonly Serializer[]): RecordedEvent {
  const data = view(record);
  const flags = data.getUint8(20);
  const topicEnd = RECORD_HEAD + data.getUint16(21, true);
  const extraEnd = topicEnd + data.getUint32(23, true);
  const extra = topicEnd === extraEnd ? NO_EXTRA : (JSON.parse(text(record, topicEnd, extraEnd)) as Extra);
  const name = SERIALIZERS[flags >> 3];
  const source = serializers.find((serializer) => serializer.name === name);
  if (source === undefined && name !== "")
    throw new DamagedError(`an event's payload is in a format that is not known here (${flags >> 3})`);
  return {
    publication: data.getFloat64(4, true),
    time: data.getFloat64(12, true),
    topic: text(record, RECORD_HEAD, topicEnd),
    details: extra.details ?? NO_OPTIONS,
    audience: extra.audience,
    payload: payloadOf(source, record, extraEnd, flags),
    excluded: extra.excluded ?? 0,
    record,
  };
}

function payloadOf(source: Serializer | undefined, record: Uint8Array, start: number, flags: number): Payload {
  if (source === undefined) return Payload.EMPTY;
  if ((flags & 4) !== 0) return Payload.transparent(source, record, start, record.length);
  return Payload.encoded(source, record, start, record.length, (flags & 3) === 2 ? 2 : 1);
}

function extraOf(event: StoredEvent | RetainedEvent): string {
  const { details, audience } = event;
  const excluded = "excluded" in event ? event.excluded : 0;
  if (details === NO_OPTIONS && audience === undefined && excluded === 0) return "";
  const extra: Extra = {
    ...(details === NO_OPTIONS ? undefined : { details }),
    ...(audience === undefined ? undefined : { audience }),
    ...(excluded === 0 ? undefined : { excluded }),
  };
  return JSON.stringify(extra);
}

function serializerNumber({ source, length }: Payload): number {
  if (length === 0 || source === undefined) return 0;
  const number = SERIALIZERS.indexOf(source.name);
  if (number < 0) throw new TypeError(`the store knows no serializer ${source.name}`);
  return number;
}

function view({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8", start, end);
}

const NO_EXTRA: Extra = {};
const BLOCK_HEAD = 16;
const RECORD_HEAD = 27;
