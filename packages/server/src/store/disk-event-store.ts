/**
 * Events on a disk: a store whose PUBLISHED means that the event is there, whatever becomes of the process or the machine
 * (reliability G3, G12).
 *
 * One commit is under way at a time; what arrives meanwhile is the next one. So an event waits for the rest of the commit
 * before it and for its own, and a busy realm commits many events at once. Retained values travel along; nobody waits for
 * them (PS-RETAIN-06).
 */
import type { Serializer } from "@junctor/protocol";
import {
  type Append,
  type EventLog,
  type EventStore,
  type HistoryPage,
  type HistoryQuery,
  type HistoryTopic,
  type Refusal,
  type RetainedEvent,
  RetainedEvents,
  RouterError,
  refusal,
} from "@junctor/router";
import type { StoreEvent } from "../log.ts";
import type { DiskReply, DiskRequest, LogBlock, RetainedBlock } from "./disk-messages.ts";
import { BlockWriter, readBlock, readRecords } from "./record.ts";

/** The way to a disk's worker. Replies come in the order of requests. */
export interface DiskPort {
  /** @param transfer what becomes the worker's own */
  post(request: DiskRequest, transfer: readonly ArrayBuffer[]): void;
  /** To be set by the store. */
  onReply: (reply: DiskReply) => void;
  /** The worker is gone, and why. To be set by the store. */
  onLost: (message: string) => void;
  /** Ends the worker. */
  end(): Promise<void>;
}

export interface DiskStoreOptions {
  /** For the log. */
  readonly path: string;
  /** What was retained, as the worker found it. */
  readonly retained: readonly Uint8Array[];
  /** How many retained values it found damaged. */
  readonly damaged: number;
  readonly serializers: readonly Serializer[];
  /** Bytes that may wait for the disk; events beyond them are refused. */
  readonly queueBytes: number;
  /** Milliseconds since 1970. */
  readonly date: () => number;
  /** Runs a task when what the event loop has read now is handled, so that one commit takes all of it. */
  readonly afterTurn: (task: () => void) => void;
  readonly log: (event: StoreEvent) => void;
}

/** What the next commit takes. */
interface Group {
  readonly appends: Append[];
  readonly blocks: Map<number, BlockWriter[]>;
  readonly retained: Map<string, readonly RetainedEvent[]>;
  bytes: number;
}

export class DiskEventStore implements EventStore {
  readonly kind = "disk";
  readonly retained: RetainedEvents;
  readonly #port: DiskPort;
  readonly #options: DiskStoreOptions;
  readonly #replies: ((reply: DiskReply) => void)[] = [];
  #logCount = 0;
  #group: Group = createGroup();
  /** Bytes of the next commit and of the one that is under way. */
  #queued = 0;
  /** Room that a block starts with: what the last one took, so that it need not grow. */
  #blockSize = 1024;
  #isCommitting = false;
  #isScheduled = false;
  /** Why nothing can be stored any more. */
  #failure: string | undefined = undefined;
  #isFailing = false;
  /** The worker is, and answers nothing. */
  #isGone = false;
  #whenIdle: (() => void) | undefined = undefined;

  constructor(port: DiskPort, options: DiskStoreOptions) {
    this.#port = port;
    this.#options = options;
    this.retained = new RetainedEvents((topic, events) => this.#retain(topic, events));
    const values = options.retained.map((block) => readBlock(block, options.serializers));
    const changed = (events: readonly RetainedEvent[]) => events.at(-1)?.time ?? 0;
    for (const events of values.sort((a, b) => changed(a) - changed(b))) this.retained.restore(events[0]?.topic ?? "", events);
    const { damaged } = options;
    if (damaged > 0) this.#logDamage(damaged === 1 ? "a retained value is missing" : `${damaged} retained values are missing`);
    port.onReply = (reply) => this.#replies.shift()?.(reply);
    port.onLost = (message) => this.#lost(message);
  }

  openLog(topic: HistoryTopic): EventLog {
    const log = new DiskEventLog(this.#logCount++, topic, (query, answer) => this.#read(log, query, answer));
    this.#ask({ kind: "log", log: log.id, topic, now: this.#options.date() }, (reply) => {
      if (reply.kind === "failed") this.#failed(reply.message, true);
    });
    return log;
  }

  append(append: Append): void {
    const { event, logs } = append;
    if (event !== undefined) {
      const { queueBytes } = this.#options;
      if (this.#failure !== undefined) return append.settle(refusal(RouterError.storeFailed, this.#failure));
      if (this.#queued >= queueBytes) return append.settle(refusal(RouterError.limitExceeded, "store.queueSize", queueBytes));
      for (const log of logs) if (log instanceof DiskEventLog) this.#count(this.#writer(log.id).add(event));
    }
    this.#group.appends.push(append);
    this.#schedule();
  }

  /** Commits what is there, and gives the files back. */
  async close(): Promise<void> {
    if (this.#isCommitting || this.#isScheduled) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    if (this.#failure === undefined) await new Promise<void>((resolve) => this.#ask({ kind: "close" }, () => resolve()));
    this.#failure ??= "the router has been closed";
    await this.#port.end();
  }

  #writer(log: number): BlockWriter {
    const writers = this.#group.blocks.get(log) ?? [];
    const last = writers.at(-1);
    if (last !== undefined && !last.isFull) return last;
    const writer = new BlockWriter(this.#blockSize);
    writers.push(writer);
    this.#group.blocks.set(log, writers);
    return writer;
  }

  #count(bytes: number): void {
    this.#group.bytes += bytes;
    this.#queued += bytes;
  }

  #retain(topic: string, events: readonly RetainedEvent[]): void {
    if (this.#failure !== undefined) return;
    this.#group.retained.set(topic, events);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isCommitting || this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.afterTurn(() => {
      this.#isScheduled = false;
      this.#commit();
    });
  }

  #commit(): void {
    const group = this.#group;
    this.#group = createGroup();
    if (this.#failure !== undefined || (group.blocks.size === 0 && group.retained.size === 0)) {
      this.#queued -= group.bytes;
      this.#settle(group, this.#failure === undefined ? undefined : refusal(RouterError.storeFailed, this.#failure));
      return;
    }
    this.#isCommitting = true;
    const blocks: LogBlock[] = [];
    for (const [log, writers] of group.blocks)
      for (const writer of writers) {
        const block = writer.finish();
        blocks.push({ log, count: writer.count, block });
        this.#blockSize = Math.min(block.length, LARGEST_START);
      }
    const retained: RetainedBlock[] = [];
    for (const [topic, events] of group.retained) retained.push({ topic, block: retainedBlock(events) });
    const transfer = [...blocks, ...retained].flatMap(({ block }) => (block === undefined ? [] : [block.buffer]));
    this.#ask({ kind: "commit", blocks, retained }, (reply) => this.#committed(group, reply), transfer);
  }

  #committed(group: Group, reply: DiskReply): void {
    this.#isCommitting = false;
    this.#queued -= group.bytes;
    if (reply.kind !== "failed") {
      if (this.#isFailing) this.#options.log({ event: "store.recovered", path: this.#options.path });
      this.#isFailing = false;
      this.#settle(group, undefined);
    } else {
      // What was retained is tried again with what comes next, unless that is newer.
      for (const [topic, events] of group.retained) if (!this.#group.retained.has(topic)) this.#group.retained.set(topic, events);
      this.#failed(reply.message, reply.isFinal);
      this.#settle(group, refusal(RouterError.storeFailed, reply.message));
    }
  }

  /** What stored nothing has lost nothing. Then the next commit, if there is something for it. */
  #settle(group: Group, refused: Refusal | undefined): void {
    for (const append of group.appends) append.settle(append.event === undefined ? undefined : refused);
    const { appends, retained } = this.#group;
    if (appends.length > 0 || (retained.size > 0 && refused === undefined)) this.#commit();
    else if (!this.#isCommitting) this.#whenIdle?.();
  }

  #read(log: DiskEventLog, query: HistoryQuery, answer: (outcome: HistoryPage | Refusal) => void): void {
    this.#ask({ kind: "read", log: log.id, query }, (reply) => {
      if (reply.kind === "page") {
        const { records, hasMore } = reply;
        answer({ events: readRecords(records, this.#options.serializers), hasMore });
        return;
      }
      const message = reply.kind === "failed" ? reply.message : "the store gave no answer";
      if (!log.isDamaged && this.#failure === undefined) {
        log.isDamaged = true; // said once: whoever may read it could fill the router's log
        this.#logDamage(`the history of ${log.topic.uri || "all topics"} (${log.topic.match}): ${message}`);
      }
      answer(refusal(RouterError.storeFailed, message));
    });
  }

  #ask(request: DiskRequest, answered: (reply: DiskReply) => void, transfer: readonly ArrayBuffer[] = []): void {
    if (this.#isGone) return answered({ kind: "failed", message: this.#failure ?? "", isFinal: true });
    this.#replies.push(answered);
    this.#port.post(request, transfer);
  }

  #logDamage(message: string): void {
    this.#options.log({ event: "store.damaged", path: this.#options.path, message });
  }

  #failed(message: string, isFinal: boolean): void {
    if (this.#failure !== undefined) return;
    if (!this.#isFailing || isFinal) this.#options.log({ event: "store.failed", path: this.#options.path, message, isFinal });
    this.#isFailing = true;
    if (isFinal) this.#failure = message;
  }

  #lost(message: string): void {
    this.#failed(message, true);
    this.#isGone = true;
    for (const answered of this.#replies.splice(0)) answered({ kind: "failed", message, isFinal: true });
  }
}

class DiskEventLog implements EventLog {
  readonly id: number;
  readonly topic: HistoryTopic;
  readonly read: EventLog["read"];
  /** Something of it could not be read. */
  isDamaged = false;

  constructor(id: number, topic: HistoryTopic, read: EventLog["read"]) {
    this.id = id;
    this.topic = topic;
    this.read = read;
  }
}

const LARGEST_START = 64 * 1024;

function createGroup(): Group {
  return { appends: [], blocks: new Map(), retained: new Map(), bytes: 0 };
}

function retainedBlock(events: readonly RetainedEvent[]): Uint8Array<ArrayBuffer> | undefined {
  if (events.length === 0) return undefined;
  const writer = new BlockWriter();
  for (const event of events) writer.add(event);
  return writer.finish();
}
