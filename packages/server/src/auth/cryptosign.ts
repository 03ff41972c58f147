/**
 * `cryptosign`: the client signs a challenge with its Ed25519 key, bound to the TLS channel where both sides can (requirements
 * 7.5; AMB-108 to AMB-115). With a key of its own the router proves itself as well.
 */
import type { Dict } from "@junctor/protocol";
import { CHALLENGE_LENGTH, fromHex, isSignatureOf, signChallenge, toHex } from "@junctor/protocol/auth";
import type { AuthenticationRequest } from "@junctor/router";
import { type AuthMethod, denied, UNSUITABLE } from "./method.ts";
import { nodeCrypto } from "./node-crypto.ts";
import { grantTo, type Principal, type PrincipalSource } from "./principal.ts";
import { admitted, type TrustClaim, type TrustSource, trustClaim } from "./trust.ts";

export interface CryptosignOptions {
  /** 32 octets. Without it a client that asks for the router's proof gets none, and gives up. */
  readonly routerKey?: Uint8Array;
  /** Refuses clients that do not bind to the TLS channel, instead of going on without (AMB-110). */
  readonly requireBinding?: boolean;
  /** Whose certificates vouch for keys that no principal has. */
  readonly trust?: TrustSource | undefined;
}

type Found = { readonly principal: Principal } | { readonly claim: TrustClaim; readonly trust: TrustSource };

export function cryptosign(source: PrincipalSource, options: CryptosignOptions = {}): AuthMethod<Found> {
  return {
    method: "cryptosign",
    async find(request) {
      const publicKey = publicKeyOf(request);
      if (publicKey === undefined) return UNSUITABLE; // [AUTH-CS-02]
      // [AUTH-CS-11] Whoever shows certificates is taken by them, also where somebody has the key.
      const { trust } = options;
      const claim = trust && trustClaim(request);
      if (trust !== undefined && claim !== undefined) return { claim, trust };
      const principal = await source.byPublicKey(toHex(publicKey), request);
      const { authid } = request.details;
      return principal !== undefined && (authid === undefined || authid === principal.authid) ? { principal } : undefined; // [AMB-115]
    },
    async begin(request, found) {
      const asked = request.details.authextra?.["channel_binding"] ?? undefined;
      const channelId = asked === "tls-unique" || asked === "tls-exporter" ? request.origin.tls?.channelId(asked) : undefined;
      if (options.requireBinding === true && channelId === undefined) {
        return { ...denied(), message: "this realm takes cryptosign only with channel_binding tls-exporter or tls-unique, over TLS" };
      }
      const challenge = nodeCrypto.random(CHALLENGE_LENGTH);
      return {
        kind: "challenge",
        extra: {
          challenge: toHex(challenge),
          channel_binding: channelId === undefined ? null : asked, // [AUTH-CS-04, AUTH-CS-07]
          ...(await routerProof(request, options.routerKey, channelId)),
        },
        verify: async ({ signature }) => {
          const publicKey = publicKeyOf(request) ?? new Uint8Array(CHALLENGE_LENGTH);
          const isRight = await isSignatureOf(nodeCrypto, publicKey, challenge, channelId, signature);
          if (!isRight || found === undefined) return denied();
          if ("claim" in found) return admitted(found.claim, found.trust, toHex(publicKey));
          return grantTo(found.principal, source, "cryptosign", toHex(publicKey));
        },
      };
    },
  };
}

/** [AUTH-CS-09] The router signs the client's challenge, if there is one. */
async function routerProof(
  { details }: AuthenticationRequest,
  key: Uint8Array | undefined,
  channelId: Uint8Array | undefined,
): Promise<Dict> {
  const challenge = fromHex(details.authextra?.["challenge"], CHALLENGE_LENGTH);
  if (challenge === undefined || key === undefined) return {};
  return {
    pubkey: toHex(await nodeCrypto.ed25519PublicKey(key)),
    signature: await signChallenge(nodeCrypto, key, challenge, channelId),
  };
}

function publicKeyOf({ details }: AuthenticationRequest): Uint8Array | undefined {
  return fromHex(details.authextra?.["pubkey"], 32);
}
