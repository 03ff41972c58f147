/** Another configuration for a running server, and its orderly end. */

/** Something that is different in another configuration. */
export interface ConfigChange {
  /** As in the file, with the place in place of a listener's number: `realms.app.roles.user`, `listen[127.0.0.1:8080].tls`. */
  readonly path: string;
  readonly what: "added" | "removed" | "changed";
}

/** What became of another configuration. */
export interface ReloadReport {
  readonly applied: readonly ConfigChange[];
  /** What stays as it was until then. */
  readonly needsRestart: readonly ConfigChange[];
  /** Sessions that ended, or would, by the reason of their GOODBYE. */
  readonly closedSessions: Readonly<Record<string, number>>;
  /** Of sessions that stayed; as far as no authorizer had to be asked. Not known beforehand. */
  readonly revoked: { readonly subscriptions: number; readonly registrations: number };
}

/** How far a server is with its drain. */
export interface DrainStatus {
  readonly isDraining: boolean;
  /** That have to go yet. */
  readonly sessions: number;
  /** Until the last one is sent away, calls in flight apart. */
  readonly leftMs: number;
}
