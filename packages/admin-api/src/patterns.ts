/** What is told of subscriptions and registrations. */

export type MatchPolicy = "exact" | "prefix" | "wildcard";

/** Which of them; by default those of all realms but `junctor`. */
export interface PatternFilter {
  readonly realm?: string;
  /** With what their URI begins. */
  readonly prefix?: string;
  /** Which come first: those with the most sessions, or the most calls or events. Default `members`. */
  readonly order?: "members" | "traffic";
  /** How many are told at most. Default 1000. */
  readonly limit?: number;
}

export interface SubscriptionInfo {
  readonly subscription: number;
  readonly realm: string;
  readonly topic: string;
  readonly match: MatchPolicy;
  readonly createdAt: number;
  readonly subscribers: number;
  /** Publications that it has matched. */
  readonly events: number;
  /** Its events are kept. */
  readonly hasHistory: boolean;
}

export interface ProcedureInfo {
  readonly registration: number;
  readonly realm: string;
  readonly procedure: string;
  readonly match: MatchPolicy;
  /** `single`, `roundrobin`, … */
  readonly invoke: string;
  readonly createdAt: number;
  readonly callees: number;
  /** Calls that it has had a callee picked for. */
  readonly calls: number;
}

/** One of them with the sessions that take part in it, the first thousand at most. */
export type WithSessions<T> = T & { readonly sessions: readonly number[] };
