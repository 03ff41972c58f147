/**
 * How a client proves who it is (requirements 7). A method is given to `connect`; each connection begins an attempt of its
 * own, so that nothing secret outlives it and nonces are fresh.
 */
import type { Challenge, ChannelBinding, Dict, WelcomeDetails } from "@junctor/protocol";

export interface AuthMethod {
  /** As HELLO names it: `ticket`, `wampcra`, … */
  readonly method: string;
  /** @param channel what to bind to, where the connection is encrypted and the platform shows it */
  attempt(channel: ChannelBinding | undefined): AuthAttempt | Promise<AuthAttempt>;
}

export interface AuthAttempt {
  readonly authid?: string;
  /** HELLO's `authextra`. */
  readonly authextra?: Dict;
  /** Answers a CHALLENGE of this method. What it throws ends the attempt to join. */
  respond(challenge: Challenge): Promise<{ readonly signature: string; readonly extra?: Dict }>;
  /** Sees WELCOME before the application does, for methods by which the router proves itself as well. A throw refuses it. */
  welcomed?(details: WelcomeDetails): void;
}
