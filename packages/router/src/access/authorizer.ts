/**
 * The seam for decisions that a role's table does not make: asked for each action of a session, answered at once or later.
 * While an answer is awaited, later messages of that session wait in order, and nobody else's do (AMB-126).
 */
import type { MatchPolicy } from "@junctor/protocol";
import type { Action, Decision } from "./role.ts";

export interface AuthorizationRequest {
  readonly realm: string;
  readonly session: number;
  readonly authid: string;
  readonly authrole: string;
  readonly action: Action;
  readonly uri: string;
  readonly match: MatchPolicy;
}

/** Answers exactly once, at once or later. A throw, or a promise rejected, is the answer `AUTHORIZER_FAILED` (AUTHZ-04: fail closed). */
export type Authorizer = (request: AuthorizationRequest, answer: (decision: Decision) => void) => void | Promise<void>;
