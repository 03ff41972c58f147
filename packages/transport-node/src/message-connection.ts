/**
 * What connections make of what arrives whole, in a WebSocket message or a request: a message, or a batch of messages.
 *
 * Spec: requirements 9.1, 9.2; AMB-33, AMB-117.
 */
import { BatchReader, type Message, ProtocolError, separatedByCancel } from "@junctor/protocol";
import { Connection, type Sink } from "./connection.ts";
import { encodingOf } from "./encodings.ts";
import { WRONG_FRAME, wrongFrame } from "./websocket-close.ts";

export abstract class MessageConnection<S extends Sink> extends Connection<S> {
  /** Of our CLOSE frame, where the reason alone does not tell. */
  protected status: number | undefined = undefined;
  /** To be kept by the subclass: what waits in a batch waits, too. */
  protected isPaused = false;
  readonly #isBinary = this.encoding.serializer.frame === "binary";
  readonly #batch = this.encoding.framing.format && new BatchReader(this.encoding.framing.format);

  get accepts(): number {
    return this.limits.messageSize;
  }

  /** What a WebSocket message holds: `bytes` from `start` to `end`. They stay valid: they are never written again. */
  message(bytes: Uint8Array, start: number, end: number, isBinary: boolean): void {
    if (this.isClosing) return;
    let message: Message;
    try {
      if (isBinary !== this.#isBinary) {
        this.status = WRONG_FRAME;
        throw wrongFrame(isBinary, this.serializerName);
      }
      if (this.#batch !== undefined) {
        this.#batch.begin(bytes, start, end);
        this.#answerInKind(bytes[end - 1]);
        this.readBatch();
        return;
      }
      message = this.encoding.serializer.decode(bytes, start, end);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.violated(error);
      return;
    }
    this.received(message);
  }

  // [AMB-33] A client that separates by 0x18 understands nothing else.
  #answerInKind(last: number | undefined): void {
    const { serializer, framing } = this.encoding;
    if (this.#isBinary || last !== CANCEL || framing.format === separatedByCancel) return;
    this.encoding = encodingOf(serializer, framing.withFormat(separatedByCancel));
  }

  /**
   * Hands on what is left of a batch, one message after the other (TRN-BATCH-07).
   * @param isLast nothing comes after it: a pause within it has no point
   */
  protected readBatch(isLast = false): void {
    while (this.#batch !== undefined && (isLast || !this.isPaused) && !this.isClosing) {
      let message: Message | undefined;
      try {
        message = this.#batch.next(this.encoding.serializer);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.violated(error);
        return;
      }
      if (message === undefined) return;
      this.received(message);
    }
  }
}

const CANCEL = 0x18;
