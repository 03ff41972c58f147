/** A router in this process, and peers whose sockets are made of nothing: whole connections, without a kernel beneath them. */
import { EventEmitter } from "node:events";
import { Router } from "@junctor/router";
import { DEFAULT_CONNECTION_LIMITS, nodeSerializers } from "@junctor/transport-node";
import { encodingOf } from "../packages/transport-node/dist/encodings.js";
import { webSocketFraming } from "../packages/transport-node/dist/framing.js";
import { WebSocketConnection } from "../packages/transport-node/dist/websocket-connection.js";

const [json] = nodeSerializers;
const MASK = [0x37, 0xfa, 0x21, 0x3d];
const observer = { joined() {}, closed() {}, slowConsumer() {} };
const clock = { now: () => performance.now(), date: () => Date.now(), wakeAt() {} };

export function startRouter(realm = {}) {
  const router = new Router({ clock, randomFill: (bytes) => crypto.getRandomValues(bytes) });
  const everything = { call: true, register: true, publish: true, subscribe: true };
  router.addRealm({
    name: "realm1",
    roles: [{ name: "anonymous", permissions: [{ uri: "com.example.", match: "prefix", allow: everything }] }],
    authenticate: (_request, answer) =>
      answer({ kind: "welcome", authid: "bench", authrole: "anonymous", authmethod: "anonymous", authprovider: "static" }),
    ...realm,
  });
  return router;
}

class NoSocket extends EventEmitter {
  writableLength = 0;
  /** Short frames that were written: what the peer got. */
  frames = 0;
  /** Called once, when something is written. */
  onWrite = undefined;
  #writing = [];

  write(bytes, done) {
    this.onWrite?.();
    this.onWrite = undefined;
    for (let at = 0; at < bytes.length; at += 2 + bytes[at + 1]) this.frames++;
    if (done !== undefined) {
      this.#writing.push(done);
      process.nextTick(this.#tell);
    }
    return true;
  }
  #tell = () => this.#writing.pop()?.();
  cork() {}
  uncork() {}
  pause() {}
  resume() {}
  end() {}
  destroy() {}
}

/** A session of a router. What its peer says is text of a chunk that `say` collects and `flush` hands over. */
export class Peer {
  socket = new NoSocket();
  #connection;
  #out = Buffer.alloc(1 << 20);
  #end = 0;

  constructor(router) {
    this.#connection = new WebSocketConnection(
      this.socket,
      encodingOf(json, webSocketFraming("text")),
      DEFAULT_CONNECTION_LIMITS,
      observer,
      "127.0.0.1",
      clock.now,
    );
    this.#connection.receiver = router.attach(this.#connection, { transport: "websocket", serializer: "json" });
    this.say(
      '[1,"realm1",{"roles":{"caller":{},"callee":{"features":{"progressive_call_results":true,"call_canceling":true}},"publisher":{},"subscriber":{}}}]',
    );
    this.flush();
  }

  /** One message, framed and masked as a client does. */
  say(text) {
    const out = this.#out;
    let at = this.#end;
    const { length } = text; // ASCII
    out[at++] = 0x81;
    if (length < 126) out[at++] = 0x80 | length;
    else {
      out[at++] = 0xfe;
      out[at++] = length >> 8;
      out[at++] = length & 0xff;
    }
    for (let i = 0; i < 4; i++) out[at++] = MASK[i];
    for (let i = 0; i < length; i++) out[at++] = text.charCodeAt(i) ^ MASK[i & 3];
    this.#end = at;
  }

  flush() {
    // The connection owns what it is given.
    const chunk = Buffer.from(this.#out.subarray(0, this.#end));
    this.#end = 0;
    this.#connection.push(chunk);
  }
}

export const turn = () => new Promise(setImmediate);
