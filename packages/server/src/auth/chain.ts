/**
 * The methods of one realm as its authenticator: the client's order is its preference, the first method that the realm has
 * for that client is used, and a failed one is never followed by another (AMB-09). A step may ask for a further method
 * (AUTH-03).
 */
import { type HelloDetails, Uri } from "@junctor/protocol";
import type { AuthenticationAnswer, AuthenticationRequest, Authenticator } from "@junctor/router";
import type { CookieJar } from "./cookie.ts";
import { type AuthMethod, type Grant, type Step, UNSUITABLE } from "./method.ts";
import { SessionProof } from "./session-proof.ts";
import type { Throttle } from "./throttle.ts";

export interface ConfiguredMethod {
  readonly method: AuthMethod;
  /** Asked for as well, one after another, once the first has granted. All have to grant the same authid. */
  readonly further?: readonly AuthMethod[];
}

export interface ChainOptions {
  /** By name and address, and by address. */
  readonly byPrincipal: Throttle;
  readonly byAddress: Throttle;
  /** Told what went wrong inside a method: not of wrong credentials. */
  readonly failed: (method: string, error: unknown) => void;
  /** Present where browsers stay logged in, and for how long. */
  readonly cookies?: { readonly jar: CookieJar; readonly maxAgeMs: number };
}

export function authenticator(methods: readonly ConfiguredMethod[], options: ChainOptions): Authenticator {
  const anyone = methods.find(({ method }) => method.open !== undefined);
  return (request, answer) => {
    const { details } = request;
    // Whoever comes as nobody, which is most of those who come and go, need not wait for promises.
    if (anyone?.method.open !== undefined && isNobody(details.authmethods)) {
      answer(welcome(anyone.method.open(request), anyone, request, options));
      return;
    }
    join(methods, request, options).then(answer, (error: unknown) => {
      options.failed("", error);
      answer(FAILED);
    });
  };
}

interface Choice {
  readonly configured: ConfiguredMethod;
  readonly found: unknown;
}

async function join(
  methods: readonly ConfiguredMethod[],
  request: AuthenticationRequest,
  options: ChainOptions,
): Promise<AuthenticationAnswer> {
  const offered = request.details.authmethods?.length ? request.details.authmethods : ["anonymous"]; // [AMB-08]
  const choice = await choose(methods, request, offered);
  if (choice === undefined) return noMethod(methods, offered);
  const { method, further = [] } = choice.configured;

  const address = request.origin.address ?? "local";
  const keys = { principal: `${principalOf(request.details)} ${address}`, address };
  const tooOften = (): AuthenticationAnswer | undefined => {
    const wait = Math.max(options.byPrincipal.wait(keys.principal), options.byAddress.wait(keys.address));
    if (wait === 0) return undefined;
    return {
      kind: "abort",
      reason: Uri.authenticationDenied,
      message: `too many failed attempts; try again in ${Math.ceil(wait / 1000)} s`,
    };
  };

  let charges = 0;
  const conclude = async (
    step: Step,
    name: string,
    rest: readonly AuthMethod[],
    first: Grant | undefined,
  ): Promise<AuthenticationAnswer> => {
    switch (step.kind) {
      case "denied":
        return { kind: "abort", reason: step.reason, message: step.message, ...(step.details && { details: step.details }) };
      case "challenge":
        return {
          kind: "challenge",
          authmethod: name,
          extra: step.extra,
          verify: (response, answer) => {
            // Checked and charged here, not at HELLO or in the end: whoever opens many connections first and answers on all of
            // them at once gains nothing.
            const refused = tooOften();
            if (refused !== undefined) return answer(refused);
            options.byPrincipal.charge(keys.principal);
            options.byAddress.charge(keys.address);
            charges++;
            Promise.resolve(step.verify(response))
              .then((next) => conclude(next, name, rest, first))
              .then(answer, (error: unknown) => {
                options.failed(name, error);
                answer(FAILED);
              });
          },
        };
      case "granted": {
        const grant = first === undefined ? step.grant : { ...first, proofs: [...(first.proofs ?? []), ...(step.grant.proofs ?? [])] };
        if (step.grant.authid !== grant.authid) return DENIED;
        const [next, ...others] = rest;
        if (next !== undefined) {
          const known = { ...request, details: { ...request.details, authid: grant.authid } };
          const found = await next.find(known);
          return conclude(await next.begin(known, found === UNSUITABLE ? undefined : found), next.method, others, grant);
        }
        // Whoever was asked for nothing has shown nothing: an anonymous session between two guesses would undo the first.
        if (charges > 0) {
          options.byPrincipal.forget(keys.principal);
          options.byAddress.refund(keys.address, charges);
        }
        return welcome(grant, choice.configured, request, options);
      }
    }
  };
  return conclude(await method.begin(request, choice.found), method.method, further, undefined);
}

/** The first offered method that the realm has for this client; or, for a client that is nobody, the first one it could have. */
async function choose(
  methods: readonly ConfiguredMethod[],
  request: AuthenticationRequest,
  offered: readonly string[],
): Promise<Choice | undefined> {
  let fallback: Choice | undefined;
  for (const name of offered) {
    for (const configured of methods) {
      if (configured.method.method !== name) continue;
      const found = await configured.method.find(request);
      if (found === UNSUITABLE) continue;
      if (found !== undefined || name === "anonymous") return { configured, found };
      fallback ??= { configured, found: undefined };
    }
  }
  return fallback;
}

function welcome(
  grant: Grant,
  { method, further = [] }: ConfiguredMethod,
  { realm, details: { authrole }, origin: { cookie } }: AuthenticationRequest,
  { cookies }: ChainOptions,
): AuthenticationAnswer {
  const role = authrole === undefined ? grant.roles[0] : grant.roles.find((name) => name === authrole);
  if (role === undefined)
    return { kind: "abort", reason: Uri.noSuchRole, message: `this client may not join as ${authrole ?? "anything"}` };
  const { proofs = [], authextra, once } = grant;
  if (!proofs.every((proof) => proof.holds(role))) return DENIED; // not any more
  // Who is nobody, or shows a certificate again each time, is not remembered.
  const issued = cookies === undefined || method.method === "anonymous" || method.method === "tls" ? undefined : cookie?.issued;
  if (issued !== undefined) cookies?.jar.login(issued, realm, grant, cookies.maxAgeMs);
  const shown = method.method === "cookie" ? cookie?.presented : issued;
  return {
    kind: "welcome",
    ...((proofs.length > 0 || shown !== undefined) && { proof: new SessionProof(proofs, shown) }),
    authid: grant.authid,
    authrole: role,
    authmethod: [method, ...further].map((used) => used.method).join("+"),
    authprovider: grant.authprovider,
    ...((authextra ?? once) && { authextra: { ...authextra, ...once } }),
    ...(grant.lifetimeMs !== undefined && { lifetimeMs: grant.lifetimeMs }),
  };
}

// [AMB-08, AUTH-06]
function noMethod(methods: readonly ConfiguredMethod[], offered: readonly string[]): AuthenticationAnswer {
  const taken = [...new Set(methods.map(({ method }) => method.method))].join(", ");
  if (offered.every((name) => name === "anonymous")) {
    return {
      kind: "abort",
      reason: Uri.authenticationRequired,
      message: `this realm lets nobody in without authentication; it takes ${taken}`,
    };
  }
  return {
    kind: "abort",
    reason: Uri.noMatchingAuthMethod,
    message: `this realm takes ${taken}; offered were ${offered.join(", ")}, or HELLO lacks what they need (authid; authextra.pubkey, authextra.nonce)`,
  };
}

/** [AMB-08] */
function isNobody(authmethods: readonly string[] | undefined): boolean {
  return authmethods === undefined || authmethods.every((name) => name === "anonymous");
}

function principalOf({ authid, authextra }: HelloDetails): string {
  return authid ?? (typeof authextra?.["pubkey"] === "string" ? authextra["pubkey"].toLowerCase() : "");
}

const FAILED: AuthenticationAnswer = { kind: "abort", reason: Uri.authenticationFailed, message: "authentication could not be performed" };
const DENIED: AuthenticationAnswer = { kind: "abort", reason: Uri.authenticationDenied, message: "the credentials are not valid" };
