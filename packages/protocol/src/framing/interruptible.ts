/**
 * What the parsers of both transports have in common: whoever is handed frames can stop or pause them in the middle of what has
 * arrived.
 */
export abstract class InterruptibleParser {
  /** Nothing more is handed on, for good or until `resume`: to be looked at between two frames. */
  protected isHalted = false;
  #isStopped = false;
  #isPaused = false;
  /** What arrived and was not handed on, because of a pause. */
  #kept: Uint8Array | undefined = undefined;

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Nothing more is handed on, not even from the chunk at hand. */
  stop(): void {
    this.#isStopped = true;
    this.isHalted = true;
  }

  /** Frames are handed on only after `resume`, those of the chunk at hand too. */
  pause(): void {
    this.#isPaused = true;
    this.isHalted = true;
  }

  /** @returns what arrived and was not handed on: to be pushed now. Nothing where `push` is under way, which then goes on */
  resume(): Uint8Array | undefined {
    this.#isPaused = false;
    this.isHalted = this.#isStopped;
    const kept = this.#kept;
    this.#kept = undefined;
    return kept;
  }

  /** For what cannot be handed on now: where only a pause keeps it from that, it waits for `resume`. */
  protected keep(bytes: Uint8Array): void {
    if (!this.#isPaused || bytes.length === 0) return;
    if (this.#kept === undefined) this.#kept = bytes;
    else {
      const both = new Uint8Array(this.#kept.length + bytes.length);
      both.set(this.#kept);
      both.set(bytes, this.#kept.length);
      this.#kept = both;
    }
  }
}
