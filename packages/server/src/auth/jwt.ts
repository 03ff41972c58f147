/**
 * JSON Web Tokens as tickets: whoever an identity provider vouches for is let in, until the token expires.
 *
 * Spec: requirements 7.2; RFC 7519, RFC 8725 (algorithms pinned, issuer and audience checked); T6.
 */
import { readFileSync } from "node:fs";
import type { Dict } from "@junctor/protocol";
import type { JWTPayload, JWTVerifyGetKey } from "jose";
import { z } from "zod";
import { UserError } from "../user-error.ts";
import { type AuthMethod, denied, granted, type Step } from "./method.ts";

export interface JwtOptions {
  readonly keys: JWTVerifyGetKey;
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  /** The claim that holds the authid. */
  readonly authidClaim: string;
  /** The role of whoever has a token; or the claim that holds one or several, with what they are called here. */
  readonly role: string | { readonly claim: string; readonly names: Readonly<Record<string, string>> };
  /** Claims that WELCOME's authextra repeats. */
  readonly extraClaims: readonly string[];
  /** Seconds by which the clocks may differ. */
  readonly leewaySeconds: number;
  readonly wallClock: () => Date;
}

export function jwt(options: JwtOptions): AuthMethod<true> {
  return {
    method: "ticket",
    find: () => true, // who it is stands in the token
    begin: ({ details }) => ({ kind: "challenge", extra: {}, verify: ({ signature }) => verify(signature, details.authid, options) }),
  };
}

async function verify(token: string, authid: string | undefined, options: JwtOptions): Promise<Step> {
  const { keys, issuer, audience, algorithms, leewaySeconds, wallClock } = options;
  const { errors, jwtVerify } = await import("jose");
  let payload: JWTPayload;
  try {
    const checks = {
      issuer,
      audience,
      algorithms: [...algorithms],
      clockTolerance: leewaySeconds,
      requiredClaims: ["exp"],
      currentDate: wallClock(),
    };
    payload = (await jwtVerify(token, keys, checks)).payload;
  } catch (error) {
    // What is wrong with a token is the client's affair; keys that cannot be fetched are ours.
    if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout)) return denied();
    throw error;
  }
  const named = payload[options.authidClaim];
  const roles = rolesOf(payload, options.role);
  if (typeof named !== "string" || named === "" || (authid !== undefined && authid !== "" && authid !== named)) return denied();
  if (roles.length === 0) return denied();
  const extra = Object.fromEntries(
    options.extraClaims.filter((claim) => Object.hasOwn(payload, claim)).map((claim) => [claim, payload[claim]]),
  ) as Dict;
  const lifetimeMs = ((payload.exp ?? 0) + leewaySeconds) * 1_000 - wallClock().getTime();
  return granted({ authid: named, roles, authprovider: "jwt", lifetimeMs, ...(options.extraClaims.length > 0 && { authextra: extra }) });
}

function rolesOf(payload: JWTPayload, role: JwtOptions["role"]): readonly string[] {
  if (typeof role === "string") return [role];
  const value = payload[role.claim];
  const values = Array.isArray(value) ? value : [value];
  return values.flatMap((name) => (typeof name === "string" && Object.hasOwn(role.names, name) ? [role.names[name] ?? ""] : []));
}

/**
 * Keys from a file, or from the identity provider: fetched when one is needed that is not known, once a minute at most.
 *
 * @throws {UserError} the file cannot be read, or holds no key set
 */
export function jwtKeys(source: string): JWTVerifyGetKey {
  if (/^https?:\/\//.test(source)) {
    return later(({ createRemoteJWKSet }) => createRemoteJWKSet(new URL(source), { cooldownDuration: 60_000, timeoutDuration: 5_000 }));
  }
  const remedy = 'expected a JSON Web Key Set (RFC 7517): {"keys": [{"kty": …}]}';
  try {
    const keySet = keySetSchema.parse(JSON.parse(readFileSync(source, "utf8")));
    return later(({ createLocalJWKSet }) => createLocalJWKSet(keySet));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "it holds no key set";
    throw new UserError(`cannot use the keys in ${source}: ${code}`, { remedy, cause: error });
  }
}

/** The library is loaded for the first token: it is a seventh of all that would be loaded at the start, and few realms take any. */
function later(make: (jose: typeof import("jose")) => JWTVerifyGetKey): JWTVerifyGetKey {
  let made: Promise<JWTVerifyGetKey> | undefined;
  return async (header, token) => {
    made ??= import("jose").then(make);
    return (await made)(header, token);
  };
}

const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });
