/**
 * Identifiers: integers from 1 to 2^53 (ID-01). The types say the scope an id lives in, so that a session id cannot be
 * passed for a publication id; a plain number fits each of them.
 */

interface Scope<Name extends string> {
  readonly __scope?: Name;
}
/** Global scope: drawn at random over the whole range (ID-02). */
export type SessionId = number & Scope<"session">;
export type PublicationId = number & Scope<"publication">;
/** Router scope: free choice of the router (ID-03). */
export type SubscriptionId = number & Scope<"subscription">;
export type RegistrationId = number & Scope<"registration">;
/** Session scope: one counter per direction, from 1 (ID-04). */
export type RequestId = number & Scope<"request">;
export type InvocationId = number & Scope<"invocation">;

/** 2^53, inclusive (AMB-21). */
export const MAX_ID = 9007199254740992;

export function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_ID;
}

/** The id after `last`; 2^53 + 1 is not a double, so the test comes before the increment (AMB-23). */
export function nextId(last: number): number {
  return last === MAX_ID ? 1 : last + 1;
}

/** Where ids of global scope come from. Injected, so that tests repeat. */
export interface IdSource {
  next(): number;
}

/**
 * Ids drawn uniformly from 1 to 2^53: 53 random bits plus one (AMB-25).
 * Draws `batch` ids' worth of randomness at once, because one call into the system's generator costs far more than an id.
 *
 * @param fill fills the array with cryptographically strong random bytes, as `crypto.getRandomValues` does
 */
export function randomIds(fill: (bytes: Uint8Array<ArrayBuffer>) => void, batch = 512): IdSource {
  const bytes = new Uint8Array(batch * 8);
  const words = new Uint32Array(bytes.buffer);
  let next = words.length;
  return {
    next(): number {
      if (next === words.length) {
        fill(bytes);
        next = 0;
      }
      const low = words[next] as number;
      const high = (words[next + 1] as number) & 0x1fffff;
      next += 2;
      return high * 0x100000000 + low + 1;
    },
  };
}

/** 1, 2, 3, … for router scope, and for tests that read better with small numbers. */
export function sequentialIds(first = 1): IdSource {
  let last = first - 1;
  return {
    next(): number {
      last = nextId(last);
      return last;
    },
  };
}
