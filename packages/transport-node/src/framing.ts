/** How an encoded message is wrapped for a kind of transport: the head before its bytes. */
import { FRAME_HEAD_SIZE, FrameType, writeFrameHead } from "@junctor/protocol";

export interface Framing {
  readonly name: string;
  /** Octets that the head of a message of `length` bytes takes. */
  headSize(length: number): number;
  /** Writes the head of a message of `length` bytes at `at`. */
  writeHead(bytes: Uint8Array, at: number, length: number): void;
}

/** RawSocket: four octets (9.3). */
export const rawFraming: Framing = {
  name: "rawsocket",
  headSize: () => FRAME_HEAD_SIZE,
  writeHead: (bytes, at, length) => writeFrameHead(bytes, at, FrameType.Message, length),
};

/** WebSocket from server to client: one unmasked, final data frame (RFC 6455, 5.2). */
function webSocketFraming(name: string, opcode: number): Framing {
  return {
    name,
    headSize: (length) => (length < 126 ? 2 : length < 0x10000 ? 4 : 10),
    writeHead(bytes, at, length) {
      bytes[at] = 0x80 | opcode;
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

export const textFraming = webSocketFraming("websocket.text", 1);
export const binaryFraming = webSocketFraming("websocket.binary", 2);
