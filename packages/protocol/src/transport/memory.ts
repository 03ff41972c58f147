/** Two transports linked in one process: messages pass as objects, without serialisation. For embedding and for tests. */
import type { Message } from "../message/message.ts";
import type { Receiver, SendOutcome, Transport } from "./transport.ts";

export interface MemoryTransport extends Transport {
  /** Whom to tell what arrives. To be set before the other end sends. */
  receiver: Receiver | undefined;
}

/**
 * What one end sends reaches the other in order, in a later microtask: neither side is entered while it is still busy
 * with the message that it answers.
 */
export function linkedTransports(): [MemoryTransport, MemoryTransport] {
  const a = new End();
  const b = new End();
  a.other = b;
  b.other = a;
  return [a, b];
}

class End implements MemoryTransport {
  receiver: Receiver | undefined = undefined;
  other: End | undefined = undefined;
  readonly #inbox: Message[] = [];
  #isScheduled = false;
  /** The reason why this end is closed; what it had been sent before still arrives. */
  #closed: string | undefined = undefined;
  #isLost = false;

  send(message: Message): SendOutcome {
    const { other } = this;
    if (this.#closed !== undefined || other === undefined || other.#closed !== undefined) return "closed";
    other.#inbox.push(message);
    other.#schedule();
    return "sent";
  }

  close(reason: string): void {
    this.#shut(reason);
    if (this.other !== undefined) this.other.#shut(reason);
  }

  #shut(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    this.#isScheduled = false;
    for (const message of this.#inbox.splice(0)) this.receiver?.receive(message);
    if (this.#inbox.length > 0) this.#schedule();
    else if (this.#closed !== undefined && !this.#isLost) {
      this.#isLost = true;
      this.receiver?.lost(this.#closed);
    }
  }
}
