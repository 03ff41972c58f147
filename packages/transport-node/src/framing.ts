/** How an encoded message is wrapped for a kind of transport: the head before its bytes. */
import { deflateRawSync, constants as zlib } from "node:zlib";
import { type BatchFormat, ByteBuffer, FRAME_HEAD_SIZE, FrameType, writeFrameHead } from "@junctor/protocol";

export interface Framing {
  readonly name: string;
  /** Where a frame holds a batch of messages. As it is written it is one of one (TRN-BATCH-04). */
  readonly format: BatchFormat | undefined;
  /** The same with batches in another format. */
  withFormat(format: BatchFormat): Framing;
  /** Of written frames that lie in a row makes as few as possible: larger batches of the same messages. */
  join?(frames: Uint8Array): Uint8Array;
  /** Compresses a message, where the framing does. @returns nothing where it is better left as it is */
  compress?(message: Uint8Array): Uint8Array | undefined;
  /** Octets that the head of a message of `length` bytes takes. */
  headSize(length: number): number;
  /** Writes the head of a message of `length` bytes at `at`. */
  writeHead(bytes: Uint8Array, at: number, length: number, isCompressed: boolean): void;
}

/** RawSocket: four octets (9.3). */
export const rawFraming: Framing = {
  name: "rawsocket",
  format: undefined,
  withFormat: () => rawFraming,
  headSize: () => FRAME_HEAD_SIZE,
  writeHead: (bytes, at, length) => writeFrameHead(bytes, at, FrameType.Message, length),
};

/**
 * HTTP long-poll (9.4): a batch goes into the body of a response as it is. Where each body is one message, its length stands
 * before it in the queue, which tells where the next one begins, and is not sent.
 */
export function longPollFraming(format?: BatchFormat): Framing {
  if (format === undefined) return alone;
  let framing = batches.get(format);
  if (framing === undefined) {
    framing = {
      name: `longpoll.${format.name}`,
      format,
      withFormat: longPollFraming,
      headSize: () => 0,
      writeHead: () => {},
    };
    batches.set(format, framing);
  }
  return framing;
}

const batches = new Map<BatchFormat, Framing>();
const alone: Framing = {
  name: "longpoll",
  format: undefined,
  withFormat: longPollFraming,
  headSize: () => 4,
  writeHead: (bytes, at, length) => new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, length),
};

const known = new Map<string, WebSocketFraming>();

/**
 * WebSocket from server to client: one unmasked, final data frame (RFC 6455, 5.2), with permessage-deflate (RFC 7692) where
 * `windowBits` was agreed on for it, 8 to 15.
 */
export function webSocketFraming(frame: "text" | "binary", format?: BatchFormat, windowBits?: number): WebSocketFraming {
  const name = ["websocket", frame, format?.name, windowBits].filter((part) => part !== undefined).join(".");
  let framing = known.get(name);
  if (framing === undefined) {
    framing = new WebSocketFraming(name, frame, format, windowBits);
    known.set(name, framing);
  }
  return framing;
}

export class WebSocketFraming implements Framing {
  readonly name: string;
  readonly frame: "text" | "binary";
  readonly format: BatchFormat | undefined;
  readonly windowBits: number | undefined;
  readonly compress?: (message: Uint8Array) => Uint8Array | undefined;
  readonly join?: (frames: Uint8Array) => Uint8Array;
  readonly #opcode: number;

  constructor(name: string, frame: "text" | "binary", format: BatchFormat | undefined, windowBits: number | undefined) {
    this.name = name;
    this.frame = frame;
    this.format = format;
    this.windowBits = windowBits;
    // zlib makes a window of 512 octets where 256 are asked for, which such a client could not inflate: it is sent none.
    if (windowBits !== undefined && windowBits >= 9) this.compress = (message) => deflate(message, windowBits);
    else if (format !== undefined) this.join = joinBatches; // what may be compressed is left as it is
    this.#opcode = frame === "text" ? TEXT : BINARY;
  }

  withFormat(format: BatchFormat): WebSocketFraming {
    return webSocketFraming(this.frame, format, this.windowBits);
  }

  headSize(length: number): number {
    return headSizeOf(length);
  }

  writeHead(bytes: Uint8Array, at: number, length: number, isCompressed: boolean): void {
    bytes[at] = FIN | (isCompressed ? RSV1 : 0) | this.#opcode;
    writeLength(bytes, at + 1, length);
  }
}

const FIN = 0x80;
const RSV1 = 0x40;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const CONTROL = { close: CLOSE, ping: PING, pong: PONG } as const;

/** A control frame from server to client; its payload has 125 octets at most. */
export function controlFrame(type: keyof typeof CONTROL, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(2 + payload.length);
  frame[0] = FIN | CONTROL[type];
  frame[1] = payload.length;
  frame.set(payload, 2);
  return frame;
}

/** Batches of up to `LONGEST_BATCH` bytes; what is longer by itself stays so. */
function joinBatches(frames: Uint8Array): Uint8Array {
  if (endOfFrame(frames, 0) === frames.length) return frames;
  const joined = new ByteBuffer(frames.length); // two heads have more room than one
  for (let at = 0; at < frames.length; ) {
    let length = lengthAt(frames, at);
    let end = endOfFrame(frames, at);
    while (end < frames.length && length + lengthAt(frames, end) <= LONGEST_BATCH) {
      length += lengthAt(frames, end);
      end = endOfFrame(frames, end);
    }
    joined.bytes[joined.position] = frames[at] as number;
    joined.position = writeLength(joined.bytes, joined.position + 1, length);
    for (; at < end; at = endOfFrame(frames, at))
      joined.append(frames, endOfFrame(frames, at) - lengthAt(frames, at), endOfFrame(frames, at));
  }
  return joined.bytes.subarray(0, joined.position);
}

/** The length of what the frame at `at` holds. */
function lengthAt(bytes: Uint8Array, at: number): number {
  const length = bytes[at + 1] as number;
  if (length < 126) return length;
  if (length === 126) return ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  return (
    (bytes[at + 6] as number) * 0x1000000 +
    (((bytes[at + 7] as number) << 16) | ((bytes[at + 8] as number) << 8) | (bytes[at + 9] as number))
  );
}

function endOfFrame(bytes: Uint8Array, at: number): number {
  const length = lengthAt(bytes, at);
  return at + headSizeOf(length) + length;
}

function headSizeOf(length: number): number {
  return length < 126 ? 2 : length < 0x10000 ? 4 : 10;
}

/** @returns the offset behind it */
function writeLength(bytes: Uint8Array, at: number, length: number): number {
  if (length < 126) {
    bytes[at] = length;
    return at + 1;
  }
  if (length < 0x10000) {
    bytes[at] = 126;
    bytes[at + 1] = length >> 8;
    bytes[at + 2] = length & 0xff;
    return at + 3;
  }
  bytes[at] = 127;
  bytes.fill(0, at + 1, at + 5);
  bytes[at + 5] = length >>> 24;
  bytes[at + 6] = (length >>> 16) & 0xff;
  bytes[at + 7] = (length >>> 8) & 0xff;
  bytes[at + 8] = length & 0xff;
  return at + 9;
}

function deflate(message: Uint8Array, windowBits: number): Uint8Array | undefined {
  if (message.length < DEFLATE_FROM) return undefined;
  const packed = deflateRawSync(message, { level: zlib.Z_BEST_SPEED, windowBits, finishFlush: zlib.Z_SYNC_FLUSH });
  const length = packed.length - 4; // the flush ends in 00 00 FF FF, which is not sent (RFC 7692, 7.2.1)
  return length < message.length ? packed.subarray(0, length) : undefined;
}

/** Shorter messages do not get shorter. */
const DEFLATE_FROM = 1_024;
/** What a peer may be expected to take in one WebSocket message, since it cannot say. */
const LONGEST_BATCH = 0xffff;
