/** `admin`: who administers the server from elsewhere, in the file's words. `admin/admin-realm.ts` makes a realm of it. */
import { z } from "zod";
import { usersSchema } from "../auth/users.ts";
import { authSchema } from "./auth-schema.ts";

export const adminSchema = z
  .strictObject({
    auth: z
      .array(authSchema)
      .min(1)
      .meta({ title: "[methods](#realmsauth)" })
      .optional()
      .describe(
        "The ways into the realm `junctor` through the listeners, as those of another realm; the roles are `viewer`, `operator` and `admin`. Default: none, and the server is administered over its control socket only.",
      ),
    users: z
      .union([z.string().min(1), usersSchema])
      .meta({ title: "[users](#users)" })
      .optional()
      .describe("Who may log in: a users file, or its contents."),
  })
  .prefault({})
  .describe("Who administers the server from elsewhere.");

export type AdminConfig = z.output<typeof adminSchema>;
