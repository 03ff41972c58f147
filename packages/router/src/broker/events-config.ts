/** What a realm's configuration says of events beyond their delivery. */

import type { TrustRule } from "../access/trust-levels.ts";
import type { Pattern } from "../pattern/covers.ts";
import type { EventStore, HistoryTopic } from "../store/event-store.ts";
import type { RetentionLimits } from "../store/retained-events.ts";

export interface EventsConfig {
  /** Topics whose events are kept, and how much of them; what is not said is `DEFAULT_HISTORY`. */
  readonly history?: readonly (Pattern & Partial<HistoryTopic>)[];
  /** `false` ignores `retain` (PS-RETAIN-02). */
  readonly retention?: Partial<RetentionLimits> | false;
  /** Where both are kept. Default: in memory. */
  readonly store?: EventStore;
  /** Consumer groups: PUBLISH with `rkey`, SUBSCRIBE with `nkey`. Default off. */
  readonly sharding?: boolean;
  readonly trust?: readonly TrustRule[];
}

export const DEFAULT_HISTORY = { events: 10_000, bytes: 64 * 1024 * 1024, ageMs: Number.POSITIVE_INFINITY } as const;
