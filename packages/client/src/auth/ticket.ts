/** Authentication by ticket (requirements 7.2): a secret that is shown as it is, so over TLS or a local socket only. */
import type { AuthMethod } from "./method.ts";

/** @param options.ticket the ticket, or what fetches a fresh one for each connection */
export function ticket(options: { readonly authid: string; readonly ticket: string | (() => string | Promise<string>) }): AuthMethod {
  const { authid, ticket } = options;
  return {
    method: "ticket",
    attempt: () => ({ authid, respond: async () => ({ signature: typeof ticket === "string" ? ticket : await ticket() }) }),
  };
}
