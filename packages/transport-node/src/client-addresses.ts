/** Where sockets and requests come from: what the system says, or in its place what a trusted proxy says (T39). */
import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import { flowOf, peerAddress } from "./address.ts";
import { listed, type TrustedProxies } from "./trusted-proxies.ts";

/** Whose request it is. */
export interface RequestOrigin {
  /** The client's, as far as it is known; `undefined` for a UNIX socket. */
  readonly address: string | undefined;
  /** The client speaks TLS: with this listener, or with a trusted proxy before it. */
  readonly isSecure: boolean;
  /** It came through a trusted proxy, whose forwarding headers are true. */
  readonly isProxied: boolean;
}

export class ClientAddresses {
  /** Whose word is taken. */
  proxies: TrustedProxies;
  readonly #bySocket = new WeakMap<Socket, string>();
  /** The same by `flowOf`: a socket within TLS is another one. */
  readonly #byFlow = new Map<string, string>();

  constructor(proxies: TrustedProxies) {
    this.proxies = proxies;
  }

  /** Where a socket comes from, as far as one can know. */
  of(socket: Socket): string | undefined {
    return this.#bySocket.get(socket) ?? (this.#byFlow.size === 0 ? undefined : this.#byFlow.get(flowOf(socket))) ?? peerAddress(socket);
  }

  /** A trusted proxy says where a socket comes from. @param carriesTls it is the one below TLS, which is asked for by the one within */
  learn(socket: Socket, client: string, carriesTls: boolean): void {
    this.#bySocket.set(socket, client);
    if (!carriesTls) return;
    const flow = flowOf(socket);
    this.#byFlow.set(flow, client);
    socket.once("close", () => this.#byFlow.delete(flow));
  }

  /** Whom a request is from that arrived on a socket: a trusted proxy names its client. */
  clientOf(headers: IncomingHttpHeaders, socket: Socket): string | undefined {
    return this.proxies.clientOf(this.of(socket), listed(headers["x-forwarded-for"]));
  }

  originOf(headers: IncomingHttpHeaders, socket: Socket, isTls: boolean): RequestOrigin {
    const address = this.of(socket);
    const isProxied = this.proxies.has(peerAddress(socket));
    if (!isProxied) return { address, isSecure: isTls, isProxied };
    const protocol = listed(headers["x-forwarded-proto"])?.split(",").at(-1)?.trim();
    return {
      address: this.proxies.clientOf(address, listed(headers["x-forwarded-for"])),
      isSecure: protocol === undefined ? isTls : protocol === "https",
      isProxied,
    };
  }
}
