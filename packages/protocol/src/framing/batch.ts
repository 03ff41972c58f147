/**
 * Several messages in one WebSocket message, for the subprotocols `wamp.2.<serializer>.batched`: in a binary message each
 * has its length before it, in a text message each has a separator behind it.
 *
 * Spec: requirements 9.2; AMB-33.
 */
import { ProtocolError } from "../error.ts";
import type { Message } from "../message/message.ts";
import type { Serializer } from "../serializer/serializer.ts";

export interface BatchFormat {
  readonly name: string;
  /** Octets that a message takes besides its own: before it and behind it. */
  readonly headSize: number;
  readonly tailSize: number;
  /**
   * Where the message ends whose head is at `at`, without its tail. Nothing of a batch may lie behind `end`.
   * @throws {ProtocolError} `FRAMING`: there is no whole message (TRN-BATCH-06)
   */
  endOf(bytes: Uint8Array, at: number, end: number): number;
  /** Writes head and tail, for which there is room around the message, from `start` to `end`, both included. */
  enclose(bytes: Uint8Array, start: number, end: number): void;
}

/** MessagePack and CBOR: 32 bits of length, big-endian (TRN-BATCH-03). */
export const prefixedBatch: BatchFormat = {
  name: "prefixed",
  headSize: 4,
  tailSize: 0,
  endOf(bytes, at, end) {
    if (end - at < 4) throw malformed(`${end - at} bytes behind the last message, which are no length`);
    const length =
      (bytes[at] as number) * 0x1000000 +
      (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
    if (length > end - at - 4) throw malformed(`a message of ${length} bytes, of which ${end - at - 4} are there`);
    return at + 4 + length;
  },
  enclose(bytes, start, end) {
    const length = end - start - 4;
    bytes[start] = length >>> 24;
    bytes[start + 1] = (length >>> 16) & 0xff;
    bytes[start + 2] = (length >>> 8) & 0xff;
    bytes[start + 3] = length & 0xff;
  },
};

/**
 * JSON (TRN-BATCH-02). Neither separator occurs in JSON's text, where control characters are escaped, so that both are
 * taken, whichever is sent.
 */
function separatedBatch(name: string, separator: number): BatchFormat {
  return {
    name,
    headSize: 0,
    tailSize: 1,
    endOf(bytes, at, end) {
      for (let i = at; i < end; i++) if (bytes[i] === RECORD_SEPARATOR || bytes[i] === CANCEL) return i;
      throw malformed("it does not end in the separator 0x1E");
    },
    enclose(bytes, _start, end) {
      bytes[end - 1] = separator;
    },
  };
}

const RECORD_SEPARATOR = 0x1e;
/** `\30` as an octal escape, which is how Autobahn|Python reads the specification: it sends and takes nothing else. */
const CANCEL = 0x18;

export const separatedByRecord: BatchFormat = separatedBatch("separated", RECORD_SEPARATOR);
export const separatedByCancel: BatchFormat = separatedBatch("separated.18", CANCEL);

export function batchFormatOf({ frame }: Serializer): BatchFormat {
  return frame === "text" ? separatedByRecord : prefixedBatch;
}

/** Reads batches message by message, so that its owner may stop within one and go on later. */
export class BatchReader {
  readonly #format: BatchFormat;
  #bytes: Uint8Array = NOTHING;
  #at = 0;
  #end = 0;

  constructor(format: BatchFormat) {
    this.#format = format;
  }

  /** @throws {ProtocolError} `FRAMING`: there is no message in it (TRN-BATCH-05) */
  begin(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) throw malformed("it is empty");
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /**
   * The next message of the batch that was begun, `undefined` behind the last one.
   * @throws {ProtocolError} whatever is wrong with it
   */
  next(serializer: Serializer): Message | undefined {
    if (this.#at === this.#end) {
      this.#bytes = NOTHING;
      return undefined;
    }
    const { headSize, tailSize } = this.#format;
    const start = this.#at + headSize;
    const end = this.#format.endOf(this.#bytes, this.#at, this.#end);
    this.#at = end + tailSize;
    return serializer.decode(this.#bytes, start, end);
  }
}

function malformed(problem: string): ProtocolError {
  return new ProtocolError("FRAMING", `a malformed batch: ${problem}`);
}

const NOTHING = new Uint8Array(0);
