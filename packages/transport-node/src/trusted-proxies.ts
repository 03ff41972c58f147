/** The proxies whose word is taken for where a connection comes from (T39). */
import { BlockList, isIP } from "node:net";
import { canonicalAddress } from "./address.ts";

export class TrustedProxies {
  readonly #addresses = new BlockList();
  /** Whatever reaches the listener's UNIX socket. */
  readonly #trustsUnix: boolean;
  readonly #isEmpty: boolean;

  /**
   * @param entries addresses and networks, `10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`; or `unix`
   * @throws {TypeError} an entry that is none
   */
  constructor(entries: readonly string[]) {
    this.#trustsUnix = entries.includes("unix");
    this.#isEmpty = entries.every((entry) => entry === "unix");
    for (const entry of entries) {
      if (entry === "unix") continue;
      if (!isNetwork(entry)) throw new TypeError(`${JSON.stringify(entry)} is no address and no network`);
      const [address = "", length] = entry.split("/");
      const family = isIP(address) === 4 ? "ipv4" : "ipv6";
      this.#addresses.addSubnet(address, length === undefined ? (family === "ipv4" ? 32 : 128) : Number(length), family);
    }
  }

  /** @param address `undefined` for a UNIX socket */
  has(address: string | undefined): boolean {
    if (address === undefined) return this.#trustsUnix;
    if (this.#isEmpty) return false; // the list would make objects to say so, for every connection
    const family = isIP(address);
    return family !== 0 && this.#addresses.check(address, family === 4 ? "ipv4" : "ipv6");
  }

  /**
   * Whose a request is that came through proxies: each adds to `X-Forwarded-For` whom it has it from, so that the last one
   * that is no trusted proxy is the client. What stands before it is the client's own claim.
   *
   * @param address of the connection
   * @returns where a trusted proxy names nobody: the last address that is sure
   */
  clientOf(address: string | undefined, forwardedFor: string | undefined): string | undefined {
    if (forwardedFor === undefined || !this.has(address)) return address;
    let client = address;
    for (const hop of forwardedFor.split(",").reverse()) {
      const named = hopAddress(hop.trim());
      if (named === undefined) return client;
      client = named;
      if (!this.has(client)) return client;
    }
    return client;
  }
}

/** An address with or without a port, as proxies write it. */
function hopAddress(hop: string): string | undefined {
  const address = /^\[([^\]]*)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop;
  return isIP(address) === 0 ? undefined : canonicalAddress(address);
}

/** Whether it is an address, or one with the length of its prefix. */
export function isNetwork(text: string): boolean {
  const [address = "", length, ...more] = text.split("/");
  const family = isIP(address);
  if (family === 0 || more.length > 0 || address.includes("%")) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128));
}

/** A header that may come several times, as one list. */
export function listed(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(",") : header;
}
