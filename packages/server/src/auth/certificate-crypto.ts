/** What cryptosign's certificates need beyond Node.js, which has neither Keccak-256 nor the recovery of a signer's key. */

import type { CertificateCrypto } from "@junctor/protocol/auth";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";

/** A root and its intermediates sign for many clients; recovering a key takes milliseconds. By digest and signature. */
const known = new Map<string, Uint8Array>();
const MOST_KNOWN = 1_000;

export const certificateCrypto: CertificateCrypto = {
  keccak256: (data) => keccak_256(data),
  secp256k1Signer: (digest, signature, recovery) => {
    const name = Buffer.concat([digest, signature, Buffer.of(recovery)]).toString("latin1");
    const before = known.get(name);
    if (before !== undefined) return before;
    try {
      const signed = secp256k1.Signature.fromBytes(signature).addRecoveryBit(recovery);
      const key = signed.recoverPublicKey(digest).toBytes(false).subarray(1);
      const [oldest] = known.keys();
      if (known.size >= MOST_KNOWN && oldest !== undefined) known.delete(oldest);
      known.set(name, key);
      return key;
    } catch {
      return undefined; // no point of the curve
    }
  },
};
