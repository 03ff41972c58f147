/**
 * Authentication by WAMP-SCRAM (requirements 7.4): both sides prove that they know what derives from the password, which
 * the router does not store.
 */
import {
  autobahnSalted,
  fromBase64Text,
  type ScramExchange,
  type ScramParameters,
  saltedPassword,
  saslprep,
  scramProof,
  toBase64Text,
} from "@junctor/protocol/auth";
import { TransportError } from "../error.ts";
import type { AuthMethod } from "./method.ts";
import { webCrypto } from "./web-crypto.ts";

export interface ScramOptions {
  readonly authid: string;
  readonly password: string;
  /** Binds the proof to the TLS channel; only where the platform shows it. Default: none. */
  readonly channelBinding?: "tls-unique" | "tls-server-end-point";
  /** For Crossbar.io, whose method `scram` is WAMP-SCRAM as Autobahn reads it; it binds to no channel. Default: the specification's. */
  readonly dialect?: "autobahn";
}

export function scram(options: ScramOptions): AuthMethod {
  const { channelBinding, dialect } = options;
  const isAutobahn = dialect === "autobahn"; // [AMB-103]
  if (isAutobahn && channelBinding !== undefined) throw new TypeError("Autobahn's dialect of WAMP-SCRAM has no channel binding");
  const authid = saslprep(options.authid);
  const password = saslprep(options.password);
  if (authid === undefined || password === undefined) throw new TypeError("an authid and a password hold no control characters (RFC 4013)");
  return {
    method: isAutobahn ? "scram" : "wamp-scram",
    attempt: (channel) => {
      const bindingData = channelBinding === undefined ? undefined : channel?.bindingData(channelBinding);
      if (channelBinding !== undefined && bindingData === undefined)
        throw new TransportError(`this connection has no channel binding ${channelBinding}`);
      const clientNonce = toBase64Text(webCrypto.random(NONCE_LENGTH));
      let verifier = "";
      return {
        authid,
        authextra: { nonce: clientNonce, ...(channelBinding !== undefined && { channel_binding: channelBinding }) },
        respond: async ({ extra }) => {
          const nonce = String(extra["nonce"] ?? "");
          // [AUTH-SCRAM-06] Otherwise the challenge answers somebody else's HELLO.
          if (!(isAutobahn ? continuesOctets(nonce, clientNonce) : nonce.startsWith(clientNonce)) || nonce.length < SHORTEST_NONCE)
            throw new TransportError("the router's SCRAM challenge does not continue this client's nonce");
          const parameters = parametersOf(extra);
          const exchange: ScramExchange = {
            authid,
            clientNonce,
            nonce,
            salt: parameters.salt,
            iterations: parameters.iterations,
            channelBinding,
            bindingData,
            isAutobahn,
          };
          const salted = await saltedPassword({ ...webCrypto, argon2id }, password, parameters);
          const made = await scramProof(
            webCrypto,
            isAutobahn && parameters.kdf === "argon2id13" ? autobahnSalted(salted) : salted,
            exchange,
          );
          verifier = made.verifier;
          const bound = bindingData === undefined ? null : toBase64Text(bindingData);
          return { signature: made.proof, extra: { nonce, channel_binding: channelBinding ?? null, cbind_data: bound } };
        },
        // [AUTH-SCRAM-10, AMB-104]
        welcomed: ({ authextra }) => {
          const shown = authextra?.[isAutobahn ? "scram_server_signature" : "verifier"];
          if (verifier === "" || typeof shown !== "string" || shown.replace(/^v=/, "") !== verifier) {
            throw new TransportError("the router did not prove that it knows the password: it may be somebody else");
          }
        },
      };
    },
  };
}

/** [AUTH-SCRAM-05, AUTH-SCRAM-07] Costs so low that the answer would give the password away are refused, and so are endless ones. */
function parametersOf(extra: Readonly<Record<string, unknown>>): ScramParameters {
  const { kdf, salt, iterations, memory } = extra;
  const isCount = (value: unknown, least: number, most: number): value is number =>
    typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
  if (typeof salt === "string" && fromBase64Text(salt) !== undefined) {
    if (kdf === "pbkdf2" && isCount(iterations, 4_096, 10_000_000)) return { kdf, salt, iterations };
    if ((kdf === "argon2id13" || kdf === "argon2id-13") && isCount(iterations, 1, 1_000) && isCount(memory, 8, 1 << 21))
      return { kdf: "argon2id13", salt, iterations, memory };
  }
  throw new TransportError(`the router's SCRAM challenge asks for ${String(kdf)} with a salt or costs that this client does not accept`);
}

async function argon2id(password: Uint8Array, salt: Uint8Array, iterations: number, memory: number, length: number): Promise<Uint8Array> {
  const { argon2id } = await import("hash-wasm");
  return argon2id({ password, salt, iterations, memorySize: memory, parallelism: 1, hashLength: length, outputType: "binary" });
}

/** [AMB-106] Autobahn joins the octets before it writes them as Base64. */
function continuesOctets(nonce: string, clientNonce: string): boolean {
  const [whole, own] = [fromBase64Text(nonce), fromBase64Text(clientNonce)];
  return whole !== undefined && own !== undefined && whole.length > own.length && own.every((octet, i) => octet === whole[i]);
}

const NONCE_LENGTH = 16;
/** The client's, which is 24 characters, and something of the router's. */
const SHORTEST_NONCE = 32;
