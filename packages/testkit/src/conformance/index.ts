/** All that the conformance suite asks of a router. */
import * as basic from "./basic.ts";
import * as calls from "./calls.ts";
import * as meta from "./meta.ts";
import { passthru } from "./passthru.ts";
import * as pubsub from "./pubsub.ts";
import * as registration from "./registration.ts";
import type { Chapter, Requirement } from "./requirement.ts";
import { rpc } from "./rpc.ts";
import * as stored from "./stored-events.ts";

export const chapters: readonly Chapter[] = [
  basic.messages,
  basic.sessions,
  basic.protocolErrors,
  basic.uris,
  basic.ids,
  basic.serialization,
  pubsub.pubsub,
  rpc,
  calls.progressiveResults,
  calls.progressiveInvocations,
  calls.timeout,
  calls.canceling,
  calls.rerouting,
  calls.callerIdentification,
  calls.callTrust,
  registration.registrationPatterns,
  registration.sharedRegistration,
  registration.shardedRegistration,
  registration.registrationRevocation,
  pubsub.listing,
  pubsub.exclusion,
  pubsub.identification,
  pubsub.publicationTrust,
  pubsub.patterns,
  pubsub.sharding,
  stored.history,
  stored.retention,
  pubsub.subscriptionRevocation,
  pubsub.testaments,
  meta.sessionMeta,
  meta.registrationMeta,
  meta.subscriptionMeta,
  meta.metaRules,
  meta.reflection,
  basic.errors,
  basic.features,
  passthru,
];

export const requirements: readonly Requirement[] = chapters.flatMap(({ requirements }) => requirements);

export * from "./requirement.ts";
export { fullRealm, storyTarget, urlTarget } from "./target.ts";
