/**
 * The primitives that authentication methods are made of. This package has none of its own: a router passes in what its
 * platform has, a browser its WebCrypto. Each may answer at once or later.
 */
export type Awaitable<T> = T | Promise<T>;

export interface AuthCrypto {
  /** Strong random bytes. */
  random(length: number): Uint8Array;
  sha256(data: Uint8Array): Awaitable<Uint8Array>;
  hmacSha256(key: Uint8Array, data: Uint8Array): Awaitable<Uint8Array>;
  pbkdf2Sha256(password: Uint8Array, salt: Uint8Array, iterations: number, length: number): Awaitable<Uint8Array>;
  /** Argon2id, version 1.3, one lane. @param memory in KiB */
  argon2id(password: Uint8Array, salt: Uint8Array, iterations: number, memory: number, length: number): Awaitable<Uint8Array>;
}

/** Ed25519 (RFC 8032). Keys are 32 octets: the seed, and the compressed point. */
export interface SignatureCrypto {
  random(length: number): Uint8Array;
  ed25519PublicKey(privateKey: Uint8Array): Awaitable<Uint8Array>;
  ed25519Sign(privateKey: Uint8Array, message: Uint8Array): Awaitable<Uint8Array>;
  /** False as well for a key or a signature that is none. */
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Awaitable<boolean>;
}
