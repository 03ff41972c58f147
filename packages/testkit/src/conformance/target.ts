/** Where the suite runs: against a router of this process, in memory or over a listener, and against any router by URL. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Permission, RealmConfig } from "@junctor/router";
import { type SerializerName, type StoryConnection, startRouter } from "../story-router.ts";
import { ALL_POWERS, realmConfig } from "../test-router.ts";
import type { Configured, Target } from "./requirement.ts";
import { memoryWire, openWire } from "./wire.ts";

/** What Junctor can be configured with. */
const CONFIGURED = {
  otherRealm: "realm2",
  history: "conformance.history.",
  forbidden: "conformance.forbidden.",
  trusted: { prefix: "conformance.trusted.", level: 3 },
} as const satisfies Configured;

const prefix = (uri: string) => ({ uri, match: "prefix" }) as const;
const trust = [{ ...prefix(CONFIGURED.trusted.prefix), level: CONFIGURED.trusted.level }];
const permissions: readonly Permission[] = [
  ...ALL_POWERS,
  { ...prefix(CONFIGURED.forbidden), allow: { call: false, register: false, publish: false, subscribe: false } },
];

/** A realm in which everything is on. */
export const fullRealm: RealmConfig = {
  ...realmConfig("realm1", permissions),
  events: { history: [prefix(CONFIGURED.history)], sharding: true, trust },
  calls: { reroute: true, sharding: true, trust },
};

export interface StoryTarget extends Target, AsyncDisposable {}

/** A router of this process, with virtual time. */
export async function storyTarget(connection: StoryConnection): Promise<StoryTarget> {
  const story = await startRouter({ connection, realms: [fullRealm, realmConfig(CONFIGURED.otherRealm, permissions)] });
  const isInMemory = connection.transport === "memory";
  return {
    realm: "realm1",
    serializer: connection.serializer,
    configured: CONFIGURED,
    // Over a socket the bound is for failures only: nothing that passes waits for it.
    patienceMs: isInMemory ? 0 : 10_000,
    open: async (serializer, receiver) =>
      isInMemory ? memoryWire(story.router, serializer, receiver) : openWire(story.url, serializer, receiver),
    pass: async (ms) => story.advance(ms),
    [Symbol.asyncDispose]: () => story[Symbol.asyncDispose](),
  };
}

/** Any router, with real time. */
export function urlTarget(
  url: string,
  { realm, serializer, patienceMs, configured }: { realm: string; serializer: SerializerName; patienceMs: number; configured: Configured },
): Target {
  return {
    realm,
    serializer,
    configured,
    patienceMs,
    open: (name, receiver) => openWire(url, name, receiver),
    pass: (ms) => sleep(ms),
  };
}
