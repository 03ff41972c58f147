/**
 * `junctor auth explain`: what a configuration says of a HELLO or of an action, and where it says so. Nothing is started, and
 * nobody is asked: what a procedure decides is only named.
 */
import { type HelloDetails, isPattern, type MatchPolicy } from "@junctor/protocol";
import { type Action, type AuthenticationRequest, Role } from "@junctor/router";
import { z } from "zod";
import { CookieJar } from "../auth/cookie.ts";
import { Decoy } from "../auth/decoy.ts";
import { type AuthEnvironment, methodsOf } from "../auth/from-config.ts";
import { UNSUITABLE } from "../auth/method.ts";
import { Askers } from "../auth/procedure.ts";
import { roleConfig } from "../auth/role-config.ts";
import { Throttle } from "../auth/throttle.ts";
import { closest } from "../closest.ts";
import { placeText } from "../config/document.ts";
import type { Path } from "../config/finding.ts";
import { readConfig } from "../config/load.ts";
import type { RealmFileConfig } from "../config/schema.ts";
import { Exit, UserError } from "../user-error.ts";
import { jsonText, line, printable } from "./print.ts";

export interface ExplainOptions {
  readonly config?: string;
  readonly realm: string;
  readonly role?: string;
  readonly authid?: string;
  readonly match?: string;
  readonly json?: boolean;
}

/** @param what `hello`, or an action; @param about HELLO's details as JSON, or a URI */
export async function explainAuth(what: string, about: string | undefined, options: ExplainOptions): Promise<void> {
  const { config: file } = options;
  if (file === undefined) throw usage("auth explain needs a configuration", "junctor auth explain -c config.yaml --realm app …");
  const { config, document } = readConfig(file);
  const realm = found("realm", options.realm, config.realms);
  const placeOf = (path: Path) => placeText(document.placeOf(path));
  if (what === "hello") await explainHello(options.realm, realm, parseHello(about ?? "{}", options.authid), placeOf);
  else explainAction(isAction(what), about, realm, file, placeOf, options);
}

// --- An action -----------------------------------------------------------------------------------------------------------

function explainAction(
  action: Action,
  uri: string | undefined,
  realm: RealmFileConfig,
  file: string,
  placeOf: (path: Path) => string,
  options: ExplainOptions,
): void {
  const { role: name, authid = "AUTHID", match = "exact" } = options;
  if (name === undefined || uri === undefined)
    throw usage("which role is it, and which URI?", `junctor auth explain -c ${file} --role user ${action} com.app.x`);
  const config = found("role", name, realm.roles);
  const policy = isMatch(match);
  if (!isPattern(uri, realm.uri, policy))
    throw usage(`${JSON.stringify(uri)} is no URI for match ${policy}`, "URIs look like this: com.app.add");
  const at = placeOf(["realms", options.realm, "roles", name]);
  const answer = (isAllowed: boolean | undefined, why: string, place: string) => {
    const verdict = isAllowed === undefined ? "asks" : isAllowed ? "allow" : "deny";
    if (options.json === true) line(jsonText({ verdict, why, place }));
    else line(`${verdict}  ${printable(why)}  (${place})`);
  };
  if (config.authorizer !== undefined)
    return answer(undefined, `the procedure ${config.authorizer} decides, in the realm ${config.authorizerRealm ?? options.realm}`, at);
  const role = new Role(roleConfig(options.realm, name, config, placeOf)).for({ authid, authrole: name, session: 1 });
  const grant = role.explain(action, uri, policy);
  if (grant === undefined) return answer(false, `nothing allows the role ${name} to ${action} ${uri}`, at);
  const pattern = `${grant.match === "exact" ? "" : `${grant.match} `}${grant.uri === "" ? '""' : grant.uri}`;
  const why = grant.isImplied
    ? `${uri} acts on other sessions: it has to be granted by its name, and here it is only covered by a pattern`
    : `${grant.decision.allow ? "allowed" : "denied"} by ${pattern}`;
  answer(grant.decision.allow, why, grant.place ?? at);
}

// --- HELLO ----------------------------------------------------------------------------------------------------------------

/** What stands for the client in the file: a HELLO without the connection that it came on. */
async function explainHello(name: string, realm: RealmFileConfig, details: HelloDetails, placeOf: (path: Path) => string): Promise<void> {
  const methods = methodsOf(name, realm, environment());
  const request: AuthenticationRequest = { realm: name, session: 1, details, origin: { transport: "websocket" } };
  const offered = details.authmethods?.length ? details.authmethods : ["anonymous"];
  let chosen: string | undefined;
  let fallback: string | undefined;
  for (const wanted of offered) {
    const rules = methods.flatMap((configured, i) => (configured.method.method === wanted ? [{ configured, i }] : []));
    if (rules.length === 0) line(`${printable(wanted)}: the realm ${name} does not have it`);
    for (const { configured, i } of rules) {
      const place = placeOf(["realms", name, "auth", i]);
      const config = realm.auth[i];
      const tell = (text: string) => line(`${printable(wanted)}: ${printable(text)}  (${place})`);
      if (chosen !== undefined) {
        tell("not looked at: the client prefers the one above");
        continue;
      }
      if (config?.method === "tls" || config?.method === "cookie") {
        tell(
          `depends on the connection: its ${config.method === "tls" ? "client certificate" : "cookie"} is looked at; without one the next method is`,
        );
        continue;
      }
      if (config !== undefined && "authenticator" in config && config.authenticator !== undefined) {
        chosen = `${wanted}, as the procedure ${config.authenticator} in the realm ${config.authenticatorRealm ?? name} decides`;
        tell(`the procedure ${config.authenticator} is asked`);
        continue;
      }
      const whom = await configured.method.find(request);
      if (whom === UNSUITABLE) tell("HELLO lacks what it needs (authid; for cryptosign authextra.pubkey, for wamp-scram authextra.nonce)");
      else if (whom !== undefined || wanted === "anonymous") {
        chosen = `${wanted}, ${roleText(whom, config, details.authrole)}`;
        const further = configured.further?.map(({ method }) => method) ?? [];
        tell(`used${further.length === 0 ? "" : `, and then ${further.join(", ")}`}`);
      } else {
        fallback ??= `${wanted}, which ends with wamp.error.authentication_denied: nobody there is called so, or has that credential`;
        tell(
          `knows nobody ${details.authid === undefined ? "with that key" : `called ${details.authid}`}: challenged all the same where nothing else fits, and denied`,
        );
      }
    }
  }
  line(`→ ${printable(chosen ?? fallback ?? "refused: none of the methods that are offered can be used")}`);
}

function roleText(whom: unknown, config: RealmFileConfig["auth"][number] | undefined, asked: string | undefined): string {
  const roles = config?.method === "anonymous" ? [config.role] : rolesSchema.safeParse(whom).data?.roles;
  if (roles === undefined) return "with a role that shows when the proof is there";
  const role = asked === undefined ? roles[0] : roles.find((name) => name === asked);
  if (config?.method === "anonymous" && role !== undefined) return `as ${role}`;
  return role === undefined ? `refused with wamp.error.no_such_role: it may join as ${roles.join(", ")}` : `as ${role}, once proved`;
}

const rolesSchema = z.object({ roles: z.array(z.string()) });

/** Nothing is asked of it: methods are looked up only. */
function environment(): AuthEnvironment {
  const now = () => 0;
  const throttle = new Throttle({ allowance: 0, firstWaitMs: 0, longestWaitMs: 0, keys: 1 }, now);
  return {
    decoy: new Decoy(),
    askers: Askers.none,
    byPrincipal: throttle,
    byAddress: throttle,
    wallClock: () => new Date(),
    cookies: new CookieJar({ now, wallClock: () => new Date() }),
    watch: () => {},
    now,
    failed: () => {},
  };
}

// --- What was typed ------------------------------------------------------------------------------------------------------

const helloSchema = z.looseObject({
  authmethods: z.array(z.string()).optional(),
  authid: z.string().optional(),
  authrole: z.string().optional(),
  authextra: z.record(z.string(), z.unknown()).optional(),
});

function parseHello(text: string, authid: string | undefined): HelloDetails {
  const example = `{"authmethods": ["ticket"], "authid": "joe"}`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usage("HELLO's details are no JSON", `for example '${example}'`);
  }
  const parsed = helloSchema.safeParse(value);
  if (!parsed.success)
    throw usage(`HELLO's details are not what they should be: ${z.prettifyError(parsed.error)}`, `for example '${example}'`);
  const { authmethods, authrole, authextra } = parsed.data;
  const named = parsed.data.authid ?? authid;
  return {
    roles: {},
    ...(authmethods && { authmethods }),
    ...(named !== undefined && { authid: named }),
    ...(authrole !== undefined && { authrole }),
    ...(authextra && { authextra }),
  };
}

function isAction(text: string): Action {
  const action = ACTIONS.find((known) => known === text);
  if (action !== undefined) return action;
  throw usage(`${JSON.stringify(text)} is nothing that can be explained`, `${ACTIONS.join(", ")} with a URI, or hello with its details`);
}

function isMatch(text: string): MatchPolicy {
  const policy = POLICIES.find((known) => known === text);
  if (policy !== undefined) return policy;
  throw usage(`${JSON.stringify(text)} is no match policy`, POLICIES.join(", "));
}

function found<T>(kind: string, name: string, all: Readonly<Record<string, T>>): T {
  const value = Object.hasOwn(all, name) ? all[name] : undefined;
  if (value !== undefined) return value;
  const names = Object.keys(all);
  const meant = closest(name, names);
  throw usage(`there is no ${kind} ${name}`, meant === undefined ? `there are ${names.join(", ") || "none"}` : `did you mean ${meant}?`);
}

function usage(message: string, remedy: string): UserError {
  return new UserError(message, { remedy, exitCode: Exit.usage });
}

const ACTIONS: readonly Action[] = ["call", "register", "publish", "subscribe"];
const POLICIES: readonly MatchPolicy[] = ["exact", "prefix", "wildcard"];
