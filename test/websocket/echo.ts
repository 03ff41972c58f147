/**
 * The Autobahn|Testsuite wants its messages back and speaks no WAMP. This is the transport as the router has it, with the
 * smallest serializer there can be: any bytes are a message, and valid UTF-8 where they come in text frames.
 */
import { isUtf8 } from "node:buffer";
import { type ByteBuffer, type Message, MessageType, NO_OPTIONS, Payload, ProtocolError, type Serializer } from "@junctor/protocol";
import { type ConnectionLimits, type Listener, listen } from "@junctor/transport-node";

class EchoSerializer implements Serializer {
  readonly name: string;
  readonly rawSocketId: number;
  readonly frame: "text" | "binary";
  #count = 0;

  constructor(frame: "text" | "binary", rawSocketId: number) {
    this.name = `echo-${frame}`;
    this.frame = frame;
    this.rawSocketId = rawSocketId;
  }

  /** Answers and events by turns: a connection writes its own frames and shared ones by different paths. */
  decode(bytes: Uint8Array, start = 0, end = bytes.length): Message {
    if (this.frame === "text" && !isUtf8(bytes.subarray(start, end)))
      throw new ProtocolError("MALFORMED_BYTES", "a text message that is not UTF-8");
    const payload = Payload.encoded(this, bytes, start, end, 1);
    return this.#count++ % 2 === 0
      ? { type: MessageType.Result, request: 1, details: NO_OPTIONS, payload }
      : { type: MessageType.Event, subscription: 1, publication: 1, details: NO_OPTIONS, payload, encoded: undefined };
  }

  encodeInto(message: Message, out: ByteBuffer): void {
    if (!("payload" in message)) throw new TypeError("only what carries a payload is echoed");
    const { buffer, start, end } = message.payload;
    out.append(buffer, start, end);
  }

  encode(message: Message): Uint8Array {
    if (!("payload" in message)) throw new TypeError("only what carries a payload is echoed");
    return message.payload.bytes(this);
  }

  decodeValues(): never {
    throw new TypeError("nobody reads what is echoed");
  }

  walk(): never {
    throw new TypeError("nobody reads what is echoed");
  }

  bounds(): never {
    throw new TypeError("nobody reads what is echoed");
  }

  valueWriter(): never {
    throw new TypeError("nobody writes what is echoed");
  }
}

const serializers = { text: new EchoSerializer("text", 14), binary: new EchoSerializer("binary", 15) };

/** No session ever joins, so that the limits before the join are those that count. */
const limits: Partial<ConnectionLimits> = {
  messageSize: 16 << 20,
  messageSizeBeforeJoin: 1 << 30,
  bytesBeforeJoin: Number.POSITIVE_INFINITY,
  queueHard: 64 << 20,
};

export function listenForEcho(options: { deflate: boolean }): Promise<Listener> {
  return listen({
    kind: "web",
    deflate: options.deflate,
    serializers: Object.values(serializers),
    limits,
    accept: (connection) => ({
      receive: (message) => void connection.send(message),
      // The reason that a session gives, from which the status of the CLOSE frame follows.
      violated: (error) => connection.close(`protocol_violation.${error.code.toLowerCase()}`),
      lost: () => {},
    }),
  });
}
