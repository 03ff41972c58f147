/** Whether a session would be let in today as it was then: the method is there, and gives that name and role (T31). */
import type { Session } from "@junctor/router";
import type { AuthConfig, FactorConfig } from "../config/auth-schema.ts";
import { SERVICE } from "../service/service-tickets.ts";
import type { Tables } from "./realm-tables.ts";
import { SessionProof } from "./session-proof.ts";
import { grantedBy } from "./tls.ts";

/**
 * What a procedure or an identity provider vouched for is not asked about again: such a session stays as long as the way
 * that it came by is there.
 */
export function isStillLetIn(session: Session, auth: readonly AuthConfig[], tables: Tables): boolean {
  const { proof, authrole, authprovider } = session;
  if (authprovider === SERVICE) return true; // for as long as it runs
  const proofs = proof instanceof SessionProof ? proof.proofs : [];
  if (!proofs.every((each) => each.holds(authrole, tables))) return false;
  return auth.some((config) => admits(config, session, auth));
}

function admits(config: AuthConfig, session: Session, auth: readonly AuthConfig[]): boolean {
  const { authid, authrole, authmethod, authprovider, origin } = session;
  if (methodName(config) !== authmethod) return false;
  switch (config.method) {
    case "anonymous":
      return config.role === authrole;
    case "cookie":
      return auth.some((other) => other.method !== "cookie" && providerName(other) === authprovider);
    case "tls": {
      const grant = origin.tls?.certificate && grantedBy(config.rules, origin.tls.certificate);
      return grant?.authid === authid && grant.role === authrole;
    }
    case "jwt":
      return authprovider === "jwt" && (config.role === authrole || Object.values(config.roles ?? {}).includes(authrole));
    case "cryptosign": // users, roots of trust and whoever resolves them: what can be looked up was, above
      return true;
    default:
      return providerName(config) === authprovider;
  }
}

/** As the session's authmethod has it: with the methods that came on top. */
function methodName(config: AuthConfig): string {
  const also = "also" in config ? (config.also ?? []) : [];
  return [config, ...also].map(({ method }: AuthConfig | FactorConfig) => (method === "jwt" ? "ticket" : method)).join("+");
}

function providerName(config: AuthConfig): string {
  if (config.method === "jwt" || config.method === "tls") return config.method;
  return "authenticator" in config && config.authenticator !== undefined ? "dynamic" : "static";
}
