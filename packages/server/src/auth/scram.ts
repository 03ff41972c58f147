/**
 * `wamp-scram`: both sides prove that they know what derives from a password, which the router does not store (requirements
 * 7.4). Under the name `scram` it follows Autobahn's reading of the specification (AMB-103).
 */
import { type ScramExchange, saslprep, scramVerifier, storedKeyOf } from "@junctor/protocol/auth";
import type { Decoy } from "./decoy.ts";
import { type AuthMethod, denied, type Step, UNSUITABLE } from "./method.ts";
import { isEqualSecret, nodeCrypto } from "./node-crypto.ts";
import { grantTo, type Principal, type PrincipalSource } from "./principal.ts";
import { authidOf } from "./ticket.ts";

export function scram(source: PrincipalSource, decoy: Decoy, isAutobahn = false): AuthMethod<Principal> {
  return {
    method: isAutobahn ? "scram" : "wamp-scram",
    async find(request) {
      const authid = authidOf(request);
      const name = authid === undefined ? undefined : saslprep(authid);
      if (name === undefined || !isNonce(request.details.authextra?.["nonce"])) return UNSUITABLE; // [AUTH-SCRAM-02]
      const found = await source.byAuthid(name, isAutobahn ? "scram" : "wamp-scram", request);
      return found?.scram === undefined ? undefined : found;
    },
    begin(request, found) {
      const authid = saslprep(request.details.authid ?? "") ?? "";
      const clientNonce = String(request.details.authextra?.["nonce"]);
      const channelBinding = request.details.authextra?.["channel_binding"] ?? undefined;
      const bindingData = typeof channelBinding === "string" ? request.origin.tls?.bindingData(channelBinding) : undefined;
      if (channelBinding !== undefined && bindingData === undefined) return scramDenied("unsupported-channel-binding-type"); // [AUTH-SCRAM-03]

      const nobody = decoyRecord(source, decoy, authid); // made for everybody: who exists takes as long as who does not (T4)
      const { parameters, keys } = found?.scram ?? nobody;
      const nonce = continued(clientNonce, isAutobahn);
      const exchange: ScramExchange = {
        authid,
        clientNonce,
        nonce,
        salt: parameters.salt,
        iterations: parameters.iterations,
        channelBinding: typeof channelBinding === "string" ? channelBinding : undefined,
        bindingData,
        isAutobahn,
      };
      const { kdf, salt, iterations, memory = null } = parameters;
      const extra = { nonce, salt, kdf: isAutobahn && kdf === "argon2id13" ? "argon2id-13" : kdf, iterations, memory };
      return {
        kind: "challenge",
        extra: channelBinding === undefined ? extra : { ...extra, channel_binding: channelBinding },
        verify: async (response) => {
          const claimed = response.extra;
          const bound = typeof claimed["cbind_data"] === "string" ? Buffer.from(claimed["cbind_data"], "base64") : undefined;
          // [AUTH-SCRAM-09] The nonce, the binding, and what it binds to are what was said before.
          const isSame =
            (claimed["nonce"] === nonce || (isAutobahn && claimed["nonce"] === undefined)) && // [AMB-103] the proof covers it
            (claimed["channel_binding"] ?? undefined) === channelBinding &&
            (bindingData === undefined ? bound === undefined : bound !== undefined && Buffer.compare(bound, bindingData) === 0);
          const storedKey = await storedKeyOf(nodeCrypto, keys, exchange, response.signature);
          const isRight = isEqualSecret(keys.storedKey, storedKey ?? new Uint8Array(0));
          if (!isSame || !isRight || found === undefined) return scramDenied(isSame ? "invalid-proof" : "channel-bindings-dont-match");
          return withVerifier(grantTo(found, source, "scram"), await scramVerifier(nodeCrypto, keys, exchange), isAutobahn);
        },
      };
    },
  };
}

/** [AUTH-SCRAM-10, AMB-103, AMB-104] */
function withVerifier(step: Step, verifier: string, isAutobahn: boolean): Step {
  if (step.kind !== "granted") return step;
  return { ...step, grant: { ...step.grant, once: isAutobahn ? { scram_server_signature: verifier } : { verifier } } };
}

/** [AUTH-SCRAM-11] The same error whatever was wrong with the credentials; RFC 5802's word for it beside the text. */
function scramDenied(word: string): Step {
  const step = denied();
  return step.kind === "denied" ? { ...step, details: { scram: word } } : step;
}

// [AMB-106] Text after text. Autobahn joins the octets before it writes them as Base64.
function continued(clientNonce: string, isAutobahn: boolean): string {
  const own = Buffer.from(nodeCrypto.random(SERVER_NONCE_LENGTH));
  return isAutobahn ? Buffer.concat([Buffer.from(clientNonce, "base64"), own]).toString("base64") : clientNonce + own.toString("base64");
}

function decoyRecord(source: PrincipalSource, decoy: Decoy, authid: string) {
  const { kdf, iterations, memory } = source.typicalScram ?? { kdf: "pbkdf2" as const, iterations: 4096, memory: undefined };
  const salt = decoy.bytes("scram salt", authid, 16).toString("base64");
  const keys = { storedKey: decoy.bytes("stored key", authid), serverKey: decoy.bytes("server key", authid) };
  return { parameters: { kdf, salt, iterations, ...(memory !== undefined && { memory }) }, keys };
}

function isNonce(value: unknown): value is string {
  return (
    typeof value === "string" && value.length >= SHORTEST_NONCE && value.length <= LONGEST_NONCE && /^[\x21-\x2b\x2d-\x7e]+$/.test(value)
  );
}

const SERVER_NONCE_LENGTH = 16;
const SHORTEST_NONCE = 8;
const LONGEST_NONCE = 256;
