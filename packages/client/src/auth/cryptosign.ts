/**
 * Authentication by cryptosign (requirements 7.5): an Ed25519 key signs a challenge, bound to the TLS channel where both
 * sides can; with the router's public key known, the router proves itself first.
 */
import { addressOf, CHALLENGE_LENGTH, certificatesOf, fromHex, isSignatureOf, signChallenge, toHex } from "@junctor/protocol/auth";
import { TransportError } from "../error.ts";
import type { AuthMethod } from "./method.ts";
import { webCrypto } from "./web-crypto.ts";

export interface CryptosignOptions {
  /** 64 hex digits, as `junctor keys ed25519` prints them, or the 32 octets. */
  readonly privateKey: string | Uint8Array;
  /** Default: the router knows whom the key belongs to. */
  readonly authid?: string;
  /** Default: none, as in a browser, which does not show its TLS channel. */
  readonly channelBinding?: "tls-unique" | "tls-exporter";
  /** The router's public key, 64 hex digits: the client then goes on only if the router proves to have its private key. */
  readonly routerKey?: string;
  /** Vouches for the key, where the router does not know it. */
  readonly trust?: Trust;
}

export interface Trust {
  /** Address of the root that the router trusts: 0x and 40 hex digits. */
  readonly root: string;
  /**
   * The client's own certificate, and those above it unless the router has them: pairs of EIP-712 typed data, as an Ethereum
   * wallet signs it, and signature in hex without 0x. Integers beyond 2^53, such as `bootedAt`, are bigints.
   */
  readonly certificates: readonly (readonly [typed: object, signature: string])[];
}

export function cryptosign(options: CryptosignOptions): AuthMethod {
  const { authid, channelBinding } = options;
  const privateKey = typeof options.privateKey === "string" ? fromHex(options.privateKey.trim(), 32) : options.privateKey;
  if (privateKey?.length !== 32) throw new TypeError("a private key is 32 octets: 64 hex digits, as junctor keys ed25519 prints them");
  const routerKey = options.routerKey === undefined ? undefined : fromHex(options.routerKey.trim(), 32);
  if (options.routerKey !== undefined && routerKey === undefined) throw new TypeError("the router's public key is 64 hex digits");
  if (options.trust !== undefined) check(options.trust);
  return {
    method: "cryptosign",
    attempt: async (channel) => {
      const channelId = channelBinding === undefined ? undefined : channel?.channelId(channelBinding);
      if (channelBinding !== undefined && channelId === undefined)
        throw new TransportError(`this connection has no channel binding ${channelBinding}`);
      const ownChallenge = routerKey === undefined ? undefined : webCrypto.random(CHALLENGE_LENGTH);
      return {
        ...(authid !== undefined && { authid }),
        authextra: {
          pubkey: toHex(await webCrypto.ed25519PublicKey(privateKey)),
          ...(channelBinding !== undefined && { channel_binding: channelBinding }),
          ...(ownChallenge !== undefined && { challenge: toHex(ownChallenge) }),
          ...(options.trust !== undefined && { trustroot: options.trust.root, certificates: options.trust.certificates }),
        },
        respond: async ({ extra }) => {
          // [AUTH-CS-07, AMB-110] A router, or somebody in between, that binds to nothing could pass the signature on.
          if ((extra["channel_binding"] ?? undefined) !== channelBinding)
            throw new TransportError(
              `the router does not bind to the TLS channel by ${channelBinding ?? "none"}, but by ${String(extra["channel_binding"])}`,
            );
          if (
            routerKey !== undefined &&
            ownChallenge !== undefined &&
            !(await isSignatureOf(webCrypto, routerKey, ownChallenge, channelId, extra["signature"]))
          ) {
            throw new TransportError("the router did not prove that it has its private key: it may be somebody else"); // [AUTH-CS-09]
          }
          const challenge = fromHex(extra["challenge"], CHALLENGE_LENGTH);
          if (challenge === undefined) throw new TransportError("the router's cryptosign challenge is none: 64 hex digits were expected");
          return { signature: await signChallenge(webCrypto, privateKey, challenge, channelId) };
        },
      };
    },
  };
}

function check({ root, certificates }: Trust): void {
  if (addressOf(root) === undefined) throw new TypeError("a trust root is an Ethereum address: 0x and 40 hex digits");
  if (certificatesOf(certificates)?.[0]?.certificate.kind !== "delegate")
    throw new TypeError(
      "certificates are up to ten pairs of EIP-712 typed data and signature, the client's own first; integers beyond 2^53 are bigints",
    );
}
