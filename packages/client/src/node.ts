/**
 * The Node.js entry of `@junctor/client`: the same, with `connect` over `ws:`, `wss:`, `tcp:`, `tls:`, `unix:` and
 * `ws+unix:` URLs.
 */
import { type DialOptions, dial } from "@junctor/transport-node";
import { type ConnectOptions as CommonOptions, connect as connectAnywhere } from "./connect.ts";
import type { Session } from "./session.ts";

export { DialError } from "@junctor/transport-node";
export * from "./index.ts";

export interface ConnectOptions extends CommonOptions {
  /** For `wss:` and `tls:`: certificates, server name, … */
  readonly tls?: DialOptions["tls"];
  /** For `ws:` and `wss:`: additional HTTP headers. */
  readonly headers?: DialOptions["headers"];
  /** For `ws:` and `wss:`: offers to compress messages (permessage-deflate). Default false. */
  readonly deflate?: boolean;
}

/** As the portable `connect`; every kind of URL is taken. Where no connection comes about, the error is a `DialError`. */
export async function connect(options: ConnectOptions): Promise<Session> {
  const { url, serializers, tls, headers, deflate, timeout } = options;
  if (url === undefined || options.dial !== undefined) return connectAnywhere(options);
  const dialOptions: DialOptions = {
    ...(serializers === undefined ? {} : { serializers }),
    ...(tls === undefined ? {} : { tls }),
    ...(headers === undefined ? {} : { headers }),
    ...(deflate === undefined ? {} : { deflate }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout > 0 ? timeout : Number.POSITIVE_INFINITY }),
  };
  return connectAnywhere({ ...options, dial: dial(url, dialOptions) });
}
