/**
 * Which names a web listener answers to, and which pages may open WebSockets on it. A browser sends both headers with every
 * WebSocket, and a page cannot forge them: `Origin` says whose page it is (T8), `Host` what the page called the router, which
 * tells a name that was bent to this address afterwards (DNS rebinding, T9). Programs that are no browsers send no Origin;
 * whom they speak for is a matter of authentication.
 */
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { isLoopback } from "./address.ts";

export interface WebAccess {
  /**
   * `same-host` (what the Host header says), `loopback` (this machine's, on any port), `https://app.example.com`,
   * `https://*.example.com`, `http://example.com:*`, `null` (pages without an origin of their own), `*`. Default: `same-host`.
   */
  readonly origins?: readonly string[];
  /**
   * `example.com`, `*.example.com`, `*`; addresses and localhost are always allowed. Default: none but those where the listener
   * is on loopback, any elsewhere.
   */
  readonly hosts?: readonly string[];
}

/** Which pages, by the Origin header that their browser sends. */
export class OriginList {
  readonly #rules: readonly OriginRule[];

  /** @throws {TypeError} an entry that is none */
  constructor(entries: readonly string[]) {
    this.#rules = entries.map((entry) => parsed(entry, parseOriginRule));
  }

  /** Without an Origin header it is no page that asks. */
  allows({ origin, host }: IncomingHttpHeaders): boolean {
    if (origin === undefined) return true;
    const page = parseOrigin(origin);
    return this.#rules.some((rule) => {
      if (rule === "any") return true;
      if (page === undefined || page === "null" || rule === "null") return rule === page;
      if (rule === "loopback") return isLoopbackName(page.name);
      return rule === "same-host" ? page.authority === authorityOf(page.scheme, host) : matchesOrigin(rule, page);
    });
  }

  /** They are named one by one. */
  get namesThem(): boolean {
    return this.#rules.every((rule) => typeof rule === "object");
  }
}

export class WebAccessList {
  readonly #origins: OriginList;
  readonly #hosts: readonly HostRule[] | undefined;
  // Nearly everybody calls the router the same, and a URL is taken apart to find out. Bench: join.
  #lastHost: string | undefined = undefined;
  #isLastAllowed = false;

  /** @throws {TypeError} an entry that is none */
  constructor({ origins = ["same-host"], hosts }: WebAccess, isLoopbackOnly: boolean) {
    this.#origins = new OriginList(origins);
    this.#hosts = hosts?.map((entry) => parsed(entry, parseHostRule)) ?? (isLoopbackOnly ? [] : undefined);
  }

  allowsHost({ host }: IncomingHttpHeaders): boolean {
    if (this.#hosts === undefined || host === undefined) return true; // a browser always sends one
    if (host !== this.#lastHost) {
      const name = hostName(host);
      this.#lastHost = host;
      this.#isLastAllowed = name !== undefined && (isOwnName(name) || this.#hosts.some((rule) => matchesHost(rule, name)));
    }
    return this.#isLastAllowed;
  }

  allowsOrigin(headers: IncomingHttpHeaders): boolean {
    return this.#origins.allows(headers);
  }

  /** Pages were named one by one: what a browser sends along by itself, a cookie, may then count as proof. */
  get namesOrigins(): boolean {
    return this.#origins.namesThem;
  }
}

interface HostRule {
  readonly name: string;
  readonly isSuffix: boolean;
}

type OriginRule = "any" | "same-host" | "loopback" | "null" | (HostRule & { readonly scheme: string; readonly port: string });

interface Page {
  readonly scheme: string;
  readonly name: string;
  /** Empty for the scheme's own. */
  readonly port: string;
  /** Name and port, as a Host header has them. */
  readonly authority: string;
}

export function isOriginRule(text: string): boolean {
  return parseOriginRule(text) !== undefined;
}

export function isHostRule(text: string): boolean {
  return parseHostRule(text) !== undefined;
}

function parseOriginRule(text: string): OriginRule | undefined {
  if (text === "*") return "any";
  if (text === "same-host" || text === "loopback" || text === "null") return text;
  const [, scheme = "", star, host = "", port = ""] = ORIGIN_RULE.exec(text) ?? [];
  const url = parseUrl(`${scheme}://${host}${port === "" || port === ":*" ? "" : port}`);
  if (url === undefined || url.hostname === "") return undefined;
  return { scheme: url.protocol, name: url.hostname, isSuffix: star !== undefined, port: port === ":*" ? "*" : url.port };
}

function parseHostRule(text: string): HostRule | undefined {
  if (text === "*") return { name: "", isSuffix: true };
  const isSuffix = text.startsWith("*.");
  const name = hostName(isSuffix ? text.slice(2) : text);
  return name === undefined || /[:*]/.test(text.slice(isSuffix ? 2 : 0)) ? undefined : { name, isSuffix };
}

function parsed<T>(entry: string, parse: (text: string) => T | undefined): T {
  const rule = parse(entry);
  if (rule === undefined) throw new TypeError(`${JSON.stringify(entry)} names no origin or host`);
  return rule;
}

/** What an Origin header says (RFC 6454, 7.1): scheme, host and port and nothing else. */
function parseOrigin(text: string): Page | "null" | undefined {
  if (text === "null") return text;
  const url = parseUrl(text);
  if (url === undefined || !ORIGIN.test(text)) return undefined;
  return { scheme: url.protocol, name: url.hostname, port: url.port, authority: url.host };
}

function matchesOrigin(rule: Exclude<OriginRule, string>, page: Page): boolean {
  return rule.scheme === page.scheme && (rule.port === "*" || rule.port === page.port) && matchesHost(rule, page.name);
}

function matchesHost({ name, isSuffix }: HostRule, host: string): boolean {
  if (!isSuffix) return host === name;
  return name === "" || host.endsWith(`.${name}`);
}

/** A Host header without the port that its scheme has anyway. */
function authorityOf(scheme: string, host: string | undefined): string | undefined {
  return host === undefined || !HOST.test(host) ? undefined : parseUrl(`${scheme}//${host}`)?.host;
}

/** In lower case and as DNS spells it, without port and final dot. */
function hostName(host: string): string | undefined {
  if (!HOST.test(host)) return undefined;
  const name = parseUrl(`http://${host}`)?.hostname.replace(/\.$/, "");
  return name === "" ? undefined : name;
}

/** No DNS server has a say in what these mean. */
function isOwnName(name: string): boolean {
  return isLoopbackName(name) || isIP(withoutBrackets(name)) !== 0;
}

function isLoopbackName(name: string): boolean {
  const address = withoutBrackets(name);
  return name === "localhost" || name.endsWith(".localhost") || (isIP(address) !== 0 && isLoopback(address));
}

function withoutBrackets(name: string): string {
  return name.startsWith("[") ? name.slice(1, -1) : name;
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\\\s]+$/i;
const ORIGIN_RULE = /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?(\[[0-9a-f:.]+\]|[^/?#@\\:*[\]\s]+)(:\d{1,5}|:\*)?$/i;
const HOST = /^[^/?#@\\\s]+$/;
