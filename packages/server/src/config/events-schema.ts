/** `realms.<name>.events`: history, retained values, consumer groups and trust levels, in the file's words. */
import { DEFAULT_HISTORY, DEFAULT_RETENTION, type EventStore, type EventsConfig } from "@junctor/router";
import { z } from "zod";
import { count, duration, size, uriPattern } from "./scalars.ts";
import { formatSize } from "./units.ts";

const topicPattern = uriPattern.superRefine(({ uri }, context) => {
  if (uri.includes("{"))
    context.addIssue({ code: "custom", message: "a topic has no placeholders: what is kept is the same for every session" });
});

const history = z
  .array(
    z.strictObject({
      topic: topicPattern.describe("One topic, or all topics of a pattern, which then share one history and its limits."),
      events: count.default(DEFAULT_HISTORY.events).describe("Events that are kept; the oldest go."),
      size: size.prefault(formatSize(DEFAULT_HISTORY.bytes)).describe("Bytes that are kept: payloads, topics and details."),
      age: duration.optional().describe("How long an event is kept. Default: for ever."),
    }),
  )
  .superRefine((topics, context) => {
    const known = new Set<string>();
    for (const [i, { topic }] of topics.entries()) {
      const name = `${topic.match} ${topic.uri}`;
      if (known.has(name)) context.addIssue({ code: "custom", path: [i, "topic"], message: "this topic stands here twice" });
      known.add(name);
    }
  })
  .prefault([])
  .describe("Topics whose events are kept, to be read with wamp.subscription.get_events. Default: none.");

const retention = z
  .strictObject({
    enabled: z.boolean().default(true).describe("false ignores the option retain."),
    topics: count.default(DEFAULT_RETENTION.topics).describe("Topics that have a retained value."),
    valueSize: size.prefault(formatSize(DEFAULT_RETENTION.valueBytes)).describe("Bytes of one value."),
    totalSize: size.prefault(formatSize(DEFAULT_RETENTION.totalBytes)).describe("Bytes of all values. They are kept in memory."),
    audiences: count
      .default(DEFAULT_RETENTION.audiences)
      .describe(
        "Values of one topic for restricted audiences (eligible and exclude lists), beside the one for everybody; the oldest goes.",
      ),
    age: duration.optional().describe("How long a value is retained. Default: for ever."),
  })
  .prefault({})
  .describe("The latest event of each topic that was published with the option retain.");

export const eventsSchema = z.strictObject({
  history,
  retention,
  store: z
    .strictObject({
      path: z.string().min(1).describe("A directory on a local disk, of this realm alone; made where there is none."),
      queueSize: size.prefault("64MiB").describe("Bytes of events that may wait for the disk; further events are refused."),
    })
    .optional()
    .describe(
      "Keeps history and retained values on a disk. PUBLISHED for a topic with history then means that the event is on the disk. Default: in memory.",
    ),
  sharding: z
    .boolean()
    .default(false)
    .describe("Consumer groups: an event with rkey goes to one of the subscribers that gave an nkey, and to all that gave none."),
  trust: z
    .array(
      z.strictObject({
        topic: topicPattern.describe("Topics that the rule is for. The most specific pattern decides."),
        role: z.string().min(1).optional().describe("Publishers that the rule is for. Default: those that no rule for their role is for."),
        level: z
          .int()
          .min(0, "expected 0 or more")
          .meta({ title: "number" })
          .describe("The trust level that their events carry; 0 is the lowest."),
      }),
    )
    .prefault([])
    .describe("Trust levels of publications. Default: none are told."),
});

export type EventsFileConfig = z.output<typeof eventsSchema>;

/** As a realm takes it. @param store `undefined` keeps events in memory */
export function eventsConfig({ history, retention, sharding, trust }: EventsFileConfig, store: EventStore | undefined): EventsConfig {
  return {
    history: history.map(({ topic, events, size: bytes, age: ageMs = Number.POSITIVE_INFINITY }) => ({ ...topic, events, bytes, ageMs })),
    retention: retention.enabled && {
      topics: retention.topics,
      valueBytes: retention.valueSize,
      totalBytes: retention.totalSize,
      audiences: retention.audiences,
      ageMs: retention.age ?? Number.POSITIVE_INFINITY,
    },
    ...(store !== undefined && { store }),
    sharding,
    ...(trust.length > 0 && { trust: trust.map(({ topic, role, level }) => ({ ...topic, ...(role !== undefined && { role }), level })) }),
  };
}
