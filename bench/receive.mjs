/**
 * Receive (before hot path 1): chunks as they come from a socket → the payloads of WebSocket messages, unmasked. Ours and the receiver of `ws`,
 * for a chunk that holds 64 short messages and for messages that take several chunks each.
 */
import { Receiver } from "ws";
import { WebSocketFrameParser } from "../packages/transport-node/dist/websocket-frame.js";
import { measure } from "./measure.mjs";

const MASK = [0x37, 0xfa, 0x21, 0x3d];
const CHUNK = 65536; // what Node.js reads at once

for (const [messages, size] of [
  [64, 100],
  [16, 4096],
  [2, 65536],
]) {
  const stream = Buffer.concat(Array.from({ length: messages }, () => frame(size)));
  // Both unmask in place, which turns masked bytes into plain ones and back: the heads stay, and the work is the same.
  const chunks = Array.from({ length: Math.ceil(stream.length / CHUNK) }, (_, i) => stream.subarray(i * CHUNK, (i + 1) * CHUNK));

  let heard = 0;
  const handler = {
    message: (_bytes, start, end) => {
      heard += end - start;
    },
    pinged() {},
    ponged() {},
    closed() {},
  };
  const parser = new WebSocketFrameParser(1 << 24, 1);
  const per = (name, push) =>
    measure(`${name}: ${messages} messages of ${size} B, each`, (count) => {
      for (let i = 0; i < count; i += messages) for (const chunk of chunks) push(chunk);
      return heard;
    });
  per("WebSocketFrameParser", (chunk) => parser.push(chunk, handler));

  const receiver = new Receiver({ isServer: true, skipUTF8Validation: true, maxPayload: 1 << 24 });
  receiver.on("message", (data) => {
    heard += data.length;
  });
  per("ws Receiver", (chunk) => receiver.write(chunk));
}
function frame(length) {
  const head =
    length < 126
      ? [0x81, 0x80 | length]
      : length < 65536
        ? [0x81, 0xfe, length >> 8, length & 0xff]
        : [0x81, 0xff, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.from([...head, ...MASK, ...Array.from({ length }, (_, i) => 0x78 ^ (MASK[i % 4] ?? 0))]);
}
