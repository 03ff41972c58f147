/**
 * How many may be connected, and how fast they may come: sockets of one listener, counted from the moment they open, in all
 * and by address (reliability 2.1, T13, T14). A socket is a stranger until a session is established on it, or an HTTP request
 * was made.
 */
import { isLoopback, limitKey } from "./address.ts";
import type { ConnectionLimits } from "./limits.ts";
import { RefusalReason } from "./refusal-reason.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";

interface Count {
  sockets: number;
  strangers: number;
  /** When all that came from there has been paid for, at `newPerAddress` a second. Only with an address. */
  paidAt: number;
}

export class Admission {
  readonly #limits: ConnectionLimits;
  /** Addresses that stand for many clients: the limits per address do not hold for them. */
  proxies: TrustedProxies;
  readonly #all: Count = { sockets: 0, strangers: 0, paidAt: 0 };
  readonly #byAddress = new Map<string, Count>();
  readonly #now: () => number;

  constructor(limits: ConnectionLimits, proxies: TrustedProxies, now: () => number) {
    this.#limits = limits;
    this.proxies = proxies;
    this.#now = now;
  }

  /** @returns the limit that one more socket from there would exceed */
  refusal(address: string | undefined): RefusalReason | undefined {
    const { connections, unjoined, connectionsPerAddress, unjoinedPerAddress, newPerAddress } = this.#limits;
    if (this.#all.sockets >= connections) return RefusalReason.connections;
    if (this.#all.strangers >= unjoined) return RefusalReason.unjoined;
    const same = address === undefined || this.#isExempt(address) ? undefined : this.#byAddress.get(limitKey(address));
    if (same === undefined) return undefined;
    if (same.sockets >= connectionsPerAddress) return RefusalReason.connectionsPerAddress;
    if (same.strangers >= unjoinedPerAddress) return RefusalReason.unjoinedPerAddress;
    return same.paidAt - this.#now() > (BURST - 1 / newPerAddress) * 1_000 ? RefusalReason.newPerAddress : undefined;
  }

  /** A socket opened, a stranger. */
  entered(address: string | undefined): void {
    const same = this.#count(address, 1, 1);
    if (same === undefined) return;
    const now = this.#now();
    same.paidAt = Math.min(Math.max(same.paidAt, now) + 1_000 / this.#limits.newPerAddress, now + BURST * 1_000);
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

  /** Forgets addresses that have nothing open and nothing to pay for; called once a second. */
  tick(now: number): void {
    for (const [key, { sockets, paidAt }] of this.#byAddress) if (sockets === 0 && paidAt <= now) this.#byAddress.delete(key);
  }

  /** @returns the count of the address, where there is one */
  #count(address: string | undefined, sockets: number, strangers: number): Count | undefined {
    this.#all.sockets += sockets;
    this.#all.strangers += strangers;
    if (address === undefined) return undefined;
    const key = limitKey(address); // also of those who are exempt: that may change before they leave
    let same = this.#byAddress.get(key);
    if (same === undefined) {
      same = { sockets: 0, strangers: 0, paidAt: 0 };
      this.#byAddress.set(key, same);
    }
    same.sockets += sockets;
    same.strangers += strangers;
    return same;
  }

  /** The limits per address do not hold for it. */
  #isExempt(address: string): boolean {
    return this.proxies.has(address) || (isLoopback(address) && !this.#limits.limitLoopback);
  }
}

/** Seconds of `newPerAddress` that may come at once: everybody behind an address may lose his connection in the same moment. */
const BURST = 10;
