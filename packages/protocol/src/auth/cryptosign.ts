/**
 * Cryptosign: the client signs 32 random octets with its Ed25519 key; bound to a TLS channel, the octets are combined with
 * what only the two ends of that channel know (requirements 7.5; AMB-108 to AMB-115). A router can prove itself the same way.
 */
import type { SignatureCrypto } from "./crypto.ts";
import { fromHex, toHex } from "./hex.ts";

export const CHALLENGE_LENGTH = 32;
const SIGNATURE_LENGTH = 64;

/** What is signed: the challenge, or its exclusive or with the channel's id (AUTH-CS-05). 32 octets each. */
export function signedMessage(challenge: Uint8Array, channelId: Uint8Array | undefined): Uint8Array {
  return channelId === undefined ? challenge : challenge.map((byte, i) => byte ^ (channelId[i] ?? 0));
}

/** The signature element: signature and message, 96 octets in hex (AUTH-CS-05). */
export async function signChallenge(
  crypto: Pick<SignatureCrypto, "ed25519Sign">,
  privateKey: Uint8Array,
  challenge: Uint8Array,
  channelId: Uint8Array | undefined,
): Promise<string> {
  const message = signedMessage(challenge, channelId);
  return toHex(await crypto.ed25519Sign(privateKey, message)) + toHex(message);
}

/** Whether an element of 96 octets is the signature of this challenge by the key's owner (AUTH-CS-06, AMB-114). */
export async function isSignatureOf(
  crypto: Pick<SignatureCrypto, "ed25519Verify">,
  publicKey: Uint8Array,
  challenge: Uint8Array,
  channelId: Uint8Array | undefined,
  signature: unknown,
): Promise<boolean> {
  const bytes = fromHex(signature, SIGNATURE_LENGTH + CHALLENGE_LENGTH);
  if (bytes === undefined) return false;
  const expected = signedMessage(challenge, channelId);
  const message = bytes.subarray(SIGNATURE_LENGTH);
  // Nothing here is secret: both sides know the challenge, and a signature is public.
  if (!message.every((byte, i) => byte === expected[i])) return false;
  return crypto.ed25519Verify(publicKey, expected, bytes.subarray(0, SIGNATURE_LENGTH));
}
