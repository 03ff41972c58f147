/** Where a listener listens and a peer comes from, as text for people and as a key for limits. */
import { type AddressInfo, isIPv6, type Socket } from "node:net";

/** @returns `undefined` for UNIX sockets */
export function peerAddress(socket: Socket): string | undefined {
  const { remoteAddress } = socket;
  return remoteAddress?.startsWith("::ffff:") ? remoteAddress.slice(7) : remoteAddress;
}

/** As `peerAddress` spells it: in its shortest form, and an IPv4 address in IPv6's clothes without them. */
export function canonicalAddress(address: string): string {
  if (!isIPv6(address)) return address;
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return canonical;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 0xff, b >> 8, b & 0xff].join(".");
}

export function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

/** Whether only this machine reaches what listens there. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || isLoopback(host);
}

/** What connections are counted by: an IPv4 address, or the /64 of an IPv6 address, which one host may have whole. */
export function limitKey(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head.split(":");
  if (tail !== undefined) while (groups.length + tail.split(":").length < 8) groups.push("0");
  return groups.slice(0, 4).join(":");
}

/** `host:port` with brackets where IPv6 needs them, or the path of a UNIX socket. */
export function addressText(address: AddressInfo | string | null): string {
  if (address === null || typeof address === "string") return address ?? "?";
  return `${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`;
}

/** What tells a TCP connection from all others of this moment. */
export function flowOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
