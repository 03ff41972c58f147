/**
 * One WAMP connection over HTTP long-poll: what leaves waits for the client's next request to receive, what arrives comes in
 * the order of the requests to send. HTTP itself is in `longpoll.ts`.
 *
 * Spec: requirements 9.4; AMB-122, AMB-123.
 */
import { CloseReason, type ProtocolError } from "@junctor/protocol";
import type { ConnectionObserver } from "./connection.ts";
import type { Encoding } from "./encoding.ts";
import type { ConnectionLimits } from "./limits.ts";
import { Mailbox } from "./mailbox.ts";
import { MessageConnection } from "./message-connection.ts";

/** Answers a request to receive: with messages, with none for now (empty), or (`undefined`) with none ever again. */
export type Answer = (body: Uint8Array | undefined) => void;

export class LongPollConnection extends MessageConnection<Mailbox> {
  readonly #holdMs: number;
  /** The request that is held, and until when. */
  #answer: Answer | undefined = undefined;
  #until = 0;
  #isAnswering = false;
  /** Settles when the request to send before the next one has been dealt with. */
  #sends: Promise<unknown> = Promise.resolve();
  #sending = 0;
  #resumed: (() => void) | undefined = undefined;
  #isBroken = false;

  /** @param holdMs how long a request to receive is held; @param silentMs how long the client may leave none */
  constructor(
    encoding: Encoding,
    limits: ConnectionLimits,
    observer: ConnectionObserver,
    address: string | undefined,
    now: () => number,
    holdMs: number,
    silentMs: number,
  ) {
    const liveness = { pingIntervalMs: silentMs, awaitedPingIntervalMs: silentMs };
    super(new Mailbox(), encoding, { ...limits, ...liveness }, observer, address, now);
    this.#holdMs = holdMs;
    this.socket.onFilled = () => this.#reply();
    this.socket.onDestroyed = () => this.leave(CloseReason.transportLost);
  }

  get isBatched(): boolean {
    return this.encoding.framing.format !== undefined;
  }

  /** Requests to send that have not been answered. */
  get sending(): number {
    return this.#sending;
  }

  // --- Receiving -----------------------------------------------------------------------------------------------------------

  /** A request to receive. One that is held already goes empty-handed (AMB-123). */
  poll(answer: Answer): void {
    this.isAlive = true;
    this.#answerWith(NOTHING);
    this.#answer = answer;
    this.#until = this.now() + this.#holdMs;
    this.#reply();
  }

  /** The request was given up. @param isLost with messages in the answer: nobody can tell whether they arrived */
  givenUp(answer: Answer, isLost: boolean): void {
    if (this.#answer === answer) this.#answer = undefined;
    if (isLost) this.destroy(CloseReason.transportLost);
  }

  #reply(): void {
    if (this.#answer === undefined || this.#isAnswering) return;
    if (this.socket.writableLength > 0) {
      this.#isAnswering = true; // what is taken makes room for more, which goes along or waits
      const body = this.isBatched ? this.socket.takeAll() : this.socket.takeMessage(); // [TRN-LP-04]
      this.#isAnswering = false;
      this.#answerWith(body);
    } else if (this.isClosing) this.#answerWith(undefined); // [AMB-122]
  }

  #answerWith(body: Uint8Array | undefined): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.(body);
  }

  override tick(now: number): void {
    if (this.#answer !== undefined) {
      this.isAlive = true;
      if (now >= this.#until) this.#answerWith(NOTHING); // [AMB-122]
    }
    super.tick(now);
  }

  // --- Sending ---------------------------------------------------------------------------------------------------------------

  /**
   * A request to send, when those before it have been dealt with (TRN-LP-06) and the client has taken enough of its replies.
   * @param read its body; not called before that
   * @returns false: it was no message, or no batch of messages, and the session ends (AMB-123)
   * @throws what `read` does
   */
  push(read: () => Promise<Uint8Array>): Promise<boolean> {
    this.isAlive = true;
    this.#sending++;
    const pushed = this.#sends.then(async () => {
      try {
        if (this.isPaused)
          await new Promise<void>((resolve) => {
            this.#resumed = resolve;
          });
        const body = await read();
        this.socket.bytesRead += body.length;
        if (!this.hadSession) this.heardBeforeJoin(body.length);
        this.hearing();
        this.message(body, 0, body.length, this.encoding.serializer.frame === "binary");
        this.heard(body.length);
        return !this.#isBroken;
      } finally {
        this.#sending--;
      }
    });
    this.#sends = pushed.catch(() => {});
    return pushed;
  }

  protected override violated(error: ProtocolError): void {
    this.#isBroken = true;
    super.violated(error);
  }

  protected pause(): void {
    this.isPaused = true;
  }

  protected resume(): void {
    this.isPaused = false;
    this.readBatch();
    if (!this.isPaused) this.#goOn();
  }

  #goOn(): void {
    this.#resumed?.();
    this.#resumed = undefined;
  }

  // --- The end ---------------------------------------------------------------------------------------------------------------

  /** The client has been silent for its whole time. */
  protected ping(): void {
    this.destroy(CloseReason.pingTimeout);
  }

  /** What is left waits for the client to fetch it, and to say that it closes. */
  protected end(): void {
    this.#reply();
    this.isPaused = false;
    this.#goOn();
  }

  /** The client closes, or is gone. */
  leave(reason: string = CloseReason.transportClosed): void {
    this.gone(reason);
    this.#answerWith(undefined);
    this.#goOn();
    this.socket.destroy();
  }
}

const NOTHING = new Uint8Array(0);
