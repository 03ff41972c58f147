/**
 * What an authentication method is, on the router's side: it finds out whom HELLO may be from, challenges, and grants or
 * denies. Methods are chosen and combined in `chain.ts`.
 *
 * Spec: requirements 7.1; AMB-09, AMB-112.
 */
import type { Authenticate, Dict } from "@junctor/protocol";
import type { Awaitable } from "@junctor/protocol/auth";
import type { AuthenticationRequest } from "@junctor/router";
import type { Proof } from "./principal.ts";

/** Who somebody has proved to be. */
export interface Grant {
  readonly authid: string;
  /** The first is the role of a session that asks for none. */
  readonly roles: readonly string[];
  readonly authprovider: string;
  /** What it was proved with, where that may change. */
  readonly proofs?: readonly Proof[];
  /** For WELCOME. */
  readonly authextra?: Dict;
  /** For this WELCOME only, and none by a cookie: how the router has proved itself. */
  readonly once?: Dict;
  /** How long it holds, in ms. Default: as long as the session. */
  readonly lifetimeMs?: number;
}

export type Step =
  | { readonly kind: "granted"; readonly grant: Grant }
  | { readonly kind: "challenge"; readonly extra: Dict; readonly verify: (response: Authenticate) => Awaitable<Step> }
  | { readonly kind: "denied"; readonly reason: string; readonly message: string; readonly details?: Dict };

export interface AuthMethod<Found = unknown> {
  /** As HELLO names it. */
  readonly method: string;
  /**
   * Whom the HELLO may be from. `undefined`: nobody that this method knows. `UNSUITABLE`: HELLO lacks what the method needs
   * to begin, and another may be tried.
   */
  find(request: AuthenticationRequest): Awaitable<Found | undefined | typeof UNSUITABLE>;
  /** With nobody found it challenges all the same, and denies in the end: who does not exist is not told (AMB-112, T4). */
  begin(request: AuthenticationRequest, found: Found | undefined): Awaitable<Step>;
  /** Of a method that lets everybody in: what it grants, without asking. */
  open?(request: AuthenticationRequest): Grant;
}

export const UNSUITABLE = Symbol("unsuitable");

/** The one answer to a wrong secret and to an unknown name (AMB-112). @param message of what the client itself has shown */
export function denied(message = "the credentials are not valid"): Step {
  return { kind: "denied", reason: "wamp.error.authentication_denied", message };
}

export function granted(grant: Grant): Step {
  return { kind: "granted", grant };
}
