/** Authentication by WAMP-CRA (requirements 7.3): the secret signs a challenge and never leaves the client. */
import { craKey, craSalting, craSignature } from "@junctor/protocol/auth";
import { TransportError } from "../error.ts";
import type { AuthMethod } from "./method.ts";
import { webCrypto } from "./web-crypto.ts";

/**
 * @param options.secret the shared secret, or the password of a salted user
 * @param options.sign signs in place of a secret: somebody else may hold it (AUTH-CRA-06). Given the challenge text
 */
export function wampcra(
  options: { readonly authid: string } & (
    | { readonly secret: string }
    | { readonly sign: (challenge: string, extra: Readonly<Record<string, unknown>>) => string | Promise<string> }
  ),
): AuthMethod {
  const { authid } = options;
  return {
    method: "wampcra",
    attempt: () => ({
      authid,
      respond: async ({ extra }) => {
        const { challenge } = extra;
        if (typeof challenge !== "string" || !isFor(challenge, authid))
          throw new TransportError("the router's WAMP-CRA challenge is none for this client");
        if ("sign" in options) return { signature: await options.sign(challenge, extra) };
        const salting = craSalting(extra);
        if (salting === "invalid")
          throw new TransportError("the router's WAMP-CRA challenge has a salt, keylen or iterations out of range");
        const key = salting === undefined ? options.secret : await craKey(webCrypto, options.secret, salting);
        return { signature: await craSignature(webCrypto, key, challenge) };
      },
    }),
  };
}

// [AMB-101] A text that says something else than a challenge for this client could be something else's.
function isFor(challenge: string, authid: string): boolean {
  try {
    const parsed: unknown = JSON.parse(challenge);
    if (typeof parsed !== "object" || parsed === null) return false;
    const { authid: named, authmethod } = parsed as { authid?: unknown; authmethod?: unknown };
    return named === authid && (authmethod === undefined || authmethod === "wampcra");
  } catch {
    return false;
  }
}
