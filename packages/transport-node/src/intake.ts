/**
 * When a peer is read: as fast as it sends, but for reasons not to. What it has sent then waits, in our buffers first and in its
 * own soon (G6).
 */
import type { Message, Receiver } from "@junctor/protocol";

/** Why a peer is not read. */
export const Hold = {
  /** It does not take the answers to its own requests. */
  replies: 1,
  /** It asks for more than its rate. */
  rate: 2,
  /** Others are to be heard in this turn. */
  turn: 4,
} as const;

/** What all connections together have sent, in messages. */
export const traffic = { sent: 0 };

export abstract class Intake {
  /** Whom to tell what arrives. To be set at once by whoever made the connection. */
  receiver: Receiver | undefined = undefined;
  /** Anything arrived since the last tick. */
  protected isAlive = true;
  #holds = 0;
  /** `traffic.sent` at which it is not read any more in this turn. */
  #mostSent = 0;
  /** Chunks in a row behind which more was waiting. */
  #fullReads = 0;

  /** A chunk is about to be looked at. */
  protected hearing(): void {
    this.isAlive = true;
    this.#mostSent = traffic.sent + MOST_SENT;
  }

  /** A message. Hot path: whether it has caused too much is one comparison. */
  protected received(message: Message): void {
    try {
      this.receiver?.receive(message);
    } catch (error) {
      this.failed(error);
    }
    if (traffic.sent > this.#mostSent) this.#waitForTurn();
  }

  /** A chunk has been looked at. */
  protected heard(octets: number): void {
    if (octets < FULL_READ) this.#fullReads = 0;
    else if (++this.#fullReads >= MOST_FULL_READS) this.#waitForTurn();
  }

  // [F10, T26] Whoever always has more to say, or says it to many, is heard a little at a time, and everybody else between.
  #waitForTurn(): void {
    this.#fullReads = 0;
    if (this.isHeld(Hold.turn)) return;
    this.hold(Hold.turn);
    setImmediate(Intake.#turn, this);
  }

  static #turn(intake: Intake): void {
    intake.release(Hold.turn);
  }

  /** [G6] The peer asks for more than its rate: it is not read until the next tick. */
  throttle(): void {
    this.hold(Hold.rate);
  }

  protected isHeld(why: number): boolean {
    return (this.#holds & why) !== 0;
  }

  protected hold(why: number): void {
    if (this.isEnding) return;
    const wasRead = this.#holds === 0;
    this.#holds |= why;
    if (wasRead) this.pause();
  }

  protected release(why: number): void {
    if (!this.isHeld(why) || this.isEnding) return;
    this.#holds &= ~why;
    if (this.#holds === 0) this.resume();
  }

  /** What a message set off met an error that nobody expected. */
  protected abstract failed(error: unknown): void;
  /** It is read to its end now, whatever comes. */
  protected abstract get isEnding(): boolean;
  /** Stops and starts reading. What has been read already waits, too. */
  protected abstract pause(): void;
  protected abstract resume(): void;
}

/** So many messages may a chunk of one peer cause to be sent before others are heard: some 20 ms. */
const MOST_SENT = 1 << 14;
/** What Node.js reads at once; less of it means that nothing more was there. */
const FULL_READ = 64 << 10;
const MOST_FULL_READS = 4;
