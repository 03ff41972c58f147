/**
 * Principals as a file or the configuration writes them: a record by authid. `junctor keys` makes the entries that hold no
 * secret in clear. What is `writeOnly` is never shown.
 */
import { fromHex, type ScramParameters, saslprep } from "@junctor/protocol/auth";
import { z } from "zod";
import type { Principal } from "./principal.ts";

const base64 = (length?: number) =>
  z
    .string()
    .regex(/^[A-Za-z0-9+/]+={0,2}$/, "expected Base64")
    .transform((text) => new Uint8Array(Buffer.from(text, "base64")))
    .refine((bytes) => length === undefined || bytes.length === length, `expected ${length} bytes in Base64`);

const publicKey = z
  .string()
  .refine((text) => fromHex(text, 32) !== undefined, "expected a public key: 64 hex digits, as junctor keys ed25519 prints them")
  .transform((text) => text.toLowerCase());

const secret = z.string().min(1, "a secret cannot be empty");

const ticket = secret.transform((text, context) => {
  const [kind, salt = "", digest = "", ...more] = text.split(":");
  if (kind !== "sha256") return { plain: text };
  const bytes = { salt: Buffer.from(salt, "base64"), digest: Buffer.from(digest, "base64") };
  if (more.length > 0 || bytes.salt.length < 8 || bytes.digest.length !== 32) {
    context.addIssue({ code: "custom", message: "expected sha256:SALT:DIGEST, as junctor keys hash --ticket prints it" });
  }
  return bytes;
});

const wampcra = z.union([
  secret.meta({ writeOnly: true }).transform((key) => ({ key, salting: undefined })),
  z
    .strictObject({
      key: secret.meta({ writeOnly: true }).describe("The derived key, Base64."),
      salt: secret.describe("What clients are told to derive it with."),
      iterations: z.int().min(1).default(1_000).describe("Rounds of PBKDF2."),
      keylen: z.int().min(1).max(1_024).default(32).describe("Length of the derived key in bytes."),
    })
    .transform(({ key, ...salting }) => ({ key, salting })),
]);

const scram = z
  .strictObject({
    kdf: z.enum(["pbkdf2", "argon2id13"]).describe("How keys are derived from the password."),
    salt: z
      .string()
      .regex(/^[A-Za-z0-9+/]+={0,2}$/, "expected Base64")
      .describe("Base64."),
    iterations: z.int().min(1).describe("Rounds."),
    memory: z.int().min(1).optional().describe("argon2id13 only: KiB."),
    storedKey: base64(32).meta({ writeOnly: true }).describe("Base64, 32 bytes."),
    serverKey: base64(32).meta({ writeOnly: true }).describe("Base64, 32 bytes."),
  })
  .refine(({ kdf, memory }) => (kdf === "argon2id13") === (memory !== undefined), "argon2id13 needs memory (KiB), pbkdf2 has none")
  .transform(({ storedKey, serverKey, memory, ...rest }) => {
    const parameters: ScramParameters = memory === undefined ? rest : { ...rest, memory };
    return { parameters, keys: { storedKey, serverKey } };
  });

const user = z
  .strictObject({
    role: z.string().min(1).optional().describe("The role that it joins with."),
    roles: z.array(z.string().min(1)).min(1).optional().describe("Several: the first is the default, HELLO's authrole picks another."),
    ticket: ticket
      .meta({ writeOnly: true })
      .optional()
      .describe("The secret, or its hash: `sha256:SALT:DIGEST`, as `junctor keys hash --ticket` prints it."),
    wampcra: wampcra.optional().describe("The secret; or, where it is salted, the derived key and how it was derived."),
    scram: scram.optional().describe("What `junctor keys hash --scram` prints. The server keeps no copy of the password."),
    cryptosign: z
      .union([publicKey.transform((key) => [key]), z.array(publicKey).min(1)])
      .optional()
      .describe("The public key, or several: 64 hex digits each, as `junctor keys ed25519` prints them."),
    extra: z.record(z.string(), z.unknown()).optional().describe("For WELCOME's authextra."),
  })
  .refine(({ role, roles }) => (role === undefined) !== (roles === undefined), "a user has either a role or roles");

/** A record by authid to principals. */
export const usersSchema = z
  .record(z.string().min(1).max(255), user)
  .superRefine((users, context) => {
    const owners = new Map<string, string>();
    for (const [authid, { cryptosign = [], scram }] of Object.entries(users)) {
      for (const key of cryptosign) {
        const owner = owners.get(key);
        if (owner !== undefined)
          context.addIssue({ code: "custom", path: [authid, "cryptosign"], message: `this key is ${owner}'s already` });
        owners.set(key, authid);
      }
      if (scram !== undefined && saslprep(authid) !== authid) {
        context.addIssue({
          code: "custom",
          path: [authid],
          message: `with scram a name is written in its normal form (RFC 4013): ${saslprep(authid) ?? "this one has none"}`,
        });
      }
    }
  })
  .transform((users) =>
    Object.entries(users).map(
      ([authid, { role, roles, ticket, wampcra, scram, cryptosign, extra }]): Principal => ({
        authid,
        roles: roles ?? [role ?? ""],
        ...(ticket && { ticket }),
        ...(wampcra && { wampcra }),
        ...(scram && { scram }),
        ...(cryptosign && { cryptosign }),
        ...(extra && { extra }),
      }),
    ),
  );
