/** What every event store does, whatever it keeps events on: one suite, run by each. */
import { JsonSerializer, NO_OPTIONS, Payload, type Serializer } from "@junctor/protocol";
import { CborSerializer } from "@junctor/protocol/serializer/cbor";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";
import {
  DEFAULT_RETENTION,
  type EventLog,
  type EventStore,
  type HistoryPage,
  type HistoryQuery,
  type HistoryTopic,
  type Refusal,
  type RetainedEvent,
  type StoredEvent,
  WITHOUT_BOUNDS,
} from "@junctor/router";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

export interface OpenedStore extends AsyncDisposable {
  readonly store: EventStore;
}

export const everything: HistoryTopic = { uri: "", match: "prefix", events: 1_000, bytes: 1_000_000, ageMs: Number.POSITIVE_INFINITY };

const ASKS_FOR_ALL: HistoryQuery = {
  now: 1_000,
  reverse: false,
  limit: 1_000,
  bytes: 1_000_000,
  authid: "anna",
  authrole: "reader",
  topics: undefined,
  ...WITHOUT_BOUNDS,
};

const SERIALIZERS: readonly Serializer[] = [new JsonSerializer(), new MsgpackSerializer(), new CborSerializer()];

/** A payload as it comes from a wire. */
export function payloadOf(args: readonly unknown[], kwargs?: Readonly<Record<string, unknown>>, serializer = SERIALIZERS[0]): Payload {
  const payload = Payload.of(args, kwargs);
  if (payload.length === 0 || serializer === undefined) return payload;
  const bytes = payload.bytes(serializer);
  return Payload.encoded(serializer, bytes, 0, bytes.length, payload.length);
}

export function storedEvent(publication: number, rest: Partial<StoredEvent> = {}): StoredEvent {
  return {
    publication,
    time: publication,
    topic: "com.x",
    details: NO_OPTIONS,
    audience: undefined,
    payload: payloadOf([publication]),
    ...rest,
  };
}

export function append(store: EventStore, event: StoredEvent | undefined, logs: readonly EventLog[]): Promise<Refusal | undefined> {
  return new Promise((resolve) => store.append({ event, logs, settle: resolve }));
}

export async function read(log: EventLog, query: Partial<HistoryQuery> = {}): Promise<HistoryPage> {
  const outcome = await new Promise<HistoryPage | Refusal>((resolve) => log.read({ ...ASKS_FOR_ALL, ...query }, resolve));
  if ("error" in outcome) throw new Error(`${outcome.error}: ${outcome.args.join(" ")}`);
  return outcome;
}

export async function publications(log: EventLog, query: Partial<HistoryQuery> = {}): Promise<number[]> {
  return (await read(log, query)).events.map(({ publication }) => publication);
}

/** All of an event that its readers can see. */
export function visible({ publication, time, topic, details, audience, payload }: StoredEvent): object {
  const { length, isTransparent, args, kwargs, item } = payload;
  return { publication, time, topic, details, audience, payload: { length, isTransparent, args, kwargs, item } };
}

export function describeEventStore(name: string, open: () => Promise<OpenedStore>): void {
  describe(`${name} store`, () => {
    /** A log that holds these publications. */
    const filled = async (store: EventStore, events: readonly StoredEvent[], topic: Partial<HistoryTopic> = {}) => {
      const log = store.openLog({ ...everything, ...topic });
      expect(await Promise.all(events.map((event) => append(store, event, [log])))).toEqual(events.map(() => undefined));
      return log;
    };
    const numbered = (count: number) => Array.from({ length: count }, (_, i) => storedEvent(i + 1));

    test("gives events back in the order in which they came, or the other way round, by pages (PS-HIST-02, PS-HIST-05)", async () => {
      await using opened = await open();
      const log = await filled(opened.store, numbered(7));
      expect(await publications(log)).toEqual([1, 2, 3, 4, 5, 6, 7]);
      expect(await publications(log, { reverse: true })).toEqual([7, 6, 5, 4, 3, 2, 1]);
      const pages: number[][] = [];
      for (const reverse of [false, true]) {
        let last: number | undefined;
        for (let hasMore = true; hasMore; ) {
          const page: HistoryPage = await read(log, { limit: 3, reverse, [reverse ? "beforePublication" : "afterPublication"]: last });
          pages.push(page.events.map(({ publication }) => publication));
          last = pages.at(-1)?.at(-1);
          hasMore = page.hasMore;
        }
      }
      expect(pages).toEqual([[1, 2, 3], [4, 5, 6], [7], [7, 6, 5], [4, 3, 2], [1]]);
    });

    test("a page that happens to end with the log has no more (PS-HIST-07)", async () => {
      await using opened = await open();
      const log = await filled(opened.store, numbered(3));
      expect([(await read(log, { limit: 3 })).hasMore, (await read(log, { limit: 2 })).hasMore]).toEqual([false, true]);
    });

    test("places are those of the log, not of ids or times, which may go back (PS-HIST-03, PS-HIST-06)", async () => {
      await using opened = await open();
      const times = [50, 40, 60, 40];
      const log = await filled(
        opened.store,
        [9, 3, 7, 1].map((publication, i) => storedEvent(publication, { time: times[i] ?? 0 })),
      );
      expect(await publications(log, { fromPublication: 3 })).toEqual([3, 7, 1]);
      expect(await publications(log, { afterPublication: 3 })).toEqual([7, 1]);
      expect(await publications(log, { beforePublication: 7 })).toEqual([9, 3]);
      expect(await publications(log, { untilPublication: 7, afterPublication: 9, reverse: true })).toEqual([7, 3]);
      expect(await publications(log, { fromPublication: 7, untilPublication: 3 })).toEqual([]);
      expect(await publications(log, { fromTime: 50 })).toEqual([9, 7]);
      expect(await publications(log, { afterTime: 50 })).toEqual([7]);
      expect(await publications(log, { beforeTime: 50 })).toEqual([3, 1]);
      expect(await publications(log, { untilTime: 50, afterPublication: 9 })).toEqual([3, 1]);
    });

    test("a publication that the log does not hold leaves nothing to give (AMB-83)", async () => {
      await using opened = await open();
      const log = await filled(opened.store, numbered(3));
      for (const name of ["fromPublication", "afterPublication", "beforePublication", "untilPublication"] as const) {
        expect(await read(log, { [name]: 4 })).toEqual({ events: [], hasMore: false });
        expect(await publications(log, { fromPublication: 1, [name]: 4 })).toEqual([]);
      }
    });

    test("only what the reader may see, and of the topics asked for (PS-HIST-10)", async () => {
      await using opened = await open();
      const log = await filled(opened.store, [
        storedEvent(1, { topic: "com.app.a" }),
        storedEvent(2, { topic: "com.app.b", audience: { eligible_authid: ["bert"] } }),
        storedEvent(3, { topic: "com.b", audience: { eligible_authid: ["anna"], exclude_authrole: ["writer"] } }),
        storedEvent(4, { topic: "com.app.c.d", audience: { exclude_authrole: ["reader"] } }),
        storedEvent(5, { topic: "com.app.c", audience: { eligible_authrole: ["reader"] } }),
      ]);
      expect(await publications(log)).toEqual([1, 3, 5]);
      expect(await publications(log, { authid: "bert" })).toEqual([1, 2, 5]);
      expect(await publications(log, { authrole: "writer" })).toEqual([1, 4]);
      expect(await publications(log, { topics: { uri: "com.app.", match: "prefix" } })).toEqual([1, 5]);
      expect(await publications(log, { topics: { uri: "com..", match: "wildcard" } })).toEqual([1, 5]);
      expect(await publications(log, { topics: { uri: "com.b", match: "exact" } })).toEqual([3]);
    });

    test("payloads and details come back as they were, whatever their format (PS-HIST-04)", async () => {
      await using opened = await open();
      const values = ["text", 2 ** 53, -1.5, true, null, new Uint8Array([0, 255]), ["€", { k: 10n ** 18n }], { __proto__: null, a: {} }];
      const details = { publisher: 2 ** 53, publisher_authid: "ä\u0000", publisher_authrole: "r", trustlevel: 3, ppt_scheme: "x_" };
      const events = SERIALIZERS.flatMap((serializer) => {
        const item = Payload.of([new Uint8Array([1, 2, 3])]).bytes(serializer);
        return [
          storedEvent(1, { payload: payloadOf([], undefined, serializer) }),
          storedEvent(2 ** 53, { payload: payloadOf(values, undefined, serializer), topic: "com.größe.€", details }),
          storedEvent(3, { payload: payloadOf([], { a: 1, "": [1] }, serializer), time: 1.5 }),
          storedEvent(4, { payload: Payload.transparent(serializer, item, 0, item.length), details: { enc_algo: "cryptobox" } }),
          storedEvent(5, { audience: { exclude_authid: ["a", "b"], eligible_authid: ["anna"], eligible_authrole: ["reader"] } }),
        ];
      });
      const log = await filled(opened.store, events);
      expect((await read(log)).events.map(visible)).toEqual(events.map(visible));
    });

    test("the oldest go when there are too many (T41)", async () => {
      await using opened = await open();
      const log = await filled(opened.store, numbered(1_200), { events: 500 });
      expect(await publications(log)).toEqual(Array.from({ length: 500 }, (_, i) => 701 + i));
      expect(await publications(log, { untilPublication: 702 })).toEqual([701, 702]);
    });

    test("the oldest go when they are too long, but never the last", async () => {
      await using opened = await open();
      const long = (publication: number, length: number) => storedEvent(publication, { payload: payloadOf(["x".repeat(length)]) });
      const { store } = opened;
      const log = store.openLog({ ...everything, bytes: 100_000 });
      for (let i = 1; i <= 10; i++) await append(store, long(i, 30_000), [log]);
      expect(await publications(log)).toEqual([8, 9, 10]);
      await append(store, long(11, 200_000), [log]);
      expect(await publications(log)).toEqual([11]);
    });

    test("the oldest go when their time is over", async () => {
      await using opened = await open();
      const { store } = opened;
      const log = store.openLog({ ...everything, ageMs: 100 });
      for (const event of numbered(3)) await append(store, event, [log]);
      expect(await publications(log, { now: 101 })).toEqual([2, 3]);
      expect(await publications(log, { now: 103 })).toEqual([]);
      await append(store, storedEvent(150), [log]);
      expect(await publications(log, { now: 1 })).toEqual([150]); // they are gone, not hidden
    });

    test("a page ends when it is long enough, but not before its first event (T41)", async () => {
      await using opened = await open();
      const log = await filled(
        opened.store,
        [1, 2, 3].map((publication) => storedEvent(publication, { payload: payloadOf(["x".repeat(1_000)]) })),
      );
      expect(await read(log, { bytes: 2_500 })).toMatchObject({ events: [{ publication: 1 }, { publication: 2 }], hasMore: true });
      expect(await read(log, { bytes: 10, reverse: true })).toMatchObject({ events: [{ publication: 3 }], hasMore: true });
    });

    test("an event goes into all of its logs, and logs know nothing of each other (PS-HIST-02)", async () => {
      await using opened = await open();
      const { store } = opened;
      const [a, b] = [store.openLog(everything), store.openLog({ ...everything, uri: "com.", events: 2 })];
      await append(store, storedEvent(1), [a]);
      for (const publication of [2, 3, 4]) await append(store, storedEvent(publication), [a, b]);
      await append(store, storedEvent(5), [b]);
      expect([await publications(a), await publications(b)]).toEqual([
        [1, 2, 3, 4],
        [4, 5],
      ]);
    });

    test("appends are settled in the order in which they were made, those that store nothing too (AMB-126)", async () => {
      await using opened = await open();
      const { store } = opened;
      const log = store.openLog(everything);
      const settled: number[] = [];
      const all = [1, 2, 3, 4, 5, 6].map(async (i) => {
        await append(store, i % 3 === 0 ? undefined : storedEvent(i), i % 3 === 0 ? [] : [log]);
        settled.push(i);
      });
      await Promise.all(all);
      expect(settled).toEqual([1, 2, 3, 4, 5, 6]);
      expect(await publications(log)).toEqual([1, 2, 4, 5]);
    });

    test("finds what a plain search finds, whatever is asked for", async () => {
      const publication = fc.integer({ min: 1, max: 12 });
      const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 1 });
      const query = fc.record({
        reverse: fc.boolean(),
        limit: fc.integer({ min: 1, max: 5 }),
        fromTime: maybe(publication),
        afterTime: maybe(publication),
        beforeTime: maybe(publication),
        untilTime: maybe(publication),
        fromPublication: maybe(publication),
        afterPublication: maybe(publication),
        beforePublication: maybe(publication),
        untilPublication: maybe(publication),
        topics: maybe(fc.constantFrom({ uri: "a", match: "exact" } as const, { uri: "a", match: "prefix" } as const)),
      });
      const event = fc.record({ time: publication, topic: fc.constantFrom("a", "a.b", "b") });
      const limit = fc.integer({ min: 1, max: 12 });
      await fc.assert(
        fc.asyncProperty(fc.array(event, { maxLength: 10 }), limit, fc.array(query, { maxLength: 5 }), async (events, most, queries) => {
          await using opened = await open();
          const stored = events.map((each, i) => storedEvent(i + 1, each));
          const log = await filled(opened.store, stored, { events: most });
          const kept = stored.slice(-most);
          for (const asked of queries) {
            const expected = search(kept, asked);
            const { events: found, hasMore } = await read(log, asked);
            expect(found.map((each) => each.publication)).toEqual(expected.slice(0, asked.limit));
            expect(hasMore).toBe(expected.length > asked.limit);
          }
        }),
        { numRuns: 60 },
      );
    });

    test("retained values are there at once, by topic and by pattern, oldest first (AMB-71, AMB-78)", async () => {
      await using opened = await open();
      const { retained } = opened.store;
      for (const [i, topic] of ["com.c", "com.a", "org.a", "com.a.b"].entries())
        retained.keep(retainedEvent(i + 1, { topic }), DEFAULT_RETENTION);
      retained.keep(retainedEvent(5, { topic: "com.c" }), DEFAULT_RETENTION);
      const found = (uri: string, match: "exact" | "prefix" | "wildcard") =>
        retained
          .matching({ uri, match }, { id: 1, authid: "anna", authrole: "reader" }, 1_000, DEFAULT_RETENTION)
          .map((event) => event.publication);
      expect(found("com.a", "exact")).toEqual([2]);
      expect(found("com.x", "exact")).toEqual([]);
      expect(found("com.", "prefix")).toEqual([2, 4, 5]);
      expect(found(".a", "wildcard")).toEqual([2, 3]);
    });
  });
}

export function retainedEvent(publication: number, rest: Partial<RetainedEvent> = {}): RetainedEvent {
  return { excluded: 0, ...storedEvent(publication), ...rest };
}

/** The plain version, as a model. */
function search(events: readonly StoredEvent[], query: Pick<HistoryQuery, "reverse" | "topics"> & Partial<HistoryQuery>): number[] {
  const place = (publication: number | undefined) => events.findIndex((event) => event.publication === publication);
  const { fromPublication: from, afterPublication: after, beforePublication: before, untilPublication: until, topics } = query;
  if ([from, after, before, until].some((publication) => publication !== undefined && place(publication) < 0)) return [];
  const found = events.filter(
    (event, i) =>
      (from === undefined || i >= place(from)) &&
      (after === undefined || i > place(after)) &&
      (before === undefined || i < place(before)) &&
      (until === undefined || i <= place(until)) &&
      event.time >= (query.fromTime ?? event.time) &&
      event.time > (query.afterTime ?? 0) &&
      event.time < (query.beforeTime ?? 99) &&
      event.time <= (query.untilTime ?? 99) &&
      (topics === undefined || (topics.match === "exact" ? event.topic === topics.uri : event.topic.startsWith(topics.uri))),
  );
  const ids = found.map(({ publication }) => publication);
  return query.reverse ? ids.reverse() : ids;
}
