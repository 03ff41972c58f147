/**
 * The path of a request in the one form in which it is looked up and handed on (RFC 3986, 6.2.2), or none: what two programs
 * could read differently, so that one checks a path and the other opens another one, is refused before any service sees it.
 */

/**
 * Escapes of what needs none are resolved, other escapes are in upper case, bytes beyond ASCII are escaped.
 *
 * @returns `undefined`: empty or dot components, slashes, backslashes or control characters in disguise, bad escapes, no UTF-8
 */
export function normalPath(path: string): string | undefined {
  if (path[0] !== "/") return undefined;
  if (!UNUSUAL.test(path)) return path;
  if (BAD.test(path)) return undefined;
  const normal = path
    .replace(/[\x80-\xff]/g, (octet) => escapeOf(octet.charCodeAt(0))) // as Node.js hands raw bytes on
    .replace(/%[0-9a-f]{2}/gi, (octet) => {
      const code = Number.parseInt(octet.slice(1), 16);
      const character = String.fromCharCode(code);
      return UNRESERVED.test(character) ? character : escapeOf(code);
    });
  if (BAD_ESCAPE.test(normal) || DOTS.test(normal)) return undefined;
  try {
    decodeURIComponent(normal);
  } catch {
    return undefined;
  }
  return normal;
}

/** The path of a request's target, and its query with the question mark. */
export function splitTarget(target: string): readonly [path: string, query: string] {
  const question = target.indexOf("?");
  return question < 0 ? [target, ""] : [target.slice(0, question), target.slice(question)];
}

/**
 * A target that names scheme and host as well, as clients of proxies write it (RFC 9112, 3.2.2), without them.
 *
 * @returns `undefined` where they are not the host that the request is for
 */
export function originForm(target: string, host: string | undefined): string | undefined {
  if (target[0] === "/") return target;
  const [, authority = "", rest = ""] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target) ?? [];
  if (authority === "" || authority.toLowerCase() !== host?.toLowerCase()) return undefined;
  return rest[0] === "/" ? rest : `/${rest}`;
}

function escapeOf(code: number): string {
  return `%${code.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** What nearly every path is without: escapes, components that are empty or begin with a dot, anything but visible ASCII. */
const UNUSUAL = /[^!-~]|[%\\#]|\/\/|\/\./;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const BAD = /[\x00-\x20\x7f\\#]|[^\x00-\xff]|\/\/|%(?![0-9a-fA-F]{2})/;
/** `/`, `\` and control characters. */
const BAD_ESCAPE = /%(?:2F|5C|[01][0-9A-F]|7F)/;
/** `..;` is the same to servers that cut parameters off first. */
const DOTS = /\/\.{1,2}(?:;[^/]*)?(?:\/|$)/;
const UNRESERVED = /[A-Za-z0-9._~-]/;
