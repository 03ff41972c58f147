/**
 * The callee's half of a session: invocations that are under way, the chunks that they get, and how a handler's outcome
 * becomes an answer.
 *
 * Spec: requirements 4.1 to 4.4, callee side; RPC-PCI-10, RPC-TMO-04, AMB-45, AMB-53, AMB-55, AMB-67.
 */
import {
  type Interrupt,
  type InvocationId,
  type Invocation as InvocationMessage,
  isUri,
  MessageType,
  NO_OPTIONS,
  type PassthruOptions,
  Payload,
  type RegistrationId,
  type SendOutcome,
  Uri,
  type YieldOptions,
} from "@junctor/protocol";
import { Arrivals } from "./arrivals.ts";
import { type AnyIterator, Chunk, chunkOf, forEachChunk, generatorOf, payloadOf, received } from "./chunk.ts";
import { ApplicationError, HANDLER_FAILED, PayloadError, sendError } from "./error.ts";
import { InOrder } from "./in-order.ts";
import type { Link } from "./link.ts";
import type { PayloadCodec, Subject } from "./passthru.ts";
import type { Invocation, Registration } from "./registration.ts";

export class Callee {
  readonly registrations = new Map<RegistrationId, Registration>();
  readonly #link: Link;
  readonly #running = new Map<InvocationId, Running>();
  /** Invocations that ended before their last chunk, the newest last: what still comes for them is dropped. */
  readonly #cut = new Set<InvocationId>();

  constructor(link: Link) {
    this.#link = link;
  }

  invoke(message: InvocationMessage): void {
    const { request, details, payload } = message;
    const running = this.#running.get(request);
    if (running !== undefined) {
      running.continue(payload, details.progress === true);
      return;
    }
    if (this.#cut.has(request)) {
      if (details.progress !== true) this.#cut.delete(request);
      return; // [RPC-PCI-10]
    }
    const registration = this.registrations.get(message.registration);
    if (registration !== undefined) {
      const started = new Running(this.#link, message, registration);
      this.#running.set(request, started);
      void started.run().then(() => this.#ended(request, started));
      return;
    }
    this.#link.send({
      type: MessageType.Error,
      requestType: MessageType.Invocation,
      request,
      details: NO_OPTIONS,
      error: Uri.noSuchRegistration,
      payload: Payload.EMPTY,
    }); // [AMB-45]
    if (details.progress === true) this.#cutOff(request);
  }

  // [AMB-55] An unknown invocation has ended; no mode means kill.
  interrupt(message: Interrupt): void {
    const running = this.#running.get(message.request);
    running?.interrupt(new ApplicationError(message.options.reason ?? Uri.canceled), message.options.mode === "killnowait"); // [RPC-CANCEL-09]
  }

  /** The session is over. */
  close(reason: unknown): void {
    for (const running of this.#running.values()) running.interrupt(reason, true);
    this.#running.clear();
    this.registrations.clear();
  }

  #ended(request: InvocationId, running: Running): void {
    this.#running.delete(request);
    if (running.isOpen) this.#cutOff(request);
  }

  #cutOff(request: InvocationId): void {
    this.#cut.add(request);
    for (const oldest of this.#cut) {
      if (this.#cut.size <= MOST_CUT) break;
      this.#cut.delete(oldest);
    }
  }
}

/** One invocation, from INVOCATION to its answer. */
class Running {
  /** There are chunks to come. */
  isOpen: boolean;
  readonly #link: Link;
  readonly #message: InvocationMessage;
  readonly #registration: Registration;
  readonly #abort = new AbortController();
  readonly #chunks: Arrivals<Chunk>;
  /** How the call is sealed, and its answers with it. */
  #codec: PayloadCodec | undefined = undefined;
  readonly #arriving = new InOrder();
  /** It was answered, or the router awaits no answer any more. */
  #isOver = false;
  #timer: unknown = undefined;

  constructor(link: Link, message: InvocationMessage, registration: Registration) {
    this.#link = link;
    this.#message = message;
    this.#registration = registration;
    this.#chunks = new Arrivals(link.unreadLimit);
    this.isOpen = message.details.progress === true;
    if (!this.isOpen) this.#chunks.end();
  }

  get #isInterrupted(): boolean {
    return this.#abort.signal.aborted;
  }

  /** A further INVOCATION with its id. An empty last one brings no chunk. */
  continue(payload: Payload, hasMore: boolean): void {
    this.isOpen = hasMore;
    const overflow = this.#chunks.expect(payload.end - payload.start);
    if (overflow !== undefined) {
      this.#chunks.fail(overflow);
      return;
    }
    const { codecs } = this.#link;
    const push = (chunk: Chunk) => {
      if (hasMore || !chunk.isEmpty) this.#chunks.push(chunk);
      if (!hasMore) this.#chunks.end();
    };
    const details = payload.length > 0 ? this.#message.details : NO_OPTIONS; // [RPC-PCI-13, PPT-13]
    codecs.receive(this.#arriving, details, payload, this.#about, push, (error) => this.#chunks.fail(error));
  }

  /** @param isForgotten no answer is awaited */
  interrupt(reason: unknown, isForgotten: boolean): void {
    this.#isOver ||= isForgotten;
    this.#abort.abort(reason);
    this.#chunks.fail(reason);
  }

  async run(): Promise<void> {
    const { details, payload } = this.#message;
    this.#startTime();
    try {
      const { codecs } = this.#link;
      this.#codec = codecs.of(details);
      const { args, kwargs } =
        this.#codec === undefined ? received(payload) : await codecs.open(this.#codec, details, payload, this.#about);
      const invocation: Invocation = {
        args,
        kwargs,
        procedure: this.#procedure,
        details,
        chunks: this.#chunks,
        signal: this.#abort.signal,
        progress: details.receive_progress === true ? (args, kwargs) => this.#progress(new Chunk(args, kwargs)) : undefined,
      };
      const returned = await this.#registration.handler(invocation);
      const generator = generatorOf(returned);
      await this.#answer(generator === undefined ? returned : await this.#generate(generator));
    } catch (error) {
      // What was thrown may itself have no form: a URI that is none, a text that cannot be read. The caller is told that instead.
      await this.#failed(error).catch((trouble: unknown) => this.#fail(HANDLER_FAILED, [textOf(trouble)]));
    }
    this.#isOver = true;
    this.#link.timers.clear(this.#timer);
    this.#chunks.end();
  }

  get #procedure(): string {
    return this.#message.details.procedure ?? this.#registration.procedure;
  }

  get #about(): Subject {
    return { kind: "call", uri: this.#procedure };
  }

  /** What a generator yields are progressive results; what it returns is the last one. One that is interrupted is left. */
  #generate(generator: AnyIterator): Promise<unknown> {
    const { signal } = this.#abort;
    const wants = this.#message.details.receive_progress === true;
    return new Promise((resolve, reject) => {
      const leave = () => {
        reject(signal.reason);
        Promise.resolve(generator.return?.()).catch(() => {});
      };
      if (signal.aborted) leave();
      signal.addEventListener("abort", leave, { once: true });
      forEachChunk(generator, (chunk) => (wants ? this.#progress(chunkOf(chunk)) : undefined)).then(resolve, reject);
    });
  }

  async #answer(returned: unknown): Promise<void> {
    const outcome = await this.#yield(chunkOf(returned), NO_OPTIONS);
    if (outcome === "unserializable") await this.#fail(HANDLER_FAILED, ["the result has no form in the serializer of this session"]);
    else if (outcome === "too-large") await this.#fail(Uri.payloadSizeExceeded, ["the result is longer than the router accepts"]);
  }

  /** @throws {SerializationError} and {@link TransportError}, at once, where it cannot be sent */
  #progress(chunk: Chunk): Promise<void> {
    const sending = this.#yield(chunk, PROGRESS);
    const sent = (outcome: SendOutcome) => {
      if (outcome !== "sent") throw sendError(outcome, `progress of ${this.#registration.procedure}`);
      this.#startTime(); // [RPC-PCR-11]
      return this.#link.drained();
    };
    if (typeof sending === "string") return sent(sending) ?? Promise.resolve();
    const done = sending.then(sent);
    done.catch(() => {}); // who sends without waiting need not look
    return done;
  }

  /** Sealed, where the call was. */
  #yield(chunk: Chunk, options: YieldOptions): SendOutcome | Promise<SendOutcome> {
    const { request } = this.#message;
    const send = (payload: Payload, options: YieldOptions): SendOutcome => {
      if (this.#isOver) return "sent";
      const outcome = this.#link.send({ type: MessageType.Yield, request, options, payload });
      if (outcome === "sent" && options.progress !== true) this.#isOver = true;
      return outcome;
    };
    if (this.#codec === undefined) return send(payloadOf(chunk), options);
    return this.#link.codecs.seal(this.#codec, chunk, { kind: "result", uri: this.#procedure }, (sealed) =>
      send(sealed.payload, { ...options, ...sealed.options }),
    );
  }

  // [RPC-TMO-04] Present where the registration asked for it.
  #startTime(): void {
    const { timeout = 0 } = this.#message.details;
    if (timeout <= 0) return;
    const { timers } = this.#link;
    timers.clear(this.#timer);
    this.#timer = timers.set(() => {
      if (this.#isOver) return;
      void this.#fail(Uri.timeout); // unsealed, so that it is sent before the invocation is over
      this.interrupt(new ApplicationError(Uri.timeout), true);
    }, timeout);
  }

  async #failed(error: unknown): Promise<void> {
    // [AMB-53] A handler that stopped because it was told to has been canceled, however it says so.
    if (this.#isInterrupted) await this.#fail(Uri.canceled);
    else if (error instanceof ApplicationError) await this.#fail(error.uri, error.args, error.kwargs);
    else if (error instanceof PayloadError) {
      // [AMB-129] In clear: whoever cannot open the call could seal nothing for its caller.
      const isForeign = this.#codec === undefined && this.#message.details.ppt_scheme !== undefined;
      const uri = isForeign ? Uri.featureNotSupported : Uri.invalidArgument;
      this.#codec = undefined;
      await this.#fail(uri, [error.message]);
    } else await this.#fail(HANDLER_FAILED, [textOf(error)]);
  }

  async #fail(error: string, args?: readonly unknown[], kwargs?: Readonly<Record<string, unknown>>): Promise<void> {
    // [AMB-18] A router would end the session.
    if (typeof error !== "string" || !isUri(error)) throw new TypeError(`the handler threw an ApplicationError, but "${error}" is no URI`);
    const { request } = this.#message;
    const content = new Chunk(args, kwargs);
    const message = { type: MessageType.Error, requestType: MessageType.Invocation, request, error } as const;
    const send = (payload: Payload, details: PassthruOptions = NO_OPTIONS): void => {
      if (this.#isOver) return;
      const outcome = this.#link.send({ ...message, details, payload });
      if (outcome === "unserializable" || outcome === "too-large")
        this.#link.send({ ...message, details: NO_OPTIONS, payload: Payload.EMPTY });
      this.#isOver = true;
    };
    if (this.#codec === undefined || args === undefined) send(payloadOf(content));
    else {
      const about = { kind: "error", uri: this.#procedure } as const;
      const seal = this.#link.codecs.seal(this.#codec, content, about, (sealed) => send(sealed.payload, sealed.options));
      await seal.catch(() => send(Payload.EMPTY));
    }
  }
}

/** A program can throw anything. */
function textOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return "what was thrown has no text";
  }
}

const PROGRESS = Object.freeze({ progress: true });
const MOST_CUT = 256;
