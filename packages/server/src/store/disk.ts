/**
 * A disk store's files: an LMDB environment, written by one process at a time, each commit one transaction.
 *
 *     meta      "format" → FORMAT · "owner" → the token of the process that writes · "log <match> <uri>" → number of the log
 *     ends      number of a log → the log's next place and its size, with a checksum
 *     history   [number of a log, place of the first event] → block
 *     retained  SHA-256 of a topic → block
 *
 * A commit is on the disk when `commit` returns. LMDB writes new pages beside the old, has the kernel write them through
 * (fdatasync), and only then writes, synchronously (O_DSYNC), the one page that makes them count: whenever the process or
 * the machine stops, all of a commit is there or nothing. That is LMDB's own mode, and has to be asked for: by default
 * `lmdb` turns on `overlappingSync`, with which most of its writes are reported before they are flushed. A test looks at
 * the system calls.
 *
 * Everything here waits for the disk, so it runs in a worker of its own.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { PublicationId, Serializer } from "@junctor/protocol";
import { type HistoryPage, type HistoryQuery, type HistoryTopic, PageBuilder, rangeOf } from "@junctor/router";
import { type Database, open, type RootDatabase } from "lmdb";
import type { LogBlock, RetainedBlock } from "./disk-messages.ts";
import { BLOCK_EVENTS, checkBlock, FORMAT, headOf, publicationsOf, type RecordedEvent, readBlock, seal } from "./record.ts";
import { prepareDirectory, UnusableError } from "./store-directory.ts";

/** Places are counted from a log's first event ever. */
type Place = number;

interface Log {
  /** As the disk numbers it. */
  readonly number: number;
  readonly topic: HistoryTopic;
  /** Place of the oldest event, and of the next. */
  first: Place;
  next: Place;
  /** Of all its blocks. */
  bytes: number;
}

interface PlacedBlock {
  readonly place: Place;
  readonly block: Uint8Array;
}

export class Disk {
  readonly #root: RootDatabase<unknown, string>;
  readonly #meta: Database<unknown, string>;
  readonly #ends: Database<Buffer, number>;
  readonly #history: Database<Uint8Array, [number, Place]>;
  readonly #retained: Database<Uint8Array, Uint8Array>;
  readonly #serializers: readonly Serializer[];
  readonly #owner: string;
  /** By the number that the store gave them. */
  readonly #logs = new Map<number, Log>();

  /**
   * @param path a directory; made where there is none
   * @param owner a token of this process alone. Who opens a store last owns it; whoever had it before can write no more
   * @throws {UnusableError} the directory cannot be used, or its format is not known here
   */
  constructor(path: string, owner: string, serializers: readonly Serializer[]) {
    this.#owner = owner;
    this.#serializers = serializers;
    prepareDirectory(path);
    this.#root = open<unknown, string>({ path, noSubdir: false, overlappingSync: false, maxDbs: 4, encoding: "json" });
    this.#meta = this.#root.openDB<unknown, string>({ name: "meta", encoding: "json" });
    const format = this.#meta.get("format") ?? FORMAT;
    if (format !== FORMAT) {
      void this.#root.close();
      throw new UnusableError(
        `its format is ${String(format)}, and this version of Junctor knows ${FORMAT}`,
        "start the version of Junctor that wrote it, or name another directory",
      );
    }
    this.#ends = this.#root.openDB<Buffer, number>({ name: "ends", encoding: "binary" });
    this.#history = this.#root.openDB<Uint8Array, [number, Place]>({ name: "history", encoding: "binary" });
    this.#retained = this.#root.openDB<Uint8Array, Uint8Array>({ name: "retained", encoding: "binary", keyEncoding: "binary" });
    this.#root.transactionSync(() => {
      this.#meta.putSync("format", FORMAT);
      this.#meta.putSync("owner", owner);
    });
  }

  /** All that is retained. What is damaged is only counted: a value that is missing is asked for again, a wrong one is believed. */
  retained(): { readonly retained: readonly Uint8Array[]; readonly damaged: number } {
    const all = [...this.#retained.getRange()].map(({ value }) => value);
    const retained = all.filter(isSound);
    return { retained, damaged: all.length - retained.length };
  }

  openLog(id: number, topic: HistoryTopic, now: number): void {
    this.#write(() => {
      const name = `log ${topic.match} ${topic.uri}`;
      let number = this.#meta.get(name);
      if (typeof number !== "number") {
        number = this.#lastLog() + 1;
        this.#meta.putSync(name, number);
      }
      const log = this.#logState(number as number, topic);
      this.#trim(log, now);
      this.#ends.putSync(log.number, encodeEnd(log));
      this.#logs.set(id, log);
    });
  }

  /** Takes all of it or nothing, and returns when it is on the disk. */
  commit(blocks: readonly LogBlock[], retained: readonly RetainedBlock[]): void {
    const changed = new Map<number, Log>();
    const now = Math.max(...blocks.map(({ block }) => headOf(block).latest));
    this.#write(() => {
      for (const { log: id, count, block } of blocks) {
        const log = changed.get(id) ?? { ...this.#log(id) };
        changed.set(id, log);
        seal(block);
        this.#history.putSync([log.number, log.next], block);
        log.next += count;
        log.bytes += block.length;
      }
      for (const log of changed.values()) {
        this.#trim(log, now);
        this.#ends.putSync(log.number, encodeEnd(log));
      }
      for (const { topic, block } of retained) {
        const key = createHash("sha256").update(topic).digest();
        if (block === undefined) this.#retained.removeSync(key);
        else {
          seal(block);
          this.#retained.putSync(key, block);
        }
      }
    });
    for (const [id, log] of changed) this.#logs.set(id, log);
  }

  /** @throws {DamagedError} a block that had to be read is not what was written */
  read(id: number, query: HistoryQuery): HistoryPage<RecordedEvent> {
    const log = this.#log(id);
    const builder = new PageBuilder<RecordedEvent>(query, log.topic);
    const [from, to] = rangeOf(query, (publication) => this.#placeOf(log, publication)) ?? [0, 0];
    const start = Math.max(from, log.first, log.next - log.topic.events);
    const end = Math.min(to, log.next);
    if (start >= end) return builder.page;
    for (const { place, block } of query.reverse ? this.#blocksDown(log, end - 1, start) : this.#blocksUp(log, start, end)) {
      const head = checkBlock(block);
      const events = readBlock(block, this.#serializers);
      for (let i = 0; i < head.count; i++) {
        const index = query.reverse ? head.count - 1 - i : i;
        const event = events[index];
        if (event === undefined || place + index < start || place + index >= end) continue;
        if (builder.add(event)) return builder.page;
      }
    }
    return builder.page;
  }

  close(): Promise<void> {
    return this.#root.close();
  }

  #log(id: number): Log {
    const log = this.#logs.get(id);
    if (log === undefined) throw new TypeError(`the log ${id} was not opened`);
    return log;
  }

  #lastLog(): number {
    let last = 0;
    for (const { value } of this.#meta.getRange({ start: "log ", end: "log!" }))
      if (typeof value === "number" && value > last) last = value;
    return last;
  }

  /** One transaction, unless another process has opened the store in the meantime. */
  #write(change: () => void): void {
    this.#root.transactionSync(() => {
      if (this.#meta.get("owner") !== this.#owner) throw new LostError("another process has opened the store");
      change();
    });
  }

  /** Where a log begins and ends. Its end is believed if its checksum is right, else found out. */
  #logState(number: number, topic: HistoryTopic): Log {
    const end = decodeEnd(this.#ends.get(number));
    const first = this.#firstPlaces(number, 0)[0] ?? end?.next ?? 0;
    if (end !== undefined) return { number, topic, first, ...end };
    let [next, bytes] = [first, 0];
    for (const { key, value } of this.#history.getRange({ start: [number, 0], end: [number + 1, 0] })) {
      next = key[1] + (isSound(value) ? checkBlock(value).count : BLOCK_EVENTS);
      bytes += value.length;
    }
    return { number, topic, first, next, bytes };
  }

  /** The places of the first two blocks from `start`. */
  #firstPlaces(number: number, start: Place): Place[] {
    return [...this.#history.getKeys({ start: [number, start], end: [number + 1, 0], limit: 2 })].map(([, place]) => place);
  }

  /** Removes the oldest blocks of a log that has more than its limits; of its limit on events at least as many stay. */
  #trim(log: Log, now: number): void {
    const { number, topic } = log;
    for (;;) {
      const [place, after = log.next] = this.#firstPlaces(number, log.first);
      if (place === undefined) return;
      const block = this.#history.get([number, place]) ?? NOTHING;
      const isLast = after === log.next;
      const isSurplus = !isLast && (log.next - after >= topic.events || log.bytes > topic.bytes);
      if (!isSurplus && !isOlder(block, now - topic.ageMs)) return;
      this.#history.removeSync([number, place]);
      log.first = after;
      log.bytes -= block.length;
    }
  }

  /** From the newest: who catches up has seen nearly all. */
  #placeOf(log: Log, publication: PublicationId): Place | undefined {
    for (const { place, block } of this.#blocksDown(log, log.next - 1, log.first)) {
      checkBlock(block);
      let at = place;
      for (const other of publicationsOf(block)) {
        if (other === publication) return at;
        at++;
      }
    }
    return undefined;
  }

  /** The blocks that hold the events from `start` to before `end`. */
  *#blocksUp({ number }: Log, start: Place, end: Place): IterableIterator<PlacedBlock> {
    const [first = start] = [...this.#history.getKeys({ start: [number, start], end: [number, -1], reverse: true, limit: 1 })].map(
      ([, place]) => place,
    );
    for (const { key, value } of this.#history.getRange({ start: [number, first], end: [number, end] }))
      yield { place: key[1], block: value };
  }

  /** The blocks that hold the events from `last` down to `start`. */
  *#blocksDown({ number }: Log, last: Place, start: Place): IterableIterator<PlacedBlock> {
    for (const { key, value } of this.#history.getRange({ start: [number, last], end: [number, -1], reverse: true })) {
      yield { place: key[1], block: value };
      if (key[1] <= start) return;
    }
  }
}

/** The store belongs to somebody else now. */
export class LostError extends Error {
  override readonly name = "LostError";
}

function isSound(block: Uint8Array): boolean {
  try {
    checkBlock(block);
    return true;
  } catch {
    return false;
  }
}

/** A block that is damaged has no age. */
function isOlder(block: Uint8Array, time: number): boolean {
  return time > Number.NEGATIVE_INFINITY && isSound(block) && checkBlock(block).latest <= time;
}

function encodeEnd({ next, bytes }: Log): Buffer {
  const end = Buffer.alloc(20);
  end.writeDoubleLE(next, 4);
  end.writeDoubleLE(bytes, 12);
  end.writeUInt32LE(crc32(end.subarray(4)));
  return end;
}

function decodeEnd(end: Buffer | undefined): { readonly next: Place; readonly bytes: number } | undefined {
  if (end?.length !== 20 || end.readUInt32LE(0) !== crc32(end.subarray(4))) return undefined;
  return { next: end.readDoubleLE(4), bytes: end.readDoubleLE(12) };
}

const NOTHING = new Uint8Array(0);
