/** The primitives of authentication as every platform has them by now: WebCrypto. */
import type { AuthCrypto, SignatureCrypto } from "@junctor/protocol/auth";

const { subtle } = crypto;

async function digest(result: Promise<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await result);
}

export const webCrypto: Pick<AuthCrypto, "random" | "sha256" | "hmacSha256" | "pbkdf2Sha256"> &
  Omit<SignatureCrypto, "ed25519Verify"> & {
    ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>;
  } = {
  random: (length) => crypto.getRandomValues(new Uint8Array(length)),
  sha256: (data) => digest(subtle.digest("SHA-256", data)),
  hmacSha256: async (key, data) => {
    const imported = await subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    return digest(subtle.sign("HMAC", imported, data));
  },
  pbkdf2Sha256: async (password, salt, iterations, length) => {
    const imported = await subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    return digest(subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, imported, length * 8));
  },
  ed25519PublicKey: async (privateKey) => {
    const key = await subtle.importKey("pkcs8", pkcs8(privateKey), "Ed25519", true, ["sign"]);
    const { x = "" } = await subtle.exportKey("jwk", key);
    return Uint8Array.from(atob(x.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  },
  ed25519Sign: async (privateKey, message) => {
    const key = await subtle.importKey("pkcs8", pkcs8(privateKey), "Ed25519", false, ["sign"]);
    return digest(subtle.sign("Ed25519", key, message));
  },
  ed25519Verify: async (publicKey, message, signature) => {
    try {
      return await subtle.verify("Ed25519", await subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]), signature, message);
    } catch {
      return false;
    }
  },
};

/** A private key as PKCS #8 wraps it (RFC 8410): the one form in which WebCrypto takes it. */
function pkcs8(privateKey: Uint8Array): Uint8Array {
  const wrapped = new Uint8Array(PKCS8_HEAD.length + privateKey.length);
  wrapped.set(PKCS8_HEAD);
  wrapped.set(privateKey, PKCS8_HEAD.length);
  return wrapped;
}

const PKCS8_HEAD = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
