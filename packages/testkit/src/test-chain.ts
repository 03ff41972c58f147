/** Ethereum accounts, and the certificates that they sign for cryptosign. */
import { type CertificateCrypto, certificateDigest, certificatesOf, toHex } from "@junctor/protocol/auth";
import { secp256k1 } from "@noble/curves/secp256k1.js";
import { keccak_256 } from "@noble/hashes/sha3.js";

export const testCertificateCrypto: CertificateCrypto = {
  keccak256: (data) => keccak_256(data),
  secp256k1Signer: (digest, signature, recovery) => {
    try {
      return secp256k1.Signature.fromBytes(signature).addRecoveryBit(recovery).recoverPublicKey(digest).toBytes(false).subarray(1);
    } catch {
      return undefined;
    }
  },
};

/** What all certificates of a test say, unless it says otherwise. */
export const TEST_CHAIN = {
  chainId: 1,
  verifyingContract: `0x${"c0".repeat(20)}`,
  realm: `0x${"5e".repeat(20)}`,
  validFrom: 100,
  meta: "",
} as const;

/** As it stands in HELLO. */
export type TestCertificate = readonly [typed: object, signature: string];

export class TestAccount {
  readonly address: string;
  readonly #key: Uint8Array;

  /** @param name what its key is made of */
  constructor(name: string) {
    this.#key = keccak_256(new TextEncoder().encode(name));
    this.address = `0x${toHex(keccak_256(secp256k1.getPublicKey(this.#key, false).subarray(1)).subarray(-20))}`;
  }

  /** Its own certificate, for the key of a session. */
  delegate(csPubKey: string, more: object = {}): TestCertificate {
    const { realm: _, ...common } = TEST_CHAIN;
    return this.#signed("EIP712DelegateCertificate", {
      ...common,
      delegate: this.address,
      csPubKey,
      bootedAt: 1658765756680628959n,
      ...more,
    });
  }

  /** For somebody below it, or for itself: a root. */
  authority(subject: string, capabilities: number, more: object = {}): TestCertificate {
    return this.#signed("EIP712AuthorityCertificate", { ...TEST_CHAIN, issuer: this.address, subject, capabilities, ...more });
  }

  #signed(primaryType: string, message: object): TestCertificate {
    const typed = { domain: { name: "WMP", version: "1" }, primaryType, message };
    const [unsigned] = certificatesOf([[typed, "00".repeat(65)]]) ?? [];
    if (unsigned === undefined) throw new TypeError("that is no certificate");
    const [recovery = 0, ...rs] = secp256k1.sign(certificateDigest(testCertificateCrypto, unsigned.certificate), this.#key, {
      prehash: false,
      format: "recovered",
    });
    return [typed, toHex(new Uint8Array([...rs, recovery + 27]))];
  }
}
