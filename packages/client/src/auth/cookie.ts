/**
 * Authentication by the log-in cookie of the browser that the page runs in: an earlier session of this browser has logged in
 * by another method. Offered before that one, it spares asking again. `session.leave("wamp.close.logout")` ends it.
 */
import { TransportError } from "../error.ts";
import type { AuthMethod } from "./method.ts";

export function cookie(): AuthMethod {
  const respond = async () => {
    throw new TransportError("the router challenges a client that has shown its cookie, which it should not");
  };
  return { method: "cookie", attempt: () => ({ respond }) };
}
