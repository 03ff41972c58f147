/** A transport over the platform's own `WebSocket`: browsers, Deno, Bun, Node.js from 22 on (requirements 9.1). */
import {
  closeReason,
  type Dial,
  JsonSerializer,
  type Message,
  ProtocolError,
  type Receiver,
  type SendOutcome,
  SerializationError,
  type Serializer,
  subprotocolOf,
  type Transport,
  webSocketCloseReason,
} from "@junctor/protocol";
import { TransportError } from "./error.ts";

interface WebSocketClass {
  new (url: string, protocols: string[]): WebSocketLike;
}

export function json(): Serializer {
  return new JsonSerializer();
}

/**
 * @param serializers offered in this order; the router picks. Default JSON
 * @param timeout for the opening, in ms; 0 waits for ever
 */
export function webSocket(url: string, serializers: readonly Serializer[] = [json()], timeout = 10_000): Dial {
  if (!/^wss?:\/\//i.test(url))
    throw new TransportError(
      `cannot connect to ${url}: a browser connects to ws:// and wss://; the Node.js entry of this package to tcp:, tls: and unix: as well`,
    );
  return (receiver, signal) =>
    new Promise((resolve, reject) => {
      const WebSocketImplementation = (globalThis as { WebSocket?: WebSocketClass }).WebSocket;
      if (WebSocketImplementation === undefined) {
        reject(
          new TransportError("this platform has no WebSocket; in Node.js before 22 use the Node.js entry of this package, or pass `dial`"),
        );
        return;
      }
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const socket = new WebSocketImplementation(url, serializers.map(subprotocolOf));
      socket.binaryType = "arraybuffer";
      const giveUp = (reason: unknown) => {
        settled();
        socket.onopen = null;
        socket.onclose = null;
        socket.close();
        reject(reason);
      };
      const onAbort = () => giveUp(signal?.reason);
      const timer =
        timeout > 0
          ? setTimeout(() => giveUp(new TransportError(`${url} did not answer within ${timeout} ms`)), Math.min(timeout, LONGEST_TIMER))
          : undefined;
      const settled = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      // A browser tells a page nothing about why; the console does.
      socket.onclose = ({ code, reason }) => {
        settled();
        reject(
          new TransportError(
            `cannot connect to ${url}: the connection was refused or closed (code ${code}${reason === "" ? "" : `, ${reason}`})`,
          ),
        );
      };
      socket.onopen = () => {
        const serializer = serializers.find((candidate) => subprotocolOf(candidate) === socket.protocol);
        if (serializer === undefined)
          giveUp(new TransportError(`${url} chose no WAMP subprotocol; offered were ${serializers.map(subprotocolOf).join(", ")}`));
        else {
          settled();
          resolve(new WebSocketTransport(socket, serializer, receiver));
        }
      };
    });
}

class WebSocketTransport implements Transport {
  readonly #socket: WebSocketLike;
  readonly #serializer: Serializer;
  #reason: string | undefined = undefined;
  #maxLength = Number.POSITIVE_INFINITY;

  constructor(socket: WebSocketLike, serializer: Serializer, receiver: Receiver) {
    this.#socket = socket;
    this.#serializer = serializer;
    socket.onmessage = ({ data }) => {
      if (this.#reason !== undefined) return;
      let message: Message;
      try {
        message = serializer.decode(bytesOf(data, serializer));
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        receiver.violated(error);
        return;
      }
      receiver.receive(message);
    };
    socket.onclose = ({ code }) => receiver.lost(this.#reason ?? webSocketCloseReason(code));
  }

  send(message: Message): SendOutcome {
    if (this.#socket.readyState !== OPEN) return "closed";
    try {
      const bytes = this.#serializer.encode(message);
      if (bytes.length > this.#maxLength) return "too-large";
      this.#socket.send(this.#serializer.frame === "text" ? decoder.decode(bytes) : bytes);
    } catch (error) {
      if (error instanceof SerializationError) return "unserializable";
      throw error;
    }
    return "sent";
  }

  limitTo(length: number): void {
    this.#maxLength = length;
  }

  drained(): Promise<void> | undefined {
    return this.#isFull() ? this.#untilDrained() : undefined;
  }

  #isFull(): boolean {
    return this.#socket.readyState === OPEN && this.#socket.bufferedAmount >= ROOM;
  }

  /** A browser has no event for it. */
  async #untilDrained(): Promise<void> {
    while (this.#isFull()) await new Promise<void>((resolve) => void setTimeout(resolve, 10));
  }

  close(reason: string): void {
    this.#reason ??= reason;
    this.#socket.close(1000, closeReason(reason));
  }
}

function bytesOf(data: unknown, serializer: Serializer): Uint8Array {
  const isText = typeof data === "string";
  if (isText !== (serializer.frame === "text"))
    throw new ProtocolError("FRAMING", `the router sent a ${isText ? "text" : "binary"} frame on wamp.2.${serializer.name}`);
  return isText ? encoder.encode(data) : new Uint8Array(data as ArrayBuffer);
}

const OPEN = 1;
/** In ms; a longer one goes off at once. */
const LONGEST_TIMER = 0x7fffffff;
/** Bytes in the queue from which on whoever sends much is asked to wait. */
const ROOM = 1 << 20;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
