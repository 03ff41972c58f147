/**
 * The requests of a session that wait for an answer. Every one of them settles: by its answer, its time-out, its signal, or
 * the end of the session.
 */
import { type Message, MessageType, type RequestId, type RequestType } from "@junctor/protocol";
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
  failed(error: unknown): void;
  /** Given up by its caller. @returns whether the answer, when it comes, is still to be given to `answered` */
  abandoned(): boolean;
}

interface Entry {
  readonly request: Request;
  isAbandoned: boolean;
  stopWaiting: () => void;
}

export class Requests {
  readonly #entries = new Map<RequestId, Entry>();
  readonly #timers: Timers;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(id: RequestId, request: Request, { signal, timeout = 0 }: WaitOptions): void {
    const giveUp = (error: unknown) => {
      entry.stopWaiting();
      entry.isAbandoned = true;
      if (!request.abandoned()) this.#entries.delete(id);
      request.failed(error);
    };
    const onAbort = () => giveUp(signal?.reason);
    const timer = timeout > 0 ? this.#timers.set(() => giveUp(new TimeoutError(request.name, timeout)), timeout) : undefined;
    signal?.addEventListener("abort", onAbort, { once: true });
    const entry: Entry = {
      request,
      isAbandoned: false,
      stopWaiting: () => {
        if (timer !== undefined) this.#timers.clear(timer);
        signal?.removeEventListener("abort", onAbort);
      },
    };
    this.#entries.set(id, entry);
  }

  /** @returns whether the request is known and of a type that this message answers */
  answer(id: RequestId, type: RequestType, message: Message): boolean {
    const entry = this.#entries.get(id);
    if (entry?.request.type !== type) return false;
    if (!entry.request.answered(message)) this.#remove(id, entry);
    return true;
  }

  fail(id: RequestId, type: RequestType, error: unknown): boolean {
    const entry = this.#entries.get(id);
    if (entry?.request.type !== type) return false;
    this.#remove(id, entry);
    if (!entry.isAbandoned) entry.request.failed(error);
    return true;
  }

  /** The session is over. */
  failAll(error: (request: Request) => unknown): void {
    for (const [id, entry] of [...this.#entries]) {
      this.#remove(id, entry);
      if (!entry.isAbandoned) entry.request.failed(error(entry.request));
    }
  }

  #remove(id: RequestId, entry: Entry): void {
    this.#entries.delete(id);
    entry.stopWaiting();
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
