/**
 * WAMP-CRA: the client signs a challenge text with a shared secret, or with a key derived from a password (requirements
 * 7.3; AMB-100, AMB-101).
 */
import { toBase64 } from "../serializer/base64.ts";
import type { AuthCrypto } from "./crypto.ts";

/** How the key is derived from a password: CHALLENGE.Extra's `salt`, `keylen` and `iterations` (AUTH-CRA-04). */
export interface CraSalting {
  readonly salt: string;
  readonly keylen: number;
  readonly iterations: number;
}

/** What the challenge text holds, as a JSON object (AUTH-CRA-02). */
export interface CraChallenge {
  readonly authid: string;
  readonly authrole: string;
  readonly authmethod: "wampcra";
  readonly authprovider: string;
  /** Random, Base64. */
  readonly nonce: string;
  /** UTC, ISO 8601. */
  readonly timestamp: string;
  /** The id that WELCOME will carry. */
  readonly session: number;
}

type Crypto = Pick<AuthCrypto, "hmacSha256" | "pbkdf2Sha256">;

/**
 * The key of a salted user. It is the Base64 text of the derived octets, not the octets (AMB-100): that text is what a
 * router stores, and what signs.
 */
export async function craKey(crypto: Crypto, password: string, { salt, keylen, iterations }: CraSalting): Promise<string> {
  return toBase64(await crypto.pbkdf2Sha256(encoder.encode(password), encoder.encode(salt), iterations, keylen));
}

/** @param challenge exactly as it was sent: parsing and writing it again would change it (AUTH-CRA-03) */
export async function craSignature(crypto: Crypto, key: string, challenge: string): Promise<string> {
  return toBase64(await crypto.hmacSha256(encoder.encode(key), encoder.encode(challenge)));
}

/** CHALLENGE.Extra's salting. @returns `undefined` where it names none, `"invalid"` where it is none to derive a key with */
export function craSalting(extra: Readonly<Record<string, unknown>>): CraSalting | undefined | "invalid" {
  const { salt, keylen = 32, iterations = 1000 } = extra;
  if (salt === undefined || salt === null || salt === "") return undefined;
  const isSound = typeof salt === "string" && isCount(keylen, 1, 1024) && isCount(iterations, 1, MOST_ITERATIONS);
  return isSound ? { salt, keylen, iterations } : "invalid";
}

function isCount(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
}

/** A router could otherwise keep a client busy for ever. */
const MOST_ITERATIONS = 10_000_000;
const encoder = new TextEncoder();
