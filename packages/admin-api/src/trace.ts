/** What a trace takes and tells: messages as they pass, of one URI or of one session. */

export interface TraceOptions {
  /** One of these two. A URI is that of the call, publication, subscription or registration that a message belongs to. */
  readonly uri?: string;
  readonly session?: number;
  /** How `uri` matches. Default `exact`. */
  readonly match?: "exact" | "prefix";
  readonly realm?: string;
  /** It ends after so many messages, 10 000 at most. Default 100. */
  readonly count?: number;
  /** And after so long, ten minutes at most. Default 60 000. */
  readonly durationMs?: number;
  /** Also tells arguments. For the role admin. Default false. */
  readonly payload?: boolean;
}

export interface TraceRecord {
  readonly at: number;
  readonly realm: string;
  readonly session: number;
  readonly authid: string;
  /** From the session to the router, or to it. */
  readonly direction: "in" | "out";
  /** `CALL`, `EVENT`, … */
  readonly type: string;
  readonly request?: number;
  readonly uri?: string;
  /** Of an ERROR. */
  readonly error?: string;
  /** Bytes of the payload, where they are known. */
  readonly bytes?: number;
  /** What became of a message to a session, if it was not sent: `dropped`, `too-large`, … */
  readonly outcome?: string;
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

export interface TraceEnd {
  readonly trace: number;
  readonly reason: "count" | "time" | "stopped";
  /** Messages that were told of, and that came faster than they could be. */
  readonly told: number;
  readonly missed: number;
}
