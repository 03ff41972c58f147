/**
 * How patterns lie to each other: whether one lies wholly inside another, whether two meet, and which of two that match a URI
 * is the better one. What a session asks to subscribe or register has to lie inside what it was granted (T30).
 */
import type { MatchPolicy } from "@junctor/protocol";

export interface Pattern {
  readonly uri: string;
  readonly match: MatchPolicy;
}

/** Whether every URI that `inner` matches is matched by `outer`. */
export function covers(outer: Pattern, inner: Pattern): boolean {
  switch (outer.match) {
    case "exact":
      return inner.match === "exact" && inner.uri === outer.uri;
    case "prefix":
      return literalPrefix(inner).startsWith(outer.uri);
    case "wildcard":
      // A prefix matches URIs of any number of components, a wildcard pattern only those of its own.
      return inner.match !== "prefix" && coversComponents(outer.uri.split("."), inner.uri.split("."));
  }
}

/** Whether some URI is matched by both. */
export function overlap(a: Pattern, b: Pattern): boolean {
  if (a.match === "exact") return matches(b, a.uri);
  if (b.match === "exact") return matches(a, b.uri);
  if (a.match === "prefix") return b.match === "prefix" ? meet(a.uri, b.uri) : prefixMeets(a.uri, b.uri);
  if (b.match === "prefix") return prefixMeets(b.uri, a.uri);
  const [left, right] = [a.uri.split("."), b.uri.split(".")];
  return left.length === right.length && left.every((component, i) => component === "" || right[i] === "" || component === right[i]);
}

export function matches({ uri, match }: Pattern, text: string): boolean {
  if (match === "exact") return uri === text;
  return match === "prefix" ? text.startsWith(uri) : coversComponents(uri.split("."), text.split("."));
}

/**
 * Which of two patterns that match `uri` decides: negative for `a`, positive for `b`, 0 where they are the same. The order of
 * `PatternIndex.best`, for patterns of different indexes (RPC-PAT-04, AUTHZ-06).
 */
export function compareSpecificity(a: Pattern, b: Pattern, uri: string): number {
  if (a.match === b.match) return a.match === "wildcard" ? compareRuns(a.uri, b.uri) : b.uri.length - a.uri.length;
  return rank(b, uri) - rank(a, uri);
}

function rank({ uri: pattern, match }: Pattern, uri: string): number {
  if (match === "exact") return 3;
  if (match === "wildcard") return 1;
  return endsComponent(pattern, uri) ? 2 : 0;
}

/** Whether a prefix of `uri` ends where a component does. */
export function endsComponent(prefix: string, uri: string): boolean {
  return prefix.length === uri.length || prefix === "" || prefix.endsWith(".") || uri[prefix.length] === ".";
}

/** Literal runs from the front, longer first (AMB-39): the first component at which only one is literal decides. */
function compareRuns(a: string, b: string): number {
  const right = b.split(".");
  for (const [i, component] of a.split(".").entries()) {
    if ((component === "") !== (right[i] === "")) return component === "" ? 1 : -1;
  }
  return 0;
}

function meet(a: string, b: string): boolean {
  return a.startsWith(b) || b.startsWith(a);
}

/** The prefix's last component may be continued; those before it are whole. */
function prefixMeets(prefix: string, wildcard: string): boolean {
  const asked = prefix.split(".");
  const components = wildcard.split(".");
  const last = asked.length - 1;
  return (
    asked.length <= components.length &&
    asked.every((part, i) => components[i] === "" || (i < last ? components[i] === part : components[i]?.startsWith(part)))
  );
}

/** The text that every URI matched by the pattern starts with. */
function literalPrefix(pattern: Pattern): string {
  if (pattern.match !== "wildcard") return pattern.uri;
  if (pattern.uri.startsWith(".") || pattern.uri === "") return "";
  const wild = pattern.uri.indexOf("..");
  if (wild >= 0) return pattern.uri.slice(0, wild + 1);
  return pattern.uri; // only the last component, if any, is a wildcard, and the text ends in its dot
}

function coversComponents(outer: readonly string[], inner: readonly string[]): boolean {
  return outer.length === inner.length && outer.every((component, i) => component === "" || component === inner[i]);
}
