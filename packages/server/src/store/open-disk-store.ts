/** Opens a disk store, with a worker for its files: nothing of it is loaded where no realm has one. */
import { randomUUID } from "node:crypto";
import { Worker } from "node:worker_threads";
import { nodeSerializers } from "@junctor/transport-node";
import { UserError } from "../user-error.ts";
import { DiskEventStore, type DiskPort, type DiskStoreOptions } from "./disk-event-store.ts";
import type { DiskReply } from "./disk-messages.ts";

export interface OpenOptions {
  readonly log: DiskStoreOptions["log"];
  /** Default 64 MiB. */
  readonly queueBytes?: number;
  /** The worker's program, for tests that run from sources. */
  readonly worker?: URL;
}

/**
 * @param path a directory; made where there is none
 * @throws {UserError} it cannot be opened
 */
export async function openDiskStore(path: string, options: OpenOptions): Promise<DiskEventStore> {
  const { log, queueBytes = QUEUE_BYTES, worker: program = new URL("./disk-worker.js", import.meta.url) } = options;
  const worker = new Worker(program, { workerData: { path, owner: randomUUID() } });
  const port: DiskPort = {
    post: (request, transfer) => worker.postMessage(request, transfer),
    onReply: () => {},
    onLost: () => {},
    end: async () => void (await worker.terminate()),
  };
  let isEnding = false;
  const opened = await new Promise<DiskReply>((resolve) => {
    const lost = (message: string) => {
      if (!isEnding) port.onLost(message);
      resolve({ kind: "unusable", message, remedy: undefined });
    };
    worker.once("message", (reply: DiskReply) => {
      worker.on("message", (next: DiskReply) => port.onReply(next));
      resolve(reply);
    });
    worker.once("error", (error) => lost(error.message));
    worker.once("exit", () => lost("its worker has ended"));
  });
  if (opened.kind !== "opened") {
    isEnding = true;
    await worker.terminate();
    throw opened.kind === "unusable" ? cannotOpen(path, opened) : new TypeError(`the first reply of a store is ${opened.kind}`);
  }
  return new DiskEventStore(port, {
    path,
    retained: opened.retained,
    damaged: opened.damaged,
    serializers: nodeSerializers,
    queueBytes,
    date: () => Date.now(),
    afterTurn: (task) => void setImmediate(task),
    log,
  });
}

function cannotOpen(path: string, { message, remedy }: { readonly message: string; readonly remedy: string | undefined }): UserError {
  if (message.includes("'lmdb'")) {
    return new UserError(`the event store ${path} needs the package lmdb: ${message}`, {
      remedy: "npm install lmdb, or leave store.path out to keep events in memory",
    });
  }
  return new UserError(`cannot open the event store ${path}: ${message}`, {
    remedy: remedy ?? "check that the directory is on a local disk and that this user may write to it",
  });
}

const QUEUE_BYTES = 64 * 1024 * 1024;
