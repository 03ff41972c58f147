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
  MessageType,
  NO_OPTIONS,
  Payload,
  type RegistrationId,
  Uri,
} from "@junctor/protocol";
import { Arrivals } from "./arrivals.ts";
import { type AnyIterator, Chunk, forEachChunk, generatorOf, payloadOf } from "./chunk.ts";
import { ApplicationError, HANDLER_FAILED } from "./error.ts";
import type { Link } from "./link.ts";
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
    if (running.isOpen && !running.isInterrupted) this.#cutOff(request);
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
  readonly #chunks = new Arrivals<Chunk>();
  /** It was answered, or the router awaits no answer any more. */
  #isOver = false;
  #timer: unknown = undefined;

  constructor(link: Link, message: InvocationMessage, registration: Registration) {
    this.#link = link;
    this.#message = message;
    this.#registration = registration;
    this.isOpen = message.details.progress === true;
    if (!this.isOpen) this.#chunks.end();
  }

  get isInterrupted(): boolean {
    return this.#abort.signal.aborted;
  }

  /** A further INVOCATION with its id. An empty last one brings no chunk. */
  continue(payload: Payload, hasMore: boolean): void {
    if (hasMore || payload.length > 0) this.#chunks.push(new Chunk(payload.args, payload.kwargs));
    this.isOpen = hasMore;
    if (!hasMore) this.#chunks.end();
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
      const invocation: Invocation = {
        args: payload.args ?? [],
        kwargs: payload.kwargs ?? {},
        procedure: details.procedure ?? this.#registration.procedure,
        details,
        chunks: this.#chunks,
        signal: this.#abort.signal,
        progress: details.receive_progress === true ? (args, kwargs) => this.#progress(Payload.of(args, kwargs)) : undefined,
      };
      const returned = await this.#registration.handler(invocation);
      const generator = generatorOf(returned);
      this.#answer(generator === undefined ? returned : await this.#generate(generator));
    } catch (error) {
      this.#failed(error);
    }
    this.#isOver = true;
    this.#link.timers.clear(this.#timer);
    this.#chunks.end();
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
      forEachChunk(generator, (chunk) => (wants ? this.#progress(payloadOf(chunk)) : undefined)).then(resolve, reject);
    });
  }

  #answer(returned: unknown): void {
    if (this.#isOver) return;
    const payload = payloadOf(returned);
    const outcome = this.#link.send({ type: MessageType.Yield, request: this.#message.request, options: NO_OPTIONS, payload });
    if (outcome === "unserializable") this.#fail(HANDLER_FAILED, Payload.of(["the result has no form in the serializer of this session"]));
    else if (outcome === "too-large") this.#fail(Uri.payloadSizeExceeded, Payload.of(["the result is longer than the router accepts"]));
  }

  /** @throws {SerializationError} and {@link TransportError}, at once, where it cannot be sent */
  #progress(payload: Payload): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    const message = { type: MessageType.Yield, request: this.#message.request, options: PROGRESS, payload } as const;
    this.#link.sendOrThrow(message, `progress of ${this.#registration.procedure}`);
    this.#startTime(); // [RPC-PCR-11]
    return this.#link.drained() ?? Promise.resolve();
  }

  // [RPC-TMO-04] Present where the registration asked for it.
  #startTime(): void {
    const { timeout = 0 } = this.#message.details;
    if (timeout <= 0) return;
    const { timers } = this.#link;
    timers.clear(this.#timer);
    this.#timer = timers.set(() => {
      if (this.#isOver) return;
      this.#fail(Uri.timeout, Payload.of([`no answer within ${timeout} ms`]));
      this.interrupt(new ApplicationError(Uri.timeout), true);
    }, timeout);
  }

  #failed(error: unknown): void {
    if (this.#isOver) return;
    // [AMB-53] A handler that stopped because it was told to has been canceled, however it says so.
    if (this.isInterrupted) this.#fail(Uri.canceled, Payload.EMPTY);
    else if (error instanceof ApplicationError) this.#fail(error.uri, Payload.of(error.args, error.kwargs));
    else this.#fail(HANDLER_FAILED, Payload.of([error instanceof Error ? error.message : String(error)]));
  }

  #fail(error: string, payload: Payload): void {
    const { request } = this.#message;
    const message = { type: MessageType.Error, requestType: MessageType.Invocation, request, details: NO_OPTIONS, error } as const;
    const outcome = this.#link.send({ ...message, payload });
    if (outcome === "unserializable" || outcome === "too-large") this.#link.send({ ...message, payload: Payload.EMPTY });
  }
}

const PROGRESS = Object.freeze({ progress: true });
const MOST_CUT = 256;
