/** The mathematics of the authentication methods, both halves: `@junctor/protocol/auth`. */

export { fromBase64 as fromBase64Text, toBase64 as toBase64Text } from "../serializer/base64.ts";
export {
  type AuthorityCertificate,
  addressOf,
  CAPABILITIES,
  type CertificateCrypto,
  certificateDigest,
  certificatesOf,
  checkChain,
  checksummed,
  continued,
  type DelegateCertificate,
  type ExpectedChain,
  type Holder,
  type SignedCertificate,
  signerOf,
} from "./certificate.ts";
export type { AuthCrypto, Awaitable, SignatureCrypto } from "./crypto.ts";
export { CHALLENGE_LENGTH, isSignatureOf, signChallenge, signedMessage } from "./cryptosign.ts";
export { fromHex, toHex } from "./hex.ts";
export { saslprep } from "./saslprep.ts";
export {
  authMessage,
  autobahnSalted,
  type ScramExchange,
  type ScramKeys,
  type ScramParameters,
  saltedPassword,
  scramKeys,
  scramProof,
  scramVerifier,
  storedKeyOf,
} from "./scram.ts";
export { type CraChallenge, type CraSalting, craKey, craSalting, craSignature } from "./wampcra.ts";
