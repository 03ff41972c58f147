/** What is told of sessions that have ended, and of those that do not keep up. */
import type { SessionInfo } from "./sessions.ts";

export interface ClosedSession extends Omit<SessionInfo, "subscriptions" | "registrations" | "calls" | "invocations"> {
  readonly closedAt: number;
  readonly durationMs: number;
  /** Why: a close reason URI, or how the connection ended. */
  readonly reason: string;
}

export interface ClosedFilter {
  readonly realm?: string;
  readonly authid?: string;
  /** With what the reason begins. */
  readonly reason?: string;
  /** Default 100. */
  readonly limit?: number;
}

export interface SlowConsumer extends SessionInfo {
  /** Of what waits, the subscription that most of it belongs to. */
  readonly cause?: { readonly subscription: number; readonly topic: string; readonly bytes: number };
}
