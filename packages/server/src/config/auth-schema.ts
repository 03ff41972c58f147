/** `realms.<name>.auth`: the methods of a realm, in the file's words. `auth/from-config.ts` makes them. */
import { z } from "zod";
import { usersSchema } from "../auth/users.ts";

const users = z
  .union([z.string().min(1), usersSchema])
  .optional()
  .describe("Who may log in: a users file, or its contents. Default: the realm's users.");

const principals = {
  users,
  authenticator: z
    .string()
    .min(1)
    .optional()
    .describe("A procedure that knows who may log in, in place of users. Arguments and results as in Crossbar.io."),
  authenticatorRealm: z.string().min(1).optional().describe("Where that procedure is registered. Default: this realm."),
  defaultRole: z.string().min(1).optional().describe("Where the procedure names none."),
};

const factor = z.discriminatedUnion("method", [
  z.strictObject({ method: z.literal("ticket"), ...principals }),
  z.strictObject({ method: z.literal("wampcra"), ...principals }),
  z.strictObject({ method: z.literal("wamp-scram"), ...principals }),
  z.strictObject({ method: z.literal("scram"), ...principals }).describe("wamp-scram as Autobahn speaks it."),
  z.strictObject({
    method: z.literal("cryptosign"),
    ...principals,
    routerKey: z
      .string()
      .optional()
      .describe("File with the router's private key: 64 hex digits. It proves the router to clients that ask."),
    requireBinding: z.boolean().default(false).describe("Refuses clients that do not bind to their TLS channel."),
  }),
]);

const also = z.array(factor).min(1).optional().describe("Further methods that the client has to pass as well, one after another.");

/** One way in. Clients choose among the methods of their realm by the order in which they offer them. */
export const authSchema = z.discriminatedUnion("method", [
  z.strictObject({ method: z.literal("anonymous"), role: z.string().min(1) }),
  ...factor.options.map((option) => option.extend({ also })),
] as const);

export type FactorConfig = z.output<typeof factor>;
export type AuthConfig =
  | { readonly method: "anonymous"; readonly role: string }
  | (FactorConfig & { readonly also?: readonly FactorConfig[] | undefined });
