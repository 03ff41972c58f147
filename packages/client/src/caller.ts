/**
 * The caller's half of a session: a call from its first CALL to its final answer, the chunks that it sends meanwhile, and
 * the results that it gets.
 *
 * Spec: requirements 4.1 to 4.4, caller side; RPC-PCI-03, RPC-PCI-14, RPC-TMO-07, AMB-49, AMB-52.
 */
import {
  type CallOptions as CallWire,
  type ErrorMessage,
  type Message,
  MessageType,
  NO_OPTIONS,
  type Payload,
  type RequestId,
  type Result as ResultMessage,
  Uri,
} from "@junctor/protocol";
import { Arrivals } from "./arrivals.ts";
import { Chunk, type ChunkSource, chunkOf, forEachChunk, payloadOf, Result } from "./chunk.ts";
import { ApplicationError, TimeoutError } from "./error.ts";
import { InOrder } from "./in-order.ts";
import type { Link } from "./link.ts";
import { type CallOptions, callWire, checkOutgoing, type StreamOptions } from "./options.ts";
import type { Subject } from "./passthru.ts";
import type { Abandoned, Request } from "./requests.ts";

/**
 * A call whose progressive results are read by a loop. Leaving the loop cancels the call.
 *
 *     for await (const { value } of stream) …
 *     const { value } = await stream.result;
 */
export interface CallStream extends AsyncIterable<Result> {
  /** The final result, or the call's error. A loop that meets the error need not look here, too. */
  readonly result: Promise<Result>;
}

type Args = readonly unknown[] | undefined;
type Kwargs = Readonly<Record<string, unknown>> | undefined;

export class Caller {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  call(procedure: string, args: Args, kwargs: Kwargs, options: CallOptions): Promise<Result> {
    return new Promise((resolve, reject) =>
      new OngoingCall(this.#link, procedure, options, resolve, reject).start(new Chunk(args, kwargs)),
    );
  }

  stream(procedure: string, args: Args, kwargs: Kwargs, options: StreamOptions): CallStream {
    const parts = new Arrivals<Result>(this.#link.unreadLimit, () =>
      call?.abandon(new ApplicationError(Uri.canceled, ["the loop over its results was left"])),
    );
    let call: OngoingCall | undefined;
    const result = new Promise<Result>((resolve, reject) => {
      call = new OngoingCall(this.#link, procedure, { ...options, onProgress: (part) => parts.push(part) }, resolve, reject, parts);
      call.start(new Chunk(args, kwargs));
    });
    result.then(
      () => parts.end(),
      (error: unknown) => parts.fail(error),
    );
    return { result, [Symbol.asyncIterator]: () => parts };
  }
}

class OngoingCall implements Request {
  readonly type = MessageType.Call;
  readonly name: string;
  readonly #link: Link;
  readonly #procedure: string;
  readonly #options: CallOptions;
  readonly #resolve: (result: Result) => void;
  readonly #reject: (error: unknown) => void;
  /** Where progressive results wait to be read, if they do. */
  readonly #parts: Arrivals<Result> | undefined;
  #id: RequestId = 0;
  /** Why the caller gave the call up, while the callee is asked what it says to that (CANCEL, mode kill). */
  #killed: { readonly reason: unknown } | undefined = undefined;
  #hasEnded = false;
  /** Results that wait to be opened, and those behind them. */
  readonly #arriving = new InOrder();
  /** Ends the source of chunks, once it has been started. */
  #stopSource: (() => void) | undefined = undefined;

  constructor(
    link: Link,
    procedure: string,
    options: CallOptions,
    resolve: (result: Result) => void,
    reject: (error: unknown) => void,
    parts?: Arrivals<Result>,
  ) {
    this.name = `CALL ${procedure}`;
    this.#link = link;
    this.#procedure = procedure;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#parts = parts;
  }

  start(args: Chunk): void {
    const { chunks, codec, cancelMode } = this.#options;
    // [RPC-PCI-01, PPT-07, FEAT-04] A router without them would end the session.
    const lacking = [chunks && "progressive_call_invocations", codec && "payload_passthru_mode"].find(
      (feature) => feature && !this.#link.supports("dealer", feature),
    );
    if (lacking) {
      this.#reject(new ApplicationError(Uri.featureNotSupported, [`the router does not announce ${lacking}`]));
      return;
    }
    if (cancelMode !== undefined) checkOutgoing({ type: MessageType.Cancel, request: 0, options: { mode: cancelMode } });
    const options = callWire(this.#options, (feature) => this.#link.supports("dealer", feature));
    if (codec === undefined) this.#begin(options, payloadOf(args));
    else
      this.#link.codecs
        .seal(codec, args, this.#about, (sealed) => this.#begin({ ...options, ...sealed.options }, sealed.payload))
        .catch(this.#reject);
  }

  #begin(options: CallWire, payload: Payload): void {
    if (this.#hasEnded) return; // given up meanwhile
    const { chunks } = this.#options;
    this.#id = this.#link.request((id) => this.#message(id, options, payload), this, this.#options);
    if (this.#id === 0 || chunks === undefined) return;
    if (this.#options.timeout === undefined) this.#link.requests.setPaused(this.#id, true);
    void this.#send(chunks);
  }

  get #about(): Subject {
    return { kind: "call", uri: this.#procedure };
  }

  abandon(error: unknown): void {
    if (this.#id !== 0) this.#link.requests.abandon(this.#id, error);
    else {
      this.#hasEnded = true;
      this.#reject(error);
    }
  }

  // --- Answers -------------------------------------------------------------------------------------------------------------

  answered(message: Message): boolean {
    const { details, payload } = message as ResultMessage;
    if (details.progress === true) {
      const overflow = this.#parts?.expect(payload.end - payload.start);
      if (overflow !== undefined) {
        if (this.#killed === undefined) this.abandon(overflow);
        return true;
      }
    }
    this.#link.codecs.receive(
      this.#arriving,
      details,
      payload,
      { kind: "result", uri: this.#procedure },
      ({ args, kwargs }) => this.#take(new Result(args, kwargs, details)),
      (error) => (details.progress === true ? this.abandon(error) : this.#reject(error)),
    );
    return details.progress === true;
  }

  #take(result: Result): void {
    if (result.details.progress !== true) {
      this.#resolve(result);
      return;
    }
    try {
      const returned: unknown = this.#options.onProgress?.(result);
      if (returned instanceof Promise) returned.catch((error: unknown) => this.abandon(error));
    } catch (error) {
      this.abandon(error);
    }
  }

  failed(error: unknown, message?: ErrorMessage): void {
    const { timeout = 0 } = this.#options;
    if (!(error instanceof ApplicationError)) this.#reject(error);
    else if (this.#killed !== undefined && error.is(Uri.canceled)) this.#reject(this.#killed.reason);
    else if (timeout > 0 && error.is(Uri.timeout)) this.#reject(new TimeoutError(this.name, timeout, { cause: error }));
    else if (message?.details.ppt_scheme === undefined) this.#arriving.run(() => this.#reject(error));
    else {
      const { details, payload } = message;
      const fail = ({ args, kwargs }: Chunk) => this.#reject(new ApplicationError(error.uri, args, kwargs));
      this.#link.codecs.receive(this.#arriving, details, payload, { kind: "error", uri: this.#procedure }, fail, this.#reject);
    }
  }

  abandoned(reason: unknown): Abandoned {
    const { cancelMode: mode = "killnowait" } = this.#options;
    this.#end();
    if (!this.#link.supports("dealer", "call_canceling")) return "forgotten";
    this.#link.send({ type: MessageType.Cancel, request: this.#id, options: { mode } });
    if (mode !== "kill") return "forgotten";
    this.#killed = { reason };
    this.#link.requests.setPaused(this.#id, false);
    return "waits";
  }

  ended(): void {
    this.#end();
  }

  // --- Chunks --------------------------------------------------------------------------------------------------------------

  async #send(source: ChunkSource): Promise<void> {
    let isDone = false;
    const send = (chunk: unknown): Promise<void> => {
      const sending = isDone
        ? Promise.reject(new TypeError(`${this.name}: its function of chunks has returned, and what it returned was the last`))
        : this.#sendChunk(chunk, MORE);
      sending.catch(() => {}); // who sends without waiting need not look
      return sending;
    };
    try {
      const last = typeof source === "function" ? await source(send) : await this.#sendAll(source, send);
      isDone = true;
      if (this.#hasEnded) return;
      await this.#sendChunk(last, NO_OPTIONS);
      if (this.#options.timeout === undefined) this.#link.requests.setPaused(this.#id, false);
    } catch (error) {
      this.abandon(error); // nothing, where the call is over: then its source failed because of that
    }
  }

  async #sendAll(source: Iterable<unknown> | AsyncIterable<unknown>, send: (chunk: unknown) => Promise<void>): Promise<unknown> {
    const iterator =
      typeof source === "object" && Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#stopSource = () => void Promise.resolve(iterator.return?.()).catch(() => {});
    return forEachChunk(iterator, send);
  }

  async #sendChunk(chunk: unknown, options: CallWire): Promise<void> {
    // [RPC-PCI-09] The callee may answer before it has seen all chunks: the others are not sent.
    const send = ({ payload }: { readonly payload: Payload }) => {
      if (this.#hasEnded) throw new ApplicationError(Uri.canceled, ["the call has ended"]);
      this.#link.sendOrThrow(this.#message(this.#id, options, payload), this.name);
    };
    const { codec } = this.#options;
    const args = chunkOf(chunk);
    if (codec === undefined) send({ payload: payloadOf(args) });
    else await this.#link.codecs.seal(codec, args, this.#about, send); // [PPT-13]
    await this.#link.drained();
  }

  #message(request: RequestId, options: CallWire, payload: Payload): Message {
    return { type: MessageType.Call, request, options, procedure: this.#procedure, payload };
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#stopSource?.();
  }
}

/** [RPC-PCI-14] The first CALL has frozen all other options. */
const MORE: CallWire = Object.freeze({ progress: true });
