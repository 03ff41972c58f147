/** How an encoded message is wrapped for a kind of transport: the head before its bytes. */
import { deflateRawSync, constants as zlib } from "node:zlib";
import { FRAME_HEAD_SIZE, FrameType, writeFrameHead } from "@junctor/protocol";

export interface Framing {
  readonly name: string;
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
  headSize: () => FRAME_HEAD_SIZE,
  writeHead: (bytes, at, length) => writeFrameHead(bytes, at, FrameType.Message, length),
};

/** WebSocket from server to client: one unmasked, final data frame (RFC 6455, 5.2). */
function webSocketFraming(name: string, opcode: number, compress?: Framing["compress"]): Framing {
  return {
    name,
    ...(compress === undefined ? {} : { compress }),
    headSize: (length) => (length < 126 ? 2 : length < 0x10000 ? 4 : 10),
    writeHead(bytes, at, length, isCompressed) {
      bytes[at] = FIN | (isCompressed ? RSV1 : 0) | opcode;
      if (length < 126) bytes[at + 1] = length;
      else if (length < 0x10000) {
        bytes[at + 1] = 126;
        bytes[at + 2] = length >> 8;
        bytes[at + 3] = length & 0xff;
      } else {
        bytes[at + 1] = 127;
        bytes.fill(0, at + 2, at + 6);
        bytes[at + 6] = length >>> 24;
        bytes[at + 7] = (length >>> 16) & 0xff;
        bytes[at + 8] = (length >>> 8) & 0xff;
        bytes[at + 9] = length & 0xff;
      }
    },
  };
}

const FIN = 0x80;
const RSV1 = 0x40;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const CONTROL = { close: CLOSE, ping: PING, pong: PONG } as const;

export const textFraming = webSocketFraming("websocket.text", TEXT);
export const binaryFraming = webSocketFraming("websocket.binary", BINARY);

/** A control frame from server to client; its payload has 125 octets at most. */
export function controlFrame(type: keyof typeof CONTROL, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(2 + payload.length);
  frame[0] = FIN | CONTROL[type];
  frame[1] = payload.length;
  frame.set(payload, 2);
  return frame;
}

const deflated = new Map<string, Framing>();

/**
 * WebSocket with permessage-deflate (RFC 7692), without context takeover: so that a compressed frame, too, is made once
 * for all its receivers.
 * @param windowBits what was agreed with the client, 8 to 15
 */
export function deflateFraming(frame: "text" | "binary", windowBits: number): Framing {
  const name = `websocket.${frame}.deflate.${windowBits}`;
  const known = deflated.get(name);
  if (known !== undefined) return known;
  // zlib makes a window of 512 octets where 256 are asked for, which such a client could not inflate: it is sent none.
  const compress = windowBits < 9 ? undefined : (message: Uint8Array) => deflate(message, windowBits);
  const made = webSocketFraming(name, frame === "text" ? TEXT : BINARY, compress);
  deflated.set(name, made);
  return made;
}

function deflate(message: Uint8Array, windowBits: number): Uint8Array | undefined {
  if (message.length < DEFLATE_FROM) return undefined;
  const packed = deflateRawSync(message, { level: zlib.Z_BEST_SPEED, windowBits, finishFlush: zlib.Z_SYNC_FLUSH });
  const length = packed.length - 4; // the flush ends in 00 00 FF FF, which is not sent (RFC 7692, 7.2.1)
  return length < message.length ? packed.subarray(0, length) : undefined;
}

/** Shorter messages do not get shorter. */
const DEFLATE_FROM = 1_024;
