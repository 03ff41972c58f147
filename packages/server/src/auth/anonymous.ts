/** `anonymous`: everybody, under one role (AMB-08). */
import type { AuthenticationRequest } from "@junctor/router";
import { type AuthMethod, type Grant, granted } from "./method.ts";

export function anonymous(role: string): AuthMethod {
  const open = ({ session }: AuthenticationRequest): Grant => ({
    authid: `anonymous-${session.toString(36)}`,
    roles: [role],
    authprovider: "static",
  });
  return { method: "anonymous", find: () => undefined, begin: (request) => granted(open(request)), open };
}
