/** `anonymous`: everybody, under one role (AMB-08). */
import { type AuthMethod, granted } from "./method.ts";

export function anonymous(role: string): AuthMethod {
  return {
    method: "anonymous",
    find: () => undefined,
    begin: ({ session }) => granted({ authid: `anonymous-${session.toString(36)}`, roles: [role], authprovider: "static" }),
  };
}
