/** Whether one pattern lies wholly inside another: what a session asks to subscribe or register, inside what it was granted (T30). */
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
