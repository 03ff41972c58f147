/**
 * URI patterns as the configuration writes them:
 *
 *     com.app.add        exactly this URI
 *     com.app.*          every URI that starts with "com.app."
 *     *                  every URI
 *     com.*.state        one component in place of the star (also written with an empty component: com..state)
 *     com.{authid}.*     the session's own authid, authrole or session id in place of the braces
 */
import { isPattern, type MatchPolicy } from "@junctor/protocol";
import { closest } from "../closest.ts";

export interface UriPattern {
  readonly uri: string;
  readonly match: MatchPolicy;
}

/** @returns what is wrong, as text, where it is no pattern */
export function parseUriPattern(text: string): UriPattern | string {
  const unknown = text.match(/\{[^}]*\}?/g)?.find((name) => !PLACEHOLDERS.includes(name));
  if (unknown !== undefined) {
    const meant = closest(unknown, PLACEHOLDERS);
    return `${unknown} is no placeholder${meant === undefined ? "." : `; did you mean ${meant}?`} Known are ${PLACEHOLDERS.join(", ")}`;
  }
  if (text === "") return "there is nothing in it; * stands for every URI";
  if (text === "*") return { uri: "", match: "prefix" };
  const components = text.split(".");
  const isPrefix = components.at(-1) === "*";
  const stars = components.slice(0, isPrefix ? -1 : undefined);
  if (stars.some((component) => component !== "*" && component.includes("*"))) {
    return "a * stands for a whole component, or at the end for any continuation: com.app.*, com.*.state";
  }
  const isWildcard = stars.some((component) => component === "*" || component === "");
  if (isPrefix && isWildcard) return "a pattern is either a prefix (com.app.*) or has wildcards inside (com.*.state), not both";
  const uri = isPrefix ? `${stars.join(".")}.` : stars.map((component) => (component === "*" ? "" : component)).join(".");
  const match = isPrefix ? "prefix" : isWildcard ? "wildcard" : "exact";
  if (!isPattern(uri, "loose", match)) return "a URI is made of components without white space and #, joined by dots: com.app.add";
  return { uri, match };
}

const PLACEHOLDERS = ["{authid}", "{authrole}", "{session}"];
