/**
 * Procedures that the router asks for decisions: authenticators and authorizers, written in any language and registered by
 * an ordinary client. A call that fails, or takes longer than five seconds, decides nothing, which denies (G14).
 */
import { ApplicationError, connect, type Session } from "@junctor/client";
import { Uri } from "@junctor/protocol";
import type { Router } from "@junctor/router";

/** Calls a procedure of one realm. @throws {ApplicationError} what the procedure answered */
export type Ask = (procedure: string, args: readonly unknown[]) => Promise<unknown>;

const ANSWER_TIMEOUT_MS = 5_000;

export interface Asking {
  /** @param realm where the procedure is registered */
  in(realm: string): Ask;
}

/** One session of the router's own per realm, made when it is first needed. */
export class Askers implements Asking {
  /** Where there is no router to ask by. */
  static readonly none: Asking = { in: () => () => Promise.reject(new TypeError("there is nobody to ask")) };

  readonly #router: Router;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(router: Router) {
    this.#router = router;
  }

  in(realm: string): Ask {
    return async (procedure, args) => (await (await this.#session(realm)).call(procedure, args)).value;
  }

  #session(realm: string): Promise<Session> {
    const known = this.#sessions.get(realm);
    if (known !== undefined) return known;
    const made = connect({ dial: this.#router.dial(true), realm, timeout: ANSWER_TIMEOUT_MS, agent: "Junctor" });
    this.#sessions.set(realm, made);
    const forget = () => void this.#sessions.delete(realm);
    made.then((session) => session.closed.then(forget), forget);
    return made;
  }
}

/** Whether the procedure itself said no; everything else that goes wrong is a failure. */
export function isRefusal(error: unknown): error is ApplicationError {
  if (!(error instanceof ApplicationError)) return false;
  return (
    error.uri !== Uri.noSuchProcedure && error.uri !== Uri.canceled && error.uri !== Uri.noAvailableCallee && error.uri !== Uri.timeout
  );
}
