/**
 * Options and details of each message as typed records: a table of the known keys and their types (requirements 1.2).
 * Unknown keys are dropped (MSG-05, AMB-16), `null` is absent (AMB-12), a known key of the wrong type breaks the protocol
 * (MSG-06, AMB-15).
 */
import { ProtocolError } from "../error.ts";
import { CLIENT_ROLES, FEATURES, ROUTER_ROLES, type RoleDetails } from "../feature.ts";
import { isId } from "../id.ts";
import { type Message, NO_OPTIONS } from "./message.ts";
import type { PublishOptions } from "./pubsub.ts";
import { MessageType, messageName } from "./type.ts";

/** What a key may hold. A list of strings is an enumeration. */
type Kind = "bool" | "uint" | "count" | "id" | "text" | "ids" | "texts" | "dict" | "hops" | "algorithm" | readonly string[];
export type OptionTable = ReadonlyMap<string, Kind>;

const table = (kinds: Record<string, Kind>): OptionTable => new Map(Object.entries(kinds));

const MATCH = ["exact", "prefix", "wildcard"] as const;
const passthru = {
  ppt_scheme: "text",
  ppt_serializer: "text",
  ppt_cipher: "text",
  ppt_keyid: "text",
  enc_algo: "algorithm",
  enc_key: "text",
  enc_serializer: "text",
  forward_for: "hops",
} as const;

export const HELLO_DETAILS = table({
  agent: "text",
  authmethods: "texts",
  authid: "text",
  authrole: "text",
  authextra: "dict",
  resumable: "bool",
});
export const WELCOME_DETAILS = table({
  agent: "text",
  realm: "text",
  authid: "text",
  authrole: "text",
  authmethod: "text",
  authprovider: "text",
  authextra: "dict",
  x_history: "text",
  x_message_size: "count",
});
export const PUBLISH_OPTIONS = table({
  acknowledge: "bool",
  exclude_me: "bool",
  exclude: "ids",
  exclude_authid: "texts",
  exclude_authrole: "texts",
  eligible: "ids",
  eligible_authid: "texts",
  eligible_authrole: "texts",
  disclose_me: "bool",
  retain: "bool",
  rkey: "text",
  transaction_hash: "text",
  ...passthru,
});
export const SUBSCRIBE_OPTIONS = table({ match: MATCH, get_retained: "bool", nkey: "text", forward_for: "hops" });
export const UNSUBSCRIBED_DETAILS = table({ subscription: "id", reason: "text" });
export const EVENT_DETAILS = table({
  publisher: "id",
  publisher_authid: "text",
  publisher_authrole: "text",
  topic: "text",
  trustlevel: "uint",
  retained: "bool",
  payload_limit_exceeded: "bool",
  transaction_hash: "text",
  x_acknowledged_delivery: "bool",
  ...passthru,
});
export const CALL_OPTIONS = table({
  timeout: "uint",
  receive_progress: "bool",
  progress: "bool",
  disclose_me: "bool",
  runmode: "text",
  rkey: "text",
  ...passthru,
});
export const CANCEL_OPTIONS = table({ mode: ["skip", "kill", "killnowait"] });
export const RESULT_DETAILS = table({ progress: "bool", callee: "id", callee_authid: "text", callee_authrole: "text", ...passthru });
export const ERROR_DETAILS = table({ callee: "id", callee_authid: "text", callee_authrole: "text", ...passthru });
export const REGISTER_OPTIONS = table({
  match: MATCH,
  invoke: ["single", "roundrobin", "random", "first", "last", "least_loaded", "affinity"],
  disclose_caller: "bool",
  forward_timeout: "bool",
  concurrency: "count",
  force_reregister: "bool",
  forward_for: "hops",
});
export const UNREGISTERED_DETAILS = table({ registration: "id", reason: "text" });
export const INVOCATION_DETAILS = table({
  procedure: "text",
  receive_progress: "bool",
  progress: "bool",
  timeout: "uint",
  caller: "id",
  caller_authid: "text",
  caller_authrole: "text",
  trustlevel: "uint",
  ...passthru,
});
export const INTERRUPT_OPTIONS = table({ mode: ["kill", "killnowait"], reason: "text" });

/**
 * PUBLISH options out of an application's values, checked as those of a message are.
 *
 * @throws {ProtocolError} `INVALID_OPTION`
 */
export function publishOptions(raw: Record<string, unknown>): PublishOptions {
  return checkOptions<PublishOptions>(MessageType.Publish, PUBLISH_OPTIONS, raw);
}

/**
 * Checks a request that is about to be sent as its receiver will, short of the rules for URIs, which are the realm's (AMB-19).
 *
 * @throws {ProtocolError} `MALFORMED_MESSAGE` or `INVALID_OPTION`
 */
export function checkRequest(message: Message): void {
  switch (message.type) {
    case MessageType.Call:
      checkText(message.type, "procedure", message.procedure);
      checkOptions(message.type, CALL_OPTIONS, { ...message.options });
      break;
    case MessageType.Publish:
      checkText(message.type, "topic", message.topic);
      checkOptions(message.type, PUBLISH_OPTIONS, { ...message.options });
      break;
    case MessageType.Subscribe:
      checkText(message.type, "topic", message.topic);
      checkOptions(message.type, SUBSCRIBE_OPTIONS, { ...message.options });
      break;
    case MessageType.Register:
      checkText(message.type, "procedure", message.procedure);
      checkOptions(message.type, REGISTER_OPTIONS, { ...message.options });
      break;
    case MessageType.Cancel:
      checkOptions(message.type, CANCEL_OPTIONS, { ...message.options });
      break;
  }
}

function checkText(type: number, what: string, value: unknown): void {
  if (typeof value !== "string") throw new ProtocolError("MALFORMED_MESSAGE", `${messageName(type)}: the ${what} must be a string`);
}

/** The known keys of `raw`, checked. The result holds what `known` promises, which is why the caller may name its type. */
export function checkOptions<T extends object>(type: number, known: OptionTable, raw: Record<string, unknown>): T {
  if (raw === NO_OPTIONS) return NO_OPTIONS as T;
  const options: Record<string, unknown> = {};
  for (const key of Object.keys(raw)) {
    const kind = known.get(key);
    const value = raw[key];
    if (kind === undefined || value === null || value === undefined) continue;
    if (!isKind(kind, value)) throw wrongOption(type, key, kind);
    options[key] = value;
  }
  return options as T;
}

/**
 * The roles that this side knows, at least one (SES-02), and what is announced of their features. Others are ignored, of
 * whatever type (FEAT-02).
 *
 * @throws {ProtocolError} `INVALID_OPTION` where no known role is announced, or one in another form than a dict (MSG-06)
 */
export function checkRoles<Role extends string>(
  type: number,
  known: readonly Role[],
  raw: Record<string, unknown>,
): Partial<Record<Role, RoleDetails>> {
  const roles: Partial<Record<Role, RoleDetails>> = {};
  const announced = raw["roles"];
  let count = 0;
  if (isDict(announced)) {
    for (const [name, details] of Object.entries(announced)) {
      const role = known.find((candidate) => candidate === name);
      if (role === undefined || details === null || details === undefined) continue; // [AMB-12]
      if (!isDict(details)) throw wrongOption(type, `roles.${role}`, "dict");
      count++;
      const features = details["features"] ?? undefined;
      const ofRole = features === undefined ? NO_ROLE_DETAILS : { features: checkFeatures(type, role, features) };
      roles[role] = details["reflection"] === true ? { ...ofRole, reflection: true } : ofRole;
    }
  }
  if (count === 0) {
    const expected = type === MessageType.Hello ? CLIENT_ROLES : ROUTER_ROLES;
    throw new ProtocolError(
      "INVALID_OPTION",
      `${messageName(type)}: Details.roles must be a dict with at least one of ${expected.join(", ")}`,
    );
  }
  return roles;
}

const NO_ROLE_DETAILS: RoleDetails = Object.freeze({});

/** Those that are `true`, unknown ones too: whoever has the message may know them. */
function checkFeatures(type: number, role: string, raw: unknown): Record<string, boolean> {
  if (!isDict(raw)) throw wrongOption(type, `roles.${role}.features`, "dict");
  const features: Record<string, boolean> = {};
  for (const [flag, value] of Object.entries(raw)) {
    if (value === true && flag !== "__proto__") features[flag] = true;
    else if (value !== null && value !== undefined && typeof value !== "boolean" && FEATURES.has(flag))
      throw wrongOption(type, `roles.${role}.features.${flag}`, "bool");
  }
  return features;
}

export function isDict(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function isKind(kind: Kind, value: unknown): boolean {
  switch (kind) {
    case "bool":
      return typeof value === "boolean"; // [MSG-02] never an integer
    case "text":
      return typeof value === "string";
    case "uint":
      return typeof value === "number" && Number.isInteger(value) && value >= 0;
    case "count":
    case "id":
      return isId(value);
    case "ids":
      return Array.isArray(value) && value.every(isId);
    case "texts":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
    case "dict":
      return isDict(value);
    case "hops":
      return Array.isArray(value) && value.every(isHop);
    case "algorithm":
      // [13.2] The names that Autobahn uses, and its custom ones.
      return typeof value === "string" && (value === "cryptobox" || value === "mqtt" || value === "xbr" || value.startsWith("x_"));
    default:
      return typeof value === "string" && kind.includes(value);
  }
}

function isHop(value: unknown): boolean {
  if (!isDict(value) || !isId(value["session"])) return false;
  const { authid, authrole } = value;
  return (
    (authid === undefined || authid === null || typeof authid === "string") &&
    (authrole === undefined || authrole === null || typeof authrole === "string")
  );
}

const EXPECTED: Record<string, string> = {
  bool: "true or false",
  text: "a string",
  uint: "an integer of 0 or more",
  count: "an integer of 1 or more",
  id: "an id from 1 to 2^53",
  ids: "a list of ids",
  texts: "a list of strings",
  dict: "a dict",
  hops: "a list of dicts with session, authid and authrole",
  algorithm: "cryptobox, mqtt, xbr or x_…",
};

function wrongOption(type: number, key: string, kind: Kind): ProtocolError {
  const expected = typeof kind === "string" ? EXPECTED[kind] : `one of ${kind.join(", ")}`;
  return new ProtocolError("INVALID_OPTION", `${messageName(type)}: the option ${JSON.stringify(key)} must be ${expected}`);
}
