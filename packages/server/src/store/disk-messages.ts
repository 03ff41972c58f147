/** What a disk store and its worker say to each other: requests, and for each of them one reply, in order. */
import type { HistoryQuery, HistoryTopic } from "@junctor/router";

export type DiskRequest =
  /** Before the first append to the log of that number. `now` is for events whose time is over. */
  | { readonly kind: "log"; readonly log: number; readonly topic: HistoryTopic; readonly now: number }
  /** All of it or nothing, and on the disk when it is answered. */
  | { readonly kind: "commit"; readonly blocks: readonly LogBlock[]; readonly retained: readonly RetainedBlock[] }
  | { readonly kind: "read"; readonly log: number; readonly query: HistoryQuery }
  | { readonly kind: "close" };

/** Events for the end of a log, as a block without its checksum. */
export interface LogBlock {
  readonly log: number;
  readonly count: number;
  readonly block: Uint8Array<ArrayBuffer>;
}

/** What a topic retains from now on; nothing where there is no block. */
export interface RetainedBlock {
  readonly topic: string;
  readonly block: Uint8Array<ArrayBuffer> | undefined;
}

export type DiskReply =
  /** The first, which answers no request. */
  | {
      readonly kind: "opened";
      readonly retained: readonly Uint8Array[];
      /** How many retained values are not what was written. */
      readonly damaged: number;
    }
  /** Instead of it, and then nothing. */
  | { readonly kind: "unusable"; readonly message: string; readonly remedy: string | undefined }
  | { readonly kind: "done" }
  /** Records in a row, in the order asked for. */
  | { readonly kind: "page"; readonly records: Uint8Array<ArrayBuffer>; readonly hasMore: boolean }
  | {
      readonly kind: "failed";
      readonly message: string;
      /** Nothing can be written any more until the store is opened again. */
      readonly isFinal: boolean;
    };
