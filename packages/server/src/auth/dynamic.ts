/**
 * A procedure as the place where principals are kept: a dynamic authenticator. Arguments and results are those of
 * Crossbar.io's, so that one written for it works unchanged:
 *
 *     (realm, authid, details) → role, or { role, authid?, extra?, … and what the method compares with }
 *
 * `details` holds `session`, `authmethod`, `authextra`, `transport`, and for the method ticket `ticket`. An error means that
 * there is no such principal, or that the ticket is wrong.
 */
import { fromHex } from "@junctor/protocol/auth";
import type { AuthenticationRequest } from "@junctor/router";
import { z } from "zod";
import type { Principal, PrincipalSource } from "./principal.ts";
import { type Ask, isRefusal } from "./procedure.ts";

const key = z
  .string()
  .refine((text) => fromHex(text, 32) !== undefined)
  .transform((text) => text.toLowerCase());
const octets = z.union([
  z.instanceof(Uint8Array),
  z
    .string()
    .regex(/^([0-9a-fA-F]{2})+$/)
    .transform((text) => new Uint8Array(Buffer.from(text, "hex"))),
]);

/** Unknown keys are the authenticator's own affair. */
const answerSchema = z.union([
  z
    .string()
    .min(1)
    .transform((role) => ({ role })),
  z.object({
    role: z.string().min(1).optional(),
    authid: z.string().min(1).optional(),
    realm: z.string().optional(),
    extra: z.record(z.string(), z.unknown()).nullish(),
    secret: z.string().min(1).optional(),
    salt: z.union([z.string(), z.instanceof(Uint8Array)]).optional(),
    iterations: z.int().min(1).optional(),
    keylen: z.int().min(1).optional(),
    pubkey: key.optional(),
    kdf: z.enum(["pbkdf2", "argon2id13", "argon2id-13"]).optional(),
    memory: z.int().min(1).nullish(),
    "stored-key": octets.optional(),
    "server-key": octets.optional(),
  }),
]);

type Answer = { readonly role?: string | undefined } & Partial<Exclude<z.output<typeof answerSchema>, { role: string; authid?: never }>>;

export class DynamicPrincipals implements PrincipalSource {
  readonly name = "dynamic";
  readonly typicalSalting = undefined;
  readonly typicalScram = undefined;
  readonly #ask: Ask;
  readonly #procedure: string;
  readonly #defaultRole: string | undefined;

  constructor(ask: Ask, procedure: string, defaultRole: string | undefined) {
    this.#ask = ask;
    this.#procedure = procedure;
    this.#defaultRole = defaultRole;
  }

  byAuthid(authid: string, method: string, request: AuthenticationRequest): Promise<Principal | undefined> {
    return this.#find(authid, method, request, {});
  }

  async byPublicKey(publicKey: string, request: AuthenticationRequest): Promise<Principal | undefined> {
    const found = await this.#find(request.details.authid ?? null, "cryptosign", request, {});
    return found?.cryptosign?.includes(publicKey) === true ? found : undefined;
  }

  byTicket(authid: string, ticket: string, request: AuthenticationRequest): Promise<Principal | undefined> {
    return this.#find(authid, "ticket", request, { ticket });
  }

  async #find(authid: string | null, authmethod: string, request: AuthenticationRequest, more: object): Promise<Principal | undefined> {
    const { realm, session, details, origin } = request;
    const { authrole = null, authextra = null } = details;
    const transport = {
      type: origin.transport,
      serializer: origin.serializer ?? null,
      peer: origin.address ?? null,
      secure: origin.tls !== undefined,
      ...(origin.cookie?.browser !== undefined && { browser: origin.cookie.browser }),
    };
    const asked = [realm, authid, { session, authmethod, authrole, authextra, transport, ...more }];
    let answer: unknown;
    try {
      answer = await this.#ask(this.#procedure, asked);
    } catch (error) {
      if (isRefusal(error)) return undefined;
      throw error;
    }
    const parsed = answerSchema.safeParse(answer);
    if (!parsed.success)
      throw new TypeError(`${this.#procedure} answered what is no role and no record of a principal: ${z.prettifyError(parsed.error)}`);
    return this.#principal(parsed.data, authid, realm);
  }

  #principal(answer: Answer, asked: string | null, realm: string): Principal {
    const { role = this.#defaultRole, authid = asked, secret, salt, iterations, keylen = 32, pubkey, kdf, memory, extra } = answer;
    const storedKey = answer["stored-key"];
    const serverKey = answer["server-key"];
    if (role === undefined) throw new TypeError(`${this.#procedure} named no role, and the configuration has none for that case`);
    if (authid === null || authid === undefined) throw new TypeError(`${this.#procedure} named no authid, and neither did the client`);
    if (answer.realm !== undefined && answer.realm !== realm)
      throw new TypeError(`${this.#procedure} sent a client of the realm ${realm} to another one, which Junctor does not do`);
    const saltText = salt instanceof Uint8Array ? Buffer.from(salt).toString("base64") : salt;
    return {
      authid,
      roles: [role],
      ...(secret !== undefined && {
        wampcra: { key: secret, salting: saltText === undefined ? undefined : { salt: saltText, keylen, iterations: iterations ?? 1_000 } },
      }),
      ...(pubkey !== undefined && { cryptosign: [pubkey] }),
      ...(kdf !== undefined &&
        saltText !== undefined &&
        iterations !== undefined &&
        storedKey !== undefined &&
        serverKey !== undefined && {
          scram: {
            // Crossbar.io keeps SCRAM's salts in hex.
            parameters: {
              kdf: kdf === "pbkdf2" ? kdf : "argon2id13",
              salt: /^([0-9a-fA-F]{2})+$/.test(saltText) ? Buffer.from(saltText, "hex").toString("base64") : saltText,
              iterations,
              ...(typeof memory === "number" && { memory }),
            },
            keys: { storedKey, serverKey },
          },
        }),
      ...(extra !== null && extra !== undefined && { extra }),
    };
  }
}
