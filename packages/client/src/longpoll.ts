/**
 * A transport over HTTP long-poll, for networks that let no WebSocket through: browsers, and whatever else has `fetch`. What is
 * sent while a request is under way leaves with the next one, as a batch where the router speaks batches.
 *
 * Spec: requirements 9.4; AMB-121 to AMB-123.
 */
import {
  BatchReader,
  batchedSubprotocolOf,
  batchFormatOf,
  CloseReason,
  chooseSubprotocol,
  type Dial,
  type Message,
  ProtocolError,
  type Receiver,
  type SendOutcome,
  SerializationError,
  type Serializer,
  type Subprotocol,
  subprotocolOf,
  type Transport,
} from "@junctor/protocol";
import { TransportError } from "./error.ts";
import { json } from "./websocket.ts";

/**
 * For `connect({ dial: longPoll("https://example.com/lp"), … })`.
 *
 * @param url where the router serves long-poll: `https://…` or `http://…`
 * @param serializers offered in this order; the router picks. Default JSON
 * @param timeout for the opening, in ms; 0 waits for ever
 */
export function longPoll(url: string, serializers: readonly Serializer[] = [json()], timeout = 10_000): Dial {
  if (!/^https?:\/\//i.test(url)) throw new TransportError(`cannot connect to ${url}: long-poll goes over http:// and https://`);
  const base = url.replace(/\/+$/, "");
  return async (receiver, signal) => {
    if (signal?.aborted) throw signal.reason;
    const abort = new AbortController();
    const giveUp = () => abort.abort(signal?.reason);
    signal?.addEventListener("abort", giveUp, { once: true });
    const late = () => abort.abort(new TransportError(`${url} did not answer within ${timeout} ms`));
    const timer = timeout > 0 ? setTimeout(late, Math.min(timeout, LONGEST_TIMER)) : undefined;
    try {
      const { id, subprotocol } = await open(base, serializers, abort.signal);
      return new LongPollTransport(`${base}/${id}`, subprotocol, receiver);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
    }
  };
}

async function open(base: string, serializers: readonly Serializer[], signal: AbortSignal) {
  const protocols = serializers.flatMap((serializer) => [batchedSubprotocolOf(serializer), subprotocolOf(serializer)]);
  const unreached = (cause: unknown) => (signal.aborted ? signal.reason : new TransportError(`cannot connect to ${base}`, { cause }));
  const response = await post(`${base}/open`, JSON.stringify({ protocols }), JSON_TEXT, signal).catch((cause) =>
    Promise.reject(unreached(cause)),
  );
  const body = await response.text().catch((cause) => Promise.reject(unreached(cause)));
  if (!response.ok) throw new TransportError(`cannot connect to ${base}: ${response.status} ${body.slice(0, 200).trim()}`);
  const { protocol, transport } = answerOf(body);
  const subprotocol = protocol === undefined ? undefined : chooseSubprotocol([protocol], serializers);
  if (transport === undefined || subprotocol === undefined)
    throw new TransportError(`cannot connect to ${base}: what answers there is no WAMP router that speaks long-poll`);
  return { id: encodeURIComponent(transport), subprotocol };
}

function answerOf(body: string): { readonly protocol?: string; readonly transport?: string } {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return {};
  }
  if (typeof value !== "object" || value === null) return {};
  const { protocol, transport } = value as { readonly protocol?: unknown; readonly transport?: unknown };
  return { ...(typeof protocol === "string" && { protocol }), ...(typeof transport === "string" && { transport }) };
}

function post(url: string, body: string | Uint8Array | undefined, type: string, signal: AbortSignal): ReturnType<typeof fetch> {
  const headers = { "Content-Type": type };
  return fetch(url, {
    method: "POST",
    headers,
    credentials: "same-origin",
    cache: "no-store",
    signal,
    ...(body !== undefined && { body }),
  });
}

class LongPollTransport implements Transport {
  readonly #base: string;
  readonly #serializer: Serializer;
  readonly #isBatched: boolean;
  readonly #receiver: Receiver;
  readonly #abort = new AbortController();
  /** What has not left yet, and its size. */
  #waiting: Uint8Array[] = [];
  #size = 0;
  #isSending = false;
  #maxLength = Number.POSITIVE_INFINITY;
  #waitForRoom: (() => void)[] = [];
  /** Why this side closes, once it does. */
  #reason: string | undefined = undefined;
  #isLost = false;

  constructor(base: string, { serializer, isBatched }: Subprotocol<Serializer>, receiver: Receiver) {
    this.#base = base;
    this.#serializer = serializer;
    this.#isBatched = isBatched;
    this.#receiver = receiver;
    // The session that is being made has to have its transport first.
    setTimeout(() => void this.#receive(), 0);
  }

  send(message: Message): SendOutcome {
    if (this.#reason !== undefined || this.#isLost) return "closed";
    let bytes: Uint8Array;
    try {
      bytes = this.#serializer.encode(message);
    } catch (error) {
      if (error instanceof SerializationError) return "unserializable";
      throw error;
    }
    if (bytes.length > this.#maxLength) return "too-large";
    this.#waiting.push(bytes);
    this.#size += bytes.length;
    this.#pump();
    return "sent";
  }

  limitTo(length: number): void {
    this.#maxLength = length;
  }

  drained(): Promise<void> | undefined {
    if (this.#isLost || this.#size < ROOM) return undefined;
    return new Promise((resolve) => void this.#waitForRoom.push(resolve));
  }

  close(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#pump();
  }

  // --- Sending: one request after another keeps the order (TRN-LP-06) ---------------------------------------------------------

  #pump(): void {
    if (this.#isSending || this.#isLost) return;
    if (this.#waiting.length === 0 && this.#reason === undefined) return;
    this.#isSending = true;
    // In a turn of its own, so that what is sent in one turn goes together.
    queueMicrotask(() => void this.#sendNext());
  }

  async #sendNext(): Promise<void> {
    const body = this.#next();
    try {
      const response = await post(`${this.#base}/${body === undefined ? "close" : "send"}`, body, OCTETS, this.#abort.signal);
      await response.arrayBuffer(); // so that the connection can be used again
      if (!response.ok || body === undefined) this.#lost(lossOf(response.status));
    } catch (error) {
      this.#lost(failureOf(error));
    }
    this.#isSending = false;
    this.#pump();
  }

  /** What goes into the next request; nothing where all has left and this side closes. */
  #next(): Uint8Array | undefined {
    let count = Math.min(this.#isBatched ? this.#waiting.length : 1, this.#waiting.length);
    if (count === 0) return undefined;
    const { headSize, tailSize, enclose } = batchFormatOf(this.#serializer);
    if (!this.#isBatched) return this.#take(1)[0];
    const around = headSize + tailSize;
    let size = 0;
    for (let i = 0; i < count; i++) {
      const length = (this.#waiting[i] as Uint8Array).length + around;
      if (i > 0 && size + length > LONGEST_BATCH) count = i;
      else size += length;
    }
    const batch = new Uint8Array(size);
    let at = 0;
    for (const message of this.#take(count)) {
      batch.set(message, at + headSize);
      enclose(batch, at, at + message.length + around);
      at += message.length + around;
    }
    return batch;
  }

  #take(count: number): Uint8Array[] {
    const taken = this.#waiting.splice(0, count);
    for (const { length } of taken) this.#size -= length;
    if (this.#size < ROOM / 2) this.#tellRoom();
    return taken;
  }

  #tellRoom(): void {
    const waiting = this.#waitForRoom;
    this.#waitForRoom = [];
    for (const tell of waiting) tell();
  }

  // --- Receiving -------------------------------------------------------------------------------------------------------------

  async #receive(): Promise<void> {
    const batch = new BatchReader(batchFormatOf(this.#serializer));
    while (!this.#isLost) {
      let status: number;
      let body: Uint8Array;
      try {
        const response = await post(`${this.#base}/receive`, undefined, OCTETS, this.#abort.signal);
        status = response.status;
        body = new Uint8Array(await response.arrayBuffer());
      } catch (error) {
        this.#lost(failureOf(error));
        return;
      }
      if (status < 200 || status > 299) return this.#over(status);
      if (body.length > 0) this.#deliver(body, batch);
    }
  }

  /** Nothing comes any more. A request to close that is to be made, or under way, is the end then. */
  #over(status: number): void {
    if (this.#reason === undefined) this.#lost(lossOf(status));
  }

  #deliver(body: Uint8Array, batch: BatchReader): void {
    try {
      if (!this.#isBatched) {
        const message = this.#serializer.decode(body);
        if (this.#reason === undefined) this.#receiver.receive(message);
        return;
      }
      batch.begin(body, 0, body.length);
      for (let message = batch.next(this.#serializer); message !== undefined; message = batch.next(this.#serializer))
        if (this.#reason === undefined) this.#receiver.receive(message);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (this.#reason === undefined) this.#receiver.violated(error);
    }
  }

  #lost(reason: string): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#waiting = [];
    this.#size = 0;
    this.#tellRoom();
    this.#abort.abort();
    this.#receiver.lost(this.#reason ?? reason);
  }
}

function lossOf(status: number): string {
  return status === 404 || status === 410 ? CloseReason.transportClosed : `${CloseReason.transportError}.${status}`;
}

function failureOf(error: unknown): string {
  return `${CloseReason.transportError}.${error instanceof Error ? error.name : "fetch"}`;
}

const JSON_TEXT = "application/json";
const OCTETS = "application/octet-stream";
/** Routers take 1 MiB in a message, and in a request: a longer message goes alone. */
const LONGEST_BATCH = 0xffff;
/** Bytes that wait from which on whoever sends much is asked to wait, until half of them are left. */
const ROOM = 1 << 20;
/** In ms; a longer one goes off at once. */
const LONGEST_TIMER = 0x7fffffff;
