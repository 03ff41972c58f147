/**
 * A client's end of a batched WebSocket (requirements 9.2), which our own client does not offer: what it sends in a turn
 * leaves as one batch. How batches are written and read is written down a second time here, to test the router's way.
 */
import {
  batchedSubprotocolOf,
  closeReason,
  type Dial,
  type Message,
  ProtocolError,
  type Receiver,
  type SendOutcome,
  SerializationError,
  type Serializer,
  type Transport,
  TransportError,
  webSocketCloseReason,
} from "@junctor/protocol";
import { WebSocket } from "ws";

export function batchedWebSocket(url: string, serializer: Serializer): Dial {
  return (receiver) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url, [batchedSubprotocolOf(serializer)], { perMessageDeflate: false });
      socket.on("error", (error) => reject(new TransportError(error.message)));
      socket.once("open", () => resolve(new BatchedTransport(socket, serializer, receiver)));
    });
}

class BatchedTransport implements Transport {
  readonly channel = undefined;
  readonly #socket: WebSocket;
  readonly #serializer: Serializer;
  #pending: Uint8Array[] = [];
  #reason: string | undefined = undefined;

  constructor(socket: WebSocket, serializer: Serializer, receiver: Receiver) {
    this.#socket = socket;
    this.#serializer = serializer;
    socket.on("message", (data: Buffer) => {
      try {
        for (const bytes of splitBatch(data, serializer.frame)) if (this.#reason === undefined) receiver.receive(serializer.decode(bytes));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        receiver.violated(error);
      }
    });
    socket.on("close", (code) => receiver.lost(this.#reason ?? webSocketCloseReason(code)));
  }

  send(message: Message): SendOutcome {
    if (this.#socket.readyState !== WebSocket.OPEN) return "closed";
    try {
      this.#pending.push(this.#serializer.encode(message));
    } catch (error) {
      if (error instanceof SerializationError) return "unserializable";
      throw error;
    }
    if (this.#pending.length === 1) setImmediate(() => this.#flush());
    return "sent";
  }

  close(reason: string): void {
    this.#reason ??= reason;
    this.#flush();
    this.#socket.close(1000, closeReason(reason));
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    this.#socket.send(joinBatch(this.#pending, this.#serializer.frame), { binary: this.#serializer.frame === "binary" });
    this.#pending = [];
  }
}

/** A batch of these messages. */
export function joinBatch(messages: readonly Uint8Array[], frame: Serializer["frame"]): Buffer {
  if (frame === "text") return Buffer.concat(messages.flatMap((message) => [message, Buffer.from("\x1e")]));
  return Buffer.concat(
    messages.flatMap((message) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(message.length);
      return [length, message];
    }),
  );
}

/** The messages of a batch. */
export function splitBatch(batch: Buffer, frame: Serializer["frame"]): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at < batch.length; ) {
    const start = frame === "text" ? at : at + 4;
    const end = frame === "text" ? batch.indexOf(0x1e, at) : start + batch.readUInt32BE(at);
    if (end < start || end > batch.length) throw new RangeError(`no batch: ${batch.toString("hex", at)}`);
    messages.push(batch.subarray(start, end));
    at = frame === "text" ? end + 1 : end;
  }
  return messages;
}
