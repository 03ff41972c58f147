/**
 * WAMP-SCRAM: password authentication of both sides without the router storing the password (requirements 7.4; RFC 5802,
 * RFC 7677). AMB-103 to AMB-107 say what the specification's example gets wrong.
 */
import { fromBase64, toBase64 } from "../serializer/base64.ts";
import type { AuthCrypto } from "./crypto.ts";

/** What a router stores of a user besides the keys, and tells a client in CHALLENGE (AUTH-SCRAM-05, AUTH-SCRAM-14). */
export interface ScramParameters {
  readonly kdf: "pbkdf2" | "argon2id13";
  /** Base64. */
  readonly salt: string;
  readonly iterations: number;
  /** KiB; for argon2id13 only. */
  readonly memory?: number;
}

/** What a router stores instead of the password (AUTH-SCRAM-16). 32 octets each. */
export interface ScramKeys {
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** What both sides say and hear, and therefore sign. */
export interface ScramExchange {
  /** After SASLprep. */
  readonly authid: string;
  readonly clientNonce: string;
  /** The client's nonce and the router's, as text one after the other (AMB-106). */
  readonly nonce: string;
  readonly salt: string;
  readonly iterations: number;
  /** `tls-unique`, `tls-server-end-point`, or none. */
  readonly channelBinding: string | undefined;
  /** What the binding binds to; present exactly with a binding. */
  readonly bindingData: Uint8Array | undefined;
  /** Autobahn leaves `c=` empty (AMB-103). Default: as the specification has it. */
  readonly isAutobahn?: boolean;
}

type Crypto = Pick<AuthCrypto, "hmacSha256" | "sha256">;

/** The slow part: the client's password to 32 octets. @param password after SASLprep */
export async function saltedPassword(
  crypto: Pick<AuthCrypto, "pbkdf2Sha256" | "argon2id">,
  password: string,
  { kdf, salt, iterations, memory = 0 }: ScramParameters,
): Promise<Uint8Array> {
  const saltBytes = fromBase64(salt);
  if (saltBytes === undefined) throw new TypeError("the salt is no Base64");
  return kdf === "pbkdf2"
    ? crypto.pbkdf2Sha256(encoder.encode(password), saltBytes, iterations, KEY_LENGTH)
    : crypto.argon2id(encoder.encode(password), saltBytes, iterations, memory, KEY_LENGTH);
}

/** [AMB-103] Autobahn takes the text of what Argon2id makes for the salted password: Base64 without padding. */
export function autobahnSalted(salted: Uint8Array): Uint8Array {
  return encoder.encode(toBase64(salted).replaceAll("=", ""));
}

export async function scramKeys(crypto: Crypto, salted: Uint8Array): Promise<ScramKeys> {
  const clientKey = await crypto.hmacSha256(salted, encoder.encode("Client Key"));
  return { storedKey: await crypto.sha256(clientKey), serverKey: await crypto.hmacSha256(salted, encoder.encode("Server Key")) };
}

/** Client: the proof for AUTHENTICATE, and what WELCOME has to carry for the router to have proved itself. */
export async function scramProof(
  crypto: Crypto,
  salted: Uint8Array,
  exchange: ScramExchange,
): Promise<{ proof: string; verifier: string }> {
  const clientKey = await crypto.hmacSha256(salted, encoder.encode("Client Key"));
  const { storedKey, serverKey } = await scramKeys(crypto, salted);
  const message = encoder.encode(authMessage(exchange));
  const proof = xor(clientKey, await crypto.hmacSha256(storedKey, message));
  return { proof: toBase64(proof), verifier: toBase64(await crypto.hmacSha256(serverKey, message)) };
}

/**
 * Router: what the proof says the stored key is. Right if it equals the one stored, compared in constant time by the
 * caller. A proof of another length than 32 octets gives `undefined`.
 */
export async function storedKeyOf(
  crypto: Crypto,
  keys: ScramKeys,
  exchange: ScramExchange,
  proof: string,
): Promise<Uint8Array | undefined> {
  const bytes = fromBase64(proof);
  if (bytes?.length !== KEY_LENGTH) return undefined;
  const signature = await crypto.hmacSha256(keys.storedKey, encoder.encode(authMessage(exchange)));
  return crypto.sha256(xor(bytes, signature));
}

/** Router: WELCOME's `authextra.verifier`, without the `v=` that the example shows (AMB-104). */
export async function scramVerifier(crypto: Crypto, keys: ScramKeys, exchange: ScramExchange): Promise<string> {
  return toBase64(await crypto.hmacSha256(keys.serverKey, encoder.encode(authMessage(exchange))));
}

export function authMessage(exchange: ScramExchange): string {
  const { authid, clientNonce, nonce, salt, iterations, isAutobahn = false } = exchange;
  const clientFirst = `n=${escapeName(authid)},r=${clientNonce}`;
  const serverFirst = `r=${nonce},s=${salt},i=${iterations}`;
  const clientFinal = `c=${isAutobahn ? "" : toBase64(bindingInput(exchange))},r=${nonce}`;
  return `${clientFirst},${serverFirst},${clientFinal}`;
}

function bindingInput({ channelBinding, bindingData }: ScramExchange): Uint8Array {
  const head = encoder.encode(`${channelBinding === undefined ? "n" : `p=${channelBinding}`},,`);
  const data = bindingData ?? new Uint8Array(0);
  const input = new Uint8Array(head.length + data.length);
  input.set(head);
  input.set(data, head.length);
  return input;
}

// [AMB-107] Both at once, so that nothing is escaped twice.
function escapeName(authid: string): string {
  return authid.replace(/[=,]/g, (c) => (c === "=" ? "=3D" : "=2C"));
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] ?? 0));
}

const KEY_LENGTH = 32;
const encoder = new TextEncoder();
