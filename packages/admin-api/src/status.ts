/** What `junctor.status` tells. */

export interface Status {
  readonly version: string;
  /** Of the Node.js that runs it. */
  readonly nodeVersion: string;
  /** Which server this is; the same after a restart with the same state directory. */
  readonly node: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly uptimeMs: number;
  /** Nothing new is accepted, and those who are there are sent away. */
  readonly isDraining: boolean;
  readonly realms: readonly RealmStatus[];
  readonly listeners: readonly ListenerStatus[];
  /** Absent where there is no file: `junctor dev`. */
  readonly config?: { readonly file: string; readonly loadedAt: number; readonly lastReload?: ReloadStatus };
}

export interface RealmStatus {
  readonly name: string;
  readonly sessions: number;
  readonly subscriptions: number;
  readonly registrations: number;
  /** That wait for an answer. */
  readonly callsInFlight: number;
  /** Since the start of the realm. */
  readonly counters: Readonly<Record<string, number>>;
}

export interface ListenerStatus {
  readonly type: string;
  /** `host:port`, or the path of a UNIX socket. */
  readonly address: string;
  readonly tls: boolean;
  readonly connections: number;
}

export interface ReloadStatus {
  readonly at: number;
  readonly ok: boolean;
  /** Why it changed nothing. */
  readonly message?: string;
}
