/** `ticket`: the client shows a secret (requirements 7.2). For connections that nobody can listen to (AUTH-TICKET-03). */
import type { AuthenticationRequest } from "@junctor/router";
import type { Decoy } from "./decoy.ts";
import { type AuthMethod, denied, UNSUITABLE } from "./method.ts";
import { isEqualSecret } from "./node-crypto.ts";
import { grantTo, type Principal, type PrincipalSource } from "./principal.ts";
import { hashed, SALT_LENGTH, ticketDigest } from "./ticket-secret.ts";

export function ticket(source: PrincipalSource, decoy: Decoy): AuthMethod<Principal> {
  return {
    method: "ticket",
    async find(request) {
      const authid = authidOf(request);
      if (authid === undefined) return UNSUITABLE;
      if (source.byTicket !== undefined) return { authid, roles: [] }; // asked with the ticket
      const found = await source.byAuthid(authid, "ticket", request);
      return found?.ticket === undefined ? undefined : found;
    },
    begin: (request, found) => ({
      kind: "challenge",
      extra: {},
      verify: async ({ signature }) => {
        if (source.byTicket !== undefined) {
          const principal = await source.byTicket(request.details.authid ?? "", signature, request);
          return principal === undefined ? denied() : grantTo(principal, source, "ticket");
        }
        // Made for everybody, and compared in the same way: who exists takes as long as who does not (T4; test/security/timing.mjs).
        const nobody = { salt: decoy.bytes("ticket", request.details.authid ?? "", SALT_LENGTH), digest: decoy.bytes("digest", "") };
        const { salt, digest } = hashed(found?.ticket ?? nobody);
        const isRight = isEqualSecret(digest, ticketDigest(salt, signature));
        if (!isRight || found === undefined) return denied();
        return grantTo(found, source, "ticket");
      },
    }),
  };
}

/** The authid that methods with a shared secret need (AUTH-TICKET-01, AUTH-CRA-01). */
export function authidOf({ details }: AuthenticationRequest): string | undefined {
  const { authid } = details;
  return authid === undefined || authid === "" || authid.length > LONGEST_AUTHID ? undefined : authid;
}

const LONGEST_AUTHID = 255;
