/** `realms.<name>.auth`: the methods of a realm, in the file's words. `auth/from-config.ts` makes them. */
import { addressOf, CAPABILITIES, checksummed } from "@junctor/protocol/auth";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { z } from "zod";
import { usersSchema } from "../auth/users.ts";
import { duration, procedure } from "./scalars.ts";

const users = z
  .union([z.string().min(1), usersSchema])
  .meta({ title: "[users](#users)" })
  .optional()
  .describe("Who may log in: a users file, or its contents. Default: the realm's users.");

const principals = {
  users,
  authenticator: procedure
    .optional()
    .describe("A procedure that knows who may log in, in place of users. Arguments and results as in Crossbar.io."),
  authenticatorRealm: z.string().min(1).optional().describe("Where that procedure is registered. Default: this realm."),
  defaultRole: z.string().min(1).optional().describe("Where the procedure names none."),
};

const address = z
  .string()
  .refine((text) => addressOf(text) !== undefined, "expected an Ethereum address: 0x and 40 hex digits")
  .refine(
    (text) => text === text.toLowerCase() || text === checksummed({ keccak256: keccak_256 }, text),
    "the address has a mistake in it: its upper-case letters, which are a checksum (EIP-55), do not fit",
  )
  .transform((text) => text.toLowerCase());

const trustRoot = z.strictObject({
  root: address.describe("Address of the account that is trusted: issuer and subject of the last certificate."),
  chainId: z.int().min(0).default(1).describe("The blockchain that all certificates have to name."),
  contract: address.describe("The contract that all of them have to name (`verifyingContract`)."),
  realm: address.describe("Address of the realm that all of them have to name."),
  block: z.int().min(0).optional().describe("Certificates that are valid from a later block on are refused. Default: none are."),
  certificates: z
    .string()
    .min(1)
    .optional()
    .describe("File with certificates of authorities, as HELLO has them, in JSON: for clients that bring only their own."),
  requires: z.array(z.enum(CAPABILITIES)).default([]).describe("Capabilities that the certificate above the client's own has to have."),
  role: z.string().min(1).describe("The role of whoever it fits. The authid is the client's address."),
});

const factor = z.discriminatedUnion("method", [
  z.strictObject({ method: z.literal("ticket"), ...principals }).describe("A shared secret, sent as it is: for TLS only."),
  z
    .strictObject({ method: z.literal("wampcra"), ...principals })
    .describe("WAMP-CRA: a shared secret that proves itself without being sent."),
  z.strictObject({ method: z.literal("wamp-scram"), ...principals }).describe("WAMP-SCRAM: a password of which the server holds no copy."),
  z.strictObject({ method: z.literal("scram"), ...principals }).describe("wamp-scram as Autobahn speaks it."),
  z
    .strictObject({
      method: z.literal("cryptosign"),
      ...principals,
      routerKey: z
        .string()
        .optional()
        .describe("File with the router's private key: 64 hex digits. It proves the router to clients that ask."),
      requireBinding: z.boolean().default(false).describe("Refuses clients that do not bind to their TLS channel."),
      trustRoots: z
        .array(trustRoot)
        .min(1)
        .optional()
        .describe("Whose certificates vouch for keys that no user has. The first that a client's certificates fit decides."),
    })
    .describe("A signature with an Ed25519 key, of which the server knows the public half."),
]);

const jwt = z
  .strictObject({
    method: z.literal("jwt"),
    jwks: z.string().min(1).describe("The identity provider's key set: an `https://` URL, or a file."),
    issuer: z.string().min(1).describe("What the claim `iss` has to say."),
    audience: z.string().min(1).describe("What the claim `aud` has to say."),
    algorithms: z
      .array(z.enum(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]))
      .min(1)
      .default(["RS256", "ES256", "EdDSA"])
      .describe("Signature algorithms that are accepted."),
    authid: z.string().min(1).default("sub").describe("The claim that holds the authid."),
    role: z.string().min(1).optional().describe("The role of everybody who has a token."),
    roleClaim: z.string().min(1).optional().describe("Or: the claim that holds the role, or a list of them."),
    roles: z.record(z.string(), z.string()).optional().describe("What that claim's values are called here."),
    extra: z.array(z.string()).default([]).describe("Claims that WELCOME's authextra repeats."),
    leeway: duration.default(60_000).describe("How far the provider's clock may be off."),
  })
  .refine(({ role, roleClaim }) => (role === undefined) !== (roleClaim === undefined), "jwt needs either a role or a roleClaim")
  .refine(({ roleClaim, roles }) => (roleClaim === undefined) === (roles === undefined), "roleClaim and roles go together")
  .describe("A JSON Web Token as ticket. The session ends when the token does.");

const certificateRule = z.strictObject({
  when: z
    .record(z.string(), z.string())
    .default({})
    .describe("Parts of the certificate's subject (`O`, `OU`, …), or `SAN`, that it has to have."),
  role: z.string().min(1).describe("The role of whoever it fits."),
  authid: z
    .string()
    .min(1)
    .default("{CN}")
    .describe("`{CN}`, `{DNS}`, `{email}`, `{URI}` and `{fingerprint}` stand for the certificate's."),
});

const also = z
  .array(factor)
  .min(1)
  .meta({ title: "list of these methods" })
  .optional()
  .describe("Further methods that the client has to pass as well, one after another.");

/** One way in. Clients choose among the methods of their realm by the order in which they offer them. */
export const authSchema = z.discriminatedUnion("method", [
  z
    .strictObject({ method: z.literal("anonymous"), role: z.string().min(1).describe("The role of everybody who joins this way.") })
    .describe("Lets everybody in."),
  z
    .strictObject({ method: z.literal("tls"), rules: z.array(certificateRule).min(1).describe("The first that fits decides.") })
    .describe("The client's TLS certificate; needs `clientCa` in the listener."),
  z
    .strictObject({
      method: z.literal("cookie"),
      maxAge: duration.default(7 * 24 * 60 * 60_000).describe("How long a browser stays logged in."),
    })
    .describe("A browser that has logged in by another method comes back; needs `cookie` in the listener."),
  jwt,
  ...factor.options.map((option) => option.extend({ also }).describe(option.description ?? "")),
] as const);

export type TrustRootConfig = z.output<typeof trustRoot>;
export type FactorConfig = z.output<typeof factor>;
export type AuthConfig =
  | { readonly method: "anonymous"; readonly role: string }
  | { readonly method: "tls"; readonly rules: readonly z.output<typeof certificateRule>[] }
  | { readonly method: "cookie"; readonly maxAge: number }
  | z.output<typeof jwt>
  | (FactorConfig & { readonly also?: readonly FactorConfig[] | undefined });

/** The roles that a method names itself, with where in the method each one stands. What is there is not known to be right. */
export function rolesNamed(method: unknown): readonly { readonly role: string; readonly path: readonly (string | number)[] }[] {
  if (!isRecord(method)) return [];
  const { role, roles } = method;
  const listed = (key: string) => {
    const rules = method[key];
    return Array.isArray(rules)
      ? rules.map((rule: unknown, i) => ({ role: isRecord(rule) ? rule["role"] : undefined, path: [key, i, "role"] }))
      : [];
  };
  const named = [
    { role, path: ["role"] },
    ...listed("rules"),
    ...listed("trustRoots"),
    ...(isRecord(roles) ? Object.entries(roles).map(([value, role]) => ({ role, path: ["roles", value] })) : []),
  ];
  return named.flatMap(({ role, path }) => (typeof role === "string" ? [{ role, path }] : []));
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
