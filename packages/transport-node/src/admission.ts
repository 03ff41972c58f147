/**
 * How many may be connected: sockets of one listener, counted from the moment they open, in all and by address
 * (reliability 2.1). A socket is a stranger until a session is established on it, or an HTTP request was made.
 */
import { isLoopback, limitKey } from "./address.ts";
import type { ConnectionLimits } from "./limits.ts";
import { RefusalReason } from "./refusal-reason.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";

interface Count {
  sockets: number;
  strangers: number;
}

export class Admission {
  readonly #limits: ConnectionLimits;
  /** Addresses that stand for many clients: the limits per address do not hold for them. */
  proxies: TrustedProxies;
  readonly #all: Count = { sockets: 0, strangers: 0 };
  readonly #byAddress = new Map<string, Count>();

  constructor(limits: ConnectionLimits, proxies: TrustedProxies) {
    this.#limits = limits;
    this.proxies = proxies;
  }

  /** @returns the limit that one more socket from there would exceed */
  refusal(address: string | undefined): RefusalReason | undefined {
    const { connections, unjoined, connectionsPerAddress, unjoinedPerAddress } = this.#limits;
    if (this.#all.sockets >= connections) return RefusalReason.connections;
    if (this.#all.strangers >= unjoined) return RefusalReason.unjoined;
    const same = address === undefined || this.#isExempt(address) ? undefined : this.#byAddress.get(limitKey(address));
    if (same === undefined) return undefined;
    if (same.sockets >= connectionsPerAddress) return RefusalReason.connectionsPerAddress;
    return same.strangers >= unjoinedPerAddress ? RefusalReason.unjoinedPerAddress : undefined;
  }

  /** A socket opened, a stranger. */
  entered(address: string | undefined): void {
    this.#count(address, 1, 1);
  }

  /**
   * A stranger's socket turns out to be somebody else's than the proxy's that it comes from.
   * @returns the limit that it exceeds there; it stays counted where it was then
   */
  moved(from: string | undefined, to: string | undefined): RefusalReason | undefined {
    this.left(from);
    const limit = this.refusal(to);
    this.entered(limit === undefined ? to : from);
    return limit;
  }

  /** A socket that is a stranger, still or again, is gone. */
  left(address: string | undefined): void {
    this.#count(address, -1, -1);
  }

  /** A socket is no stranger any more, or is one again. */
  known(address: string | undefined, isKnown: boolean): void {
    this.#count(address, 0, isKnown ? -1 : 1);
  }

  #count(address: string | undefined, sockets: number, strangers: number): void {
    this.#all.sockets += sockets;
    this.#all.strangers += strangers;
    if (address === undefined) return;
    const key = limitKey(address); // also of those who are exempt: that may change before they leave
    const same = this.#byAddress.get(key) ?? { sockets: 0, strangers: 0 };
    same.sockets += sockets;
    same.strangers += strangers;
    if (same.sockets === 0) this.#byAddress.delete(key);
    else this.#byAddress.set(key, same);
  }

  /** The limits per address do not hold for it. */
  #isExempt(address: string): boolean {
    return this.proxies.has(address) || (isLoopback(address) && !this.#limits.limitLoopback);
  }
}
