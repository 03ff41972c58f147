/** Answers a disk store's requests, one after another, and tells failures that pass from those that do not. */
import { statfsSync } from "node:fs";
import type { Serializer } from "@junctor/protocol";
import { Disk, LostError } from "./disk.ts";
import type { DiskReply, DiskRequest } from "./disk-messages.ts";
import { DamagedError, recordsOf } from "./record.ts";

export class DiskService {
  readonly #path: string;
  readonly #disk: Disk;

  /** @throws {Error} the store cannot be opened */
  constructor(path: string, owner: string, serializers: readonly Serializer[]) {
    this.#path = path;
    this.#disk = new Disk(path, owner, serializers);
  }

  opened(): DiskReply {
    return { kind: "opened", ...this.#disk.retained() };
  }

  handle(request: DiskRequest): DiskReply {
    try {
      switch (request.kind) {
        case "log":
          this.#disk.openLog(request.log, request.topic, request.now);
          return DONE;
        case "commit":
          this.#disk.commit(request.blocks, request.retained);
          return DONE;
        case "read": {
          const { events, hasMore } = this.#disk.read(request.log, request.query);
          return { kind: "page", records: recordsOf(events), hasMore };
        }
        case "close":
          return DONE;
      }
    } catch (error) {
      return this.#failed(error);
    }
  }

  close(): Promise<void> {
    return this.#disk.close();
  }

  /**
   * A disk that is full may have room again, and what is damaged concerns itself only. After any other failure to write,
   * nobody knows what the disk holds: nothing is written any more, least of all the same thing again until it seems to work.
   */
  #failed(error: unknown): DiskReply {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof LostError) return { kind: "failed", message, isFinal: true };
    if (error instanceof DamagedError) return { kind: "failed", message, isFinal: false };
    const isFull = this.#isFull(error);
    return { kind: "failed", message: isFull ? "the disk is full" : message, isFinal: !isFull };
  }

  // LMDB reports a write that did not fit as an input/output error.
  #isFull(error: unknown): boolean {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== EIO) return FULL.some((full) => full === code);
    try {
      const { bavail, bsize } = statfsSync(this.#path);
      return bavail * bsize < LITTLE_ROOM;
    } catch {
      return false;
    }
  }
}

const DONE: DiskReply = { kind: "done" };
const EIO = 5;
/** ENOSPC, EFBIG, EDQUOT, MDB_MAP_FULL. */
const FULL: readonly number[] = [28, 27, 122, -30792];
const LITTLE_ROOM = 4 * 1024 * 1024;
