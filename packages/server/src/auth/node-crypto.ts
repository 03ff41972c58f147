/** The primitives of authentication as Node.js has them, and comparisons that take the same time whatever they find (AUTH-10, T3). */
import { createHash, createHmac, createPrivateKey, createPublicKey, pbkdf2, randomBytes, sign, timingSafeEqual, verify } from "node:crypto";
import { promisify } from "node:util";
import type { AuthCrypto, SignatureCrypto } from "@junctor/protocol/auth";

const pbkdf2Async = promisify(pbkdf2);

export const nodeCrypto: AuthCrypto & SignatureCrypto = {
  random: (length) => randomBytes(length),
  sha256: (data) => createHash("sha256").update(data).digest(),
  hmacSha256: (key, data) => createHmac("sha256", key).update(data).digest(),
  pbkdf2Sha256: (password, salt, iterations, length) => pbkdf2Async(password, salt, iterations, length, "sha256"),
  // Only the command line derives keys with it; a router compares with what is stored.
  argon2id: async (password, salt, iterations, memory, length) => {
    const { argon2id } = await import("hash-wasm");
    return argon2id({ password, salt, iterations, memorySize: memory, parallelism: 1, hashLength: length, outputType: "binary" });
  },
  ed25519PublicKey: (privateKey) => createPublicKey(pkcs8(privateKey)).export({ format: "der", type: "spki" }).subarray(-32),
  ed25519Sign: (privateKey, message) => sign(null, message, pkcs8(privateKey)),
  ed25519Verify: (publicKey, message, signature) => {
    if (isSmallOrder(publicKey)) return false;
    try {
      // As a JWK: reading SPKI takes as long as the verification itself.
      const x = Buffer.from(publicKey).toString("base64url");
      return verify(null, message, createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" }), signature);
    } catch {
      return false; // no point of the curve
    }
  },
};

/** Equal, in a time that depends on neither: both are hashed under a key of the moment first, so lengths do not show either. */
export function isEqualSecret(a: string | Uint8Array, b: string | Uint8Array): boolean {
  const key = COMPARISON_KEY;
  return timingSafeEqual(createHmac("sha256", key).update(a).digest(), createHmac("sha256", key).update(b).digest());
}

function pkcs8(privateKey: Uint8Array) {
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, privateKey]), format: "der", type: "pkcs8" });
}

/** Keys for which signatures exist that fit any message: the eight points of small order, whatever their sign bit. */
function isSmallOrder(publicKey: Uint8Array): boolean {
  const masked = Buffer.from(publicKey);
  masked.writeUInt8(masked.readUInt8(31) & 0x7f, 31);
  return SMALL_ORDER.has(masked.toString("hex"));
}

const COMPARISON_KEY = randomBytes(32);
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const SMALL_ORDER = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);
