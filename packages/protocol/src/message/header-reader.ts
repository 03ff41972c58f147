/**
 * What the decoder asks of a format: the elements of one message list, front to back. An implementation checks every
 * byte it passes (lengths against bytes left, UTF-8, depth) and throws `ProtocolError`, nothing else.
 */
import { ProtocolError, type ProtocolErrorCode } from "../error.ts";
import type { Payload } from "./payload.ts";
import { messageName } from "./type.ts";

export abstract class HeaderReader {
  protected type = 0;
  /** Position of the element read last; 0 is the type code. */
  protected element = 0;

  /** Opens the message list in `bytes[start, end)` and reads the type code. */
  abstract begin(bytes: Uint8Array, start: number, end: number): number;
  /** Whether another element follows. */
  abstract hasMore(): boolean;
  /** An integer from 0 to 2^53; floats without a fraction count as integers (AMB-26). */
  abstract uint(): number;
  abstract text(): string;
  /** A dict of the message's own: no duplicate keys, no tags or extension types. The shared empty one where it is empty. */
  abstract dict(): Record<string, unknown>;
  /** The rest of the list: nothing, Args, or Args and Kwargs. `null` in either place is absent (AMB-14). */
  abstract payload(): Payload;
  /** The rest of the list: one binary item (E2EE-02), or a payload like any other. */
  abstract transparentPayload(): Payload;
  /** A text, or null. */
  abstract textOrNull(): string | null;
  /** Closes the list: nothing may follow in it, nor behind it. */
  abstract end(): void;

  id(): number {
    const id = this.uint();
    if (id === 0) this.fail("INVALID_ID", "must be an id from 1 to 2^53, not 0"); // [ID-01]
    return id;
  }

  protected fail(code: ProtocolErrorCode, problem: string): never {
    throw new ProtocolError(code, `${messageName(this.type)}: element ${this.element} ${problem}`);
  }
}
