/** What is told of sessions. */

export interface SessionInfo {
  readonly session: number;
  readonly realm: string;
  readonly authid: string;
  readonly authrole: string;
  readonly authmethod: string;
  readonly authprovider: string;
  readonly agent?: string;
  /** `websocket`, `rawsocket`, `memory`, … */
  readonly transport: string;
  readonly serializer?: string;
  /** Absent for UNIX sockets, and for sessions in the server's own process. */
  readonly address?: string;
  readonly openedAt: number;
  /** Messages that it has sent to the router. */
  readonly received: number;
  /** Bytes that its connection has brought and taken, where they are counted: those of all its sessions. */
  readonly bytesIn?: number;
  readonly bytesOut?: number;
  /** Bytes that wait for it now. */
  readonly queued: number;
  /** Events that the policy for slow consumers has dropped. */
  readonly dropped: number;
  readonly subscriptions: number;
  readonly registrations: number;
  /** Calls of its own that wait for an answer, and calls that it is to answer. */
  readonly calls: number;
  readonly invocations: number;
}

/** By what a list is sorted, the largest first; `opened`: the newest first. */
export type SessionOrder = "opened" | "received" | "bytesIn" | "bytesOut" | "queued";

export interface SessionFilter {
  readonly realm?: string;
  readonly authid?: string;
  readonly authrole?: string;
  /** Default `opened`. */
  readonly order?: SessionOrder;
  /** How many are told at most. Default 1000. */
  readonly limit?: number;
}

export interface SessionPage {
  readonly sessions: readonly SessionInfo[];
  /** How many there are that fit. */
  readonly total: number;
}
