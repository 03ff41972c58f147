/**
 * What a challenge for nobody is made of: the same for one name each time, different for each name, and no different from
 * the real thing (T4, AUTH-SCRAM-04).
 */
import { createHmac, randomBytes } from "node:crypto";

export class Decoy {
  readonly #key: Uint8Array;

  /** @param key default: drawn at start, so that names keep their salts while the router runs */
  constructor(key: Uint8Array = randomBytes(32)) {
    this.#key = key;
  }

  /** @param length at most 32 */
  bytes(purpose: string, authid: string, length = 32): Buffer {
    return createHmac("sha256", this.#key).update(`${purpose}\u0000${authid}`).digest().subarray(0, length);
  }
}
