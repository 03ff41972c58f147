/**
 * The requests of a session that wait for an answer. Every one of them settles: by its answer, its time-out, its signal, or
 * the end of the session.
 */
import {
  type ErrorMessage,
  type Message,
  MessageType,
  messageName,
  ProtocolError,
  type RequestId,
  type RequestType,
} from "@junctor/protocol";
import { TimeoutError } from "./error.ts";
import type { WaitOptions } from "./options.ts";

/** Timers, injected so that tests need not wait. */
export interface Timers {
  set(task: () => void, ms: number): unknown;
  clear(timer: unknown): void;
}

export interface Request {
  readonly type: RequestType;
  /** For error texts: `CALL com.app.add`. */
  readonly name: string;
  /** Gives the answer that is no ERROR. @returns whether more of them follow (progressive results) */
  answered(message: Message): boolean;
  /** @param message the ERROR, where it is one that says so */
  failed(error: unknown, message?: ErrorMessage): void;
  /** Given up by its caller, or its time is over. Absent: it is forgotten. */
  abandoned?(error: unknown): Abandoned;
  /** It waits no more, whatever the reason. */
  ended?(): void;
}

/**
 * What becomes of a request that is given up: nobody wants its answer any more; its answer, when it comes, still goes to
 * `answered`; or it has not failed yet, but waits on.
 */
export type Abandoned = "forgotten" | "answered" | "waits";

interface Entry {
  readonly request: Request;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: () => void;
  timer: unknown;
  /** Its time does not run. */
  isPaused: boolean;
  isAbandoned: boolean;
}

export class Requests {
  readonly #entries = new Map<RequestId, Entry>();
  readonly #timers: Timers;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  add(id: RequestId, request: Request, { signal, timeout = 0 }: WaitOptions): void {
    const onAbort = () => this.abandon(id, signal?.reason);
    const entry: Entry = { request, timeout, signal, onAbort, timer: undefined, isPaused: false, isAbandoned: false };
    this.#entries.set(id, entry);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#startTime(id, entry);
  }

  /** Gives a request up, if it still waits. */
  abandon(id: RequestId, error: unknown): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.isAbandoned) return;
    const { request } = entry;
    const then = request.abandoned?.(error) ?? "forgotten";
    if (then === "waits") return;
    if (then === "forgotten") this.#remove(id, entry);
    else this.#stopWaiting(entry);
    entry.isAbandoned = true;
    request.failed(error);
  }

  /** Lets the time of a request rest, for its caller is not done with it; or begins it anew. */
  setPaused(id: RequestId, isPaused: boolean): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.isAbandoned) return;
    entry.isPaused = isPaused;
    this.#startTime(id, entry);
  }

  /**
   * @returns whether the request still waits, or did once
   * @throws {ProtocolError} `UNEXPECTED_MESSAGE`: it is a request of another type
   */
  answer(id: RequestId, type: RequestType, message: Message): boolean {
    const entry = this.#entry(id, type, message);
    if (entry === undefined) return false;
    if (!entry.request.answered(message)) this.#remove(id, entry);
    else if (!entry.isAbandoned) this.#startTime(id, entry); // [RPC-PCR-11]
    return true;
  }

  /** As `answer`, with an ERROR. */
  fail(id: RequestId, message: ErrorMessage, error: unknown): boolean {
    const entry = this.#entry(id, message.requestType, message);
    if (entry === undefined) return false;
    this.#remove(id, entry);
    if (!entry.isAbandoned) entry.request.failed(error, message);
    return true;
  }

  /** The session is over. */
  failAll(error: () => unknown): void {
    for (const [id, entry] of [...this.#entries]) {
      this.#remove(id, entry);
      if (!entry.isAbandoned) entry.request.failed(error());
    }
  }

  #entry(id: RequestId, type: RequestType, message: Message): Entry | undefined {
    const entry = this.#entries.get(id);
    if (entry !== undefined && entry.request.type !== type)
      throw new ProtocolError("UNEXPECTED_MESSAGE", `${messageName(message.type)} is no answer to request ${id}, ${entry.request.name}`);
    return entry;
  }

  #startTime(id: RequestId, entry: Entry): void {
    const { timeout, request } = entry;
    if (timeout <= 0 || timeout === Number.POSITIVE_INFINITY) return;
    this.#timers.clear(entry.timer);
    entry.timer = entry.isPaused ? undefined : this.#timers.set(() => this.#expire(id, new TimeoutError(request.name, timeout)), timeout);
  }

  /** Unlike a signal, time that is over is waited out by nobody. */
  #expire(id: RequestId, error: TimeoutError): void {
    const entry = this.#entries.get(id);
    this.abandon(id, error);
    if (entry === undefined || entry.isAbandoned) return;
    this.#remove(id, entry);
    entry.isAbandoned = true;
    entry.request.failed(error);
  }

  #remove(id: RequestId, entry: Entry): void {
    this.#entries.delete(id);
    this.#stopWaiting(entry);
    entry.request.ended?.();
  }

  #stopWaiting({ timer, signal, onAbort }: Entry): void {
    this.#timers.clear(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** The request that a positive answer belongs to. */
export function requestTypeOf(message: Message): RequestType | undefined {
  switch (message.type) {
    case MessageType.Published:
      return MessageType.Publish;
    case MessageType.Subscribed:
      return MessageType.Subscribe;
    case MessageType.Unsubscribed:
      return MessageType.Unsubscribe;
    case MessageType.Result:
      return MessageType.Call;
    case MessageType.Registered:
      return MessageType.Register;
    case MessageType.Unregistered:
      return MessageType.Unregister;
    default:
      return undefined;
  }
}
