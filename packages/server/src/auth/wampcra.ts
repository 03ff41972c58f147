/** `wampcra`: the client signs a text with a secret that both sides know (requirements 7.3). */
import { type CraChallenge, type CraSalting, craSignature } from "@junctor/protocol/auth";
import type { Decoy } from "./decoy.ts";
import { type AuthMethod, denied, UNSUITABLE } from "./method.ts";
import { isEqualSecret, nodeCrypto } from "./node-crypto.ts";
import { grantTo, type Principal, type PrincipalSource } from "./principal.ts";
import { authidOf } from "./ticket.ts";

export function wampcra(source: PrincipalSource, decoy: Decoy, wallClock: () => Date): AuthMethod<Principal> {
  return {
    method: "wampcra",
    async find(request) {
      const authid = authidOf(request);
      if (authid === undefined) return UNSUITABLE;
      const found = await source.byAuthid(authid, "wampcra", request);
      return found?.wampcra === undefined ? undefined : found;
    },
    begin(request, found) {
      const authid = request.details.authid ?? "";
      // Made for everybody: who exists takes as long as who does not (T4; test/security/timing.mjs).
      const nobody = {
        key: decoy.bytes("key", authid).toString("base64"),
        salting: decoySalting(source.typicalSalting, decoy, authid),
      };
      const { key, salting } = found?.wampcra ?? nobody;
      // [AUTH-CRA-02] The names are what the client claims: whether they are anybody's is not told before the end.
      const challenge = JSON.stringify({
        authid,
        authrole: request.details.authrole ?? "user",
        authmethod: "wampcra",
        authprovider: source.name,
        nonce: Buffer.from(nodeCrypto.random(24)).toString("base64"),
        timestamp: wallClock().toISOString(),
        session: request.session,
      } satisfies CraChallenge);
      return {
        kind: "challenge",
        extra: { challenge, ...salting },
        verify: async ({ signature }) => {
          const isRight = isEqualSecret(await craSignature(nodeCrypto, key, challenge), signature);
          if (!isRight || found === undefined) return denied();
          return grantTo(found, source, "wampcra");
        },
      };
    },
  };
}

function decoySalting(typical: CraSalting | undefined, decoy: Decoy, authid: string): CraSalting | undefined {
  if (typical === undefined) return undefined;
  const salt = decoy.bytes("salt", authid).toString("base64").slice(0, typical.salt.length);
  return { ...typical, salt };
}
