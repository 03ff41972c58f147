/** Realms, their roles and permissions. */
import { covers } from "@junctor/router";
import { parseUriPattern, type UriPattern } from "../../config/uri-pattern.ts";
import type { Item } from "./source.ts";

const ACTIONS = ["call", "register", "publish", "subscribe"] as const;
type Action = (typeof ACTIONS)[number];

export type Permission = string | { readonly uri: string; readonly disclose: "force" };

export interface Role {
  authorizer?: string;
  allow?: Partial<Record<Action, Permission[]>>;
  deny?: Partial<Record<Action, string[]>>;
}

/** What components in the router's own process had without being written. */
export function everything(): Role {
  return { allow: { call: ["*"], register: ["*"], publish: ["*"], subscribe: ["*"] } };
}

interface Rule {
  readonly pattern: string;
  readonly parsed: UriPattern;
  readonly flags: Readonly<Record<Action, boolean>>;
  readonly discloses: { readonly caller: boolean; readonly publisher: boolean };
}

export function roleOf(item: Item): Role {
  item.take("name");
  item.ignore("roles have no id here", "id");
  const authorizer = item.text("authorizer");
  if (authorizer !== undefined) {
    item.lose("the authorizer decides in place of permissions", "permissions");
    item.ignore("disclosure is what the authorizer answers", "disclose");
    return { authorizer };
  }
  const rules = item.items("permissions").flatMap(rulesOf);
  const role: Role = {};
  for (const action of ACTIONS) {
    const allowed = rules.filter(({ flags }) => flags[action]);
    // A rule that allows nothing is the better one for its URIs all the same: an exception from a wider one.
    const denied = rules.filter(
      (rule) => !rule.flags[action] && allowed.some((other) => covers(other.parsed, rule.parsed) && !isSame(other.parsed, rule.parsed)),
    );
    if (allowed.length > 0) role.allow = { ...role.allow, [action]: unique(allowed).map((rule) => permission(rule, action)) };
    if (denied.length > 0) role.deny = { ...role.deny, [action]: unique(denied).map(({ pattern }) => pattern) };
  }
  if (role.allow?.call?.some((each) => each === "*" || (typeof each === "object" && each.uri === "*")) === true)
    item.tell("changed", "what acts on other sessions (wamp.session.kill and its like) has to be allowed by its own name here");
  return role;
}

function permission({ pattern, discloses }: Rule, action: Action): Permission {
  const isForced = action === "call" ? discloses.caller : action === "publish" ? discloses.publisher : false;
  return isForced ? { uri: pattern, disclose: "force" } : pattern;
}

function rulesOf(item: Item): Rule[] {
  const written = item.text("uri") ?? "";
  const match = item.text("match") ?? (written.endsWith("*") ? "prefix" : "exact");
  const allow = item.item("allow") ?? item; // older files have the flags beside the URI
  const flags = Object.fromEntries(ACTIONS.map((action) => [action, allow.flag(action) === true])) as Record<Action, boolean>;
  const disclose = item.item("disclose");
  const discloses = { caller: disclose?.flag("caller") === true, publisher: disclose?.flag("publisher") === true };
  item.ignore("an authorizer says itself how long its answer holds", "cache");
  item.lose("payloads are not validated here", "validate");
  return patternsOf(written, match, item).flatMap((pattern): Rule[] => {
    const parsed = parseUriPattern(pattern);
    if (typeof parsed !== "string") return [{ pattern, parsed, flags, discloses }];
    item.tell("lost", `${JSON.stringify(written)} is no pattern here: ${parsed}`, "uri");
    return [];
  });
}

/** A prefix may end within a component there; here it ends where a component does. */
function patternsOf(uri: string, match: string, item: Item): string[] {
  if (match === "exact") return [uri];
  if (match === "wildcard")
    return [
      uri
        .split(".")
        .map((part) => (part === "" ? "*" : part))
        .join("."),
    ];
  const prefix = uri.replace(/\*$/, "");
  if (prefix === "") return ["*"];
  if (prefix.endsWith(".")) return [`${prefix}*`];
  item.tell("changed", `stands for ${prefix} and what begins with ${prefix}. here, and no longer for ${prefix}x`, "uri");
  return [prefix, `${prefix}.*`];
}

function unique(rules: readonly Rule[]): Rule[] {
  return rules.filter(({ pattern }, i) => rules.findLastIndex((other) => other.pattern === pattern) === i);
}

function isSame(one: UriPattern, other: UriPattern): boolean {
  return one.uri === other.uri && one.match === other.match;
}
