/**
 * A procedure that decides in place of a role's permissions: a dynamic authorizer. Arguments and results are those of
 * Crossbar.io's, so that one written for it works unchanged:
 *
 *     (session details, uri, action, options) → true or false, or { allow, disclose?, cache? }
 *
 * An answer with `cache: true` holds for the same session, action, URI and match for a while, and for nobody else.
 */
import type { AuthorizationRequest, Authorizer, Decision } from "@junctor/router";
import { AUTHORIZER_FAILED, DENIED } from "@junctor/router";
import { z } from "zod";
import { type Ask, isRefusal } from "./procedure.ts";

const disclosed = z.union([z.boolean(), z.object({ caller: z.boolean().optional(), publisher: z.boolean().optional() })]).nullish();
const answerSchema = z.union([
  z.boolean().transform((allow) => ({ allow, disclose: undefined, cache: false })),
  z.object({ allow: z.boolean(), disclose: disclosed, cache: z.boolean().nullish() }),
]);

export interface ProcedureAuthorizerOptions {
  readonly ask: Ask;
  readonly procedure: string;
  /** How long an answer with `cache: true` holds. */
  readonly cacheMs: number;
  /** Milliseconds on a scale that never goes back. */
  readonly now: () => number;
  /** Told of answers that were none. */
  readonly failed: (error: unknown) => void;
}

export class ProcedureAuthorizer {
  readonly #options: ProcedureAuthorizerOptions;
  /** By session, action, match and URI, in the order of asking. */
  readonly #cache = new Map<string, { readonly decision: Decision; readonly until: number }>();

  constructor(options: ProcedureAuthorizerOptions) {
    this.#options = options;
  }

  /** Forgets all answers: rights have changed. */
  flush(): void {
    this.#cache.clear();
  }

  readonly authorize: Authorizer = (request, answer) => {
    const key = `${request.session} ${request.action} ${request.match} ${request.uri}`;
    const known = this.#cache.get(key);
    if (known !== undefined && known.until > this.#options.now()) {
      answer(known.decision);
      return;
    }
    this.#decide(request, key).then(answer, (error: unknown) => {
      if (isRefusal(error)) return answer(DENIED);
      this.#options.failed(error);
      answer(AUTHORIZER_FAILED);
    });
  };

  async #decide(request: AuthorizationRequest, key: string): Promise<Decision> {
    const { realm, session, authid, authrole, action, uri, match } = request;
    const details = { session, realm, authid, authrole };
    const answer = await this.#options.ask(this.#options.procedure, [details, uri, action, { match }]);
    const parsed = answerSchema.safeParse(answer);
    if (!parsed.success) throw new TypeError(`${this.#options.procedure} answered neither true nor false nor {allow, disclose, cache}`);
    const { allow, disclose, cache } = parsed.data;
    const decision: Decision = { allow, disclose: isDisclosed(disclose, action) ? "force" : "allow" };
    if (cache === true) this.#keep(key, decision);
    return decision;
  }

  #keep(key: string, decision: Decision): void {
    if (this.#cache.size >= CACHE_SIZE) this.#cache.clear();
    this.#cache.set(key, { decision, until: this.#options.now() + this.#options.cacheMs });
  }
}

function isDisclosed(disclose: z.output<typeof disclosed>, action: string): boolean {
  if (typeof disclose === "boolean" || disclose === null || disclose === undefined) return disclose === true;
  return (action === "publish" ? disclose.publisher : disclose.caller) === true;
}

const CACHE_SIZE = 100_000;
