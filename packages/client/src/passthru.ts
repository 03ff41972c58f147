/**
 * Payload passthru mode: arguments that only the peers read, because a codec has turned them into bytes. What a codec is,
 * and the session's part in it; `@junctor/client/passthru/aes-gcm` is one.
 *
 * What comes sealed is opened by the codec of its scheme, and answered by the same. Codecs may take their time: what passes
 * through them keeps its order.
 *
 * Spec: requirements 12.1; AMB-127, AMB-129, RPC-PCI-13.
 */
import { type PassthruOptions, Payload } from "@junctor/protocol";
import { Chunk, received } from "./chunk.ts";
import { PayloadError } from "./error.ts";
import { InOrder } from "./in-order.ts";

/** Turns arguments into bytes that no router reads, and back. */
export interface PayloadCodec {
  /** PPT attribute `ppt_scheme`: `mqtt`, `wamp`, or one's own, `x_…`. */
  readonly scheme: string;
  seal(content: Content, about: Subject): SealedPayload | Promise<SealedPayload>;
  /** Throws where it cannot: an unknown key, a payload that somebody changed. */
  open(sealed: SealedPayload, about: Subject): Content | Promise<Content>;
}

export interface Content {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/** The one item of a payload, and its attributes `ppt_serializer`, `ppt_cipher` and `ppt_keyid`. */
export interface SealedPayload {
  readonly bytes: Uint8Array;
  readonly serializer?: string | undefined;
  readonly cipher?: string | undefined;
  readonly keyid?: string | undefined;
}

/** What a payload belongs to. A codec may bind it to that, so that a router cannot pass it off as something else. */
export interface Subject {
  readonly kind: "call" | "result" | "error" | "event";
  /** The procedure that is called, or the topic. */
  readonly uri: string;
}

/** A payload for the wire, with the options that go with it. */
interface Wrapped {
  readonly payload: Payload;
  readonly options: PassthruOptions;
}

/** The codecs of a session. */
export class Codecs {
  readonly #codecs: readonly PayloadCodec[];
  /** Of all that is sealed. */
  readonly #leaving = new InOrder();

  constructor(codecs: readonly PayloadCodec[]) {
    this.#codecs = codecs;
  }

  /** Of a message that came. `undefined`: it is for everybody to read. */
  of({ ppt_scheme: scheme }: PassthruOptions): PayloadCodec | undefined {
    if (scheme === undefined || scheme === "") return undefined; // [PPT-01]
    const codec = this.#codecs.find((candidate) => candidate.scheme === scheme);
    if (codec === undefined) throw new PayloadError(`there is no codec for the scheme ${scheme}`);
    return codec;
  }

  /** Seals, and calls `send` in the order of the calls. Resolves and rejects as that does. */
  seal<T>(codec: PayloadCodec, content: Content, about: Subject, send: (wrapped: Wrapped) => T | Promise<T>): Promise<T> {
    // [PPT-07] HELLO has announced passthru for the sake of these; and the answer has to be opened.
    if (!this.#codecs.includes(codec))
      return Promise.reject(new TypeError(`the codec ${codec.scheme} is none of those that connect was given`));
    return new Promise((resolve, reject) => {
      this.#leaving.run(async () => {
        try {
          const { bytes, serializer, cipher, keyid } = await codec.seal(content, about);
          const options = {
            ppt_scheme: codec.scheme,
            ...(serializer !== undefined && { ppt_serializer: serializer }),
            ...(cipher !== undefined && { ppt_cipher: cipher }),
            ...(keyid !== undefined && { ppt_keyid: keyid }),
          };
          resolve(send({ payload: Payload.of([bytes]), options })); // [PPT-04]
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /**
   * Gives what came to `take`: at once, unless it is sealed, or waits in the queue behind what is. What cannot be read is a
   * `PayloadError` for `failed`.
   */
  receive(
    queue: InOrder,
    details: PassthruOptions,
    payload: Payload,
    about: Subject,
    take: (chunk: Chunk) => void,
    failed: (error: unknown) => void,
  ): void {
    queue.run(() => {
      let chunk: Chunk;
      try {
        const codec = this.of(details);
        if (codec !== undefined) return this.open(codec, details, payload, about).then(take).catch(failed);
        chunk = received(payload);
      } catch (error) {
        failed(error);
        return undefined;
      }
      take(chunk);
      return undefined;
    });
  }

  /** @throws {PayloadError} */
  async open(codec: PayloadCodec, details: PassthruOptions, payload: Payload, about: Subject): Promise<Chunk> {
    const [bytes] = received(payload).args;
    if (!(bytes instanceof Uint8Array)) throw new PayloadError(`a payload of the scheme ${codec.scheme} is one binary item`);
    try {
      const sealed = { bytes, serializer: details.ppt_serializer, cipher: details.ppt_cipher, keyid: details.ppt_keyid };
      const { args, kwargs } = await codec.open(sealed, about);
      return new Chunk(args, kwargs);
    } catch (cause) {
      throw new PayloadError(`what came sealed (${about.kind} ${about.uri}) cannot be opened`, { cause });
    }
  }
}
