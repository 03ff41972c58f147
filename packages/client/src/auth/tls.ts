/** Authentication by the client's TLS certificate: `connect`'s `tls` option has it, and the router asks for nothing more. */
import { TransportError } from "../error.ts";
import type { AuthMethod } from "./method.ts";

export function tls(): AuthMethod {
  const respond = async () => {
    throw new TransportError("the router challenges a client that has shown its certificate, which it should not");
  };
  return { method: "tls", attempt: () => ({ respond }) };
}
