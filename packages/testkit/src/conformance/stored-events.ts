/** Events that are kept: history and retained values (requirements 5.7, 5.8). */
import { type Delivery, type Dict, ensure, isDict, isId, same } from "./peer.ts";
import { type Context, chapter, must, should } from "./requirement.ts";

interface StoredEvent {
  readonly publication: number;
  readonly entry: Dict;
}

/** A topic with a history, and events that were published to it. */
async function withHistory({ two, needs, uri }: Context, count: number) {
  const [alice, bob] = await two();
  const topic = `${needs("history")}${uri().split(".").at(-1)}`;
  const subscription = await bob.subscribe(topic);
  const published: number[] = [];
  for (let i = 0; i < count; i++) published.push(await alice.published(topic, {}, [i], { i }));
  /** The events that the query gives, the stored list nested or not (AMB-82). */
  const query = async (kwargs: Dict = {}): Promise<readonly StoredEvent[]> => {
    const args = await bob.ask("wamp.subscription.get_events", [subscription], kwargs);
    const entries: readonly unknown[] = args.length === 1 && Array.isArray(args[0]) ? args[0] : args;
    return entries.map((entry) => {
      ensure(isDict(entry), `events, got ${JSON.stringify(entry)}`);
      // However the key is spelt: the form of an event is PS-HIST-04's matter.
      const publication = Object.entries(entry).find(([key]) => key.toLowerCase() === "publication")?.[1];
      ensure(isId(publication), `publications, got ${JSON.stringify(entry)}`);
      return { publication, entry };
    });
  };
  const publications = async (kwargs: Dict) => (await query(kwargs)).map(({ publication }) => publication);
  return { alice, bob, topic, subscription, published, query, publications };
}

export const history = chapter("Event history", "broker.event_history", [
  must("PS-HIST-01", "offers wamp.subscription.get_events", async (context) => {
    const { published, publications } = await withHistory(context, 1);
    same((await publications({})).slice(-1), published, "the last publication");
  }),
  must("PS-HIST-02", "keeps events in the order of their arrival", async (context) => {
    const { published, publications } = await withHistory(context, 4);
    same((await publications({})).slice(-4), published, "the last publications");
  }),
  must("PS-HIST-03", "filters by limit, direction and publication", async (context) => {
    const { published, publications } = await withHistory(context, 4);
    const [a, b, c, d] = published;
    same(await publications({ from_publication: b }), [b, c, d], "from_publication");
    same(await publications({ after_publication: b }), [c, d], "after_publication");
    same(await publications({ from_publication: a, before_publication: c }), [a, b], "before_publication");
    same(await publications({ from_publication: a, until_publication: c }), [a, b, c], "until_publication");
    same(await publications({ from_publication: a, limit: 2 }), [a, b], "limit");
    same(await publications({ reverse: true, limit: 2 }), [d, c], "reverse");
    same(await publications({ from_time: "2999-01-01T00:00:00.000Z" }), [], "from_time");
  }),
  must("PS-HIST-04", "gives events with time, ids, details and payload", async (context) => {
    const { published, query, subscription } = await withHistory(context, 1);
    const entry = (await query()).at(-1)?.entry ?? {};
    same([entry["subscription"], entry["publication"]], [subscription, published[0]], "the ids");
    same([entry["args"], entry["kwargs"]], [[0], { i: 0 }], "the payload");
    ensure(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(entry["timestamp"])), `a timestamp, got ${String(entry["timestamp"])}`);
    ensure(isDict(entry["details"]), "details to be a dict");
  }),
  must("PS-HIST-05", "gives page after page in both directions", async (context) => {
    const { published, publications } = await withHistory(context, 5);
    const [a, b, c, d, e] = published;
    same(await publications({ from_publication: a, limit: 2 }), [a, b], "the first page");
    same(await publications({ after_publication: b, limit: 2 }), [c, d], "the second page");
    same(await publications({ reverse: true, limit: 2 }), [e, d], "the first page in reverse");
    same(await publications({ reverse: true, before_publication: d, limit: 2 }), [c, b], "the second page in reverse");
  }),
  must("PS-HIST-10", "gives a session no event that it was not to receive by its role", async (context) => {
    const { alice, topic, published, publications } = await withHistory(context, 1);
    await alice.published(topic, { eligible_authrole: ["nobody"] });
    await alice.published(topic, { exclude_authrole: [alice.welcome["authrole"]] });
    same((await publications({})).slice(-1), published, "the last publication");
  }),
  should("PS-HIST-11", "does not keep events that were for some sessions only", async (context) => {
    const { alice, bob, topic, published, publications } = await withHistory(context, 1);
    await alice.published(topic, { eligible: [bob.session] });
    await alice.published(topic, { exclude: [alice.session] });
    same((await publications({})).slice(-1), published, "the last publication");
  }),
]);

export const retention = chapter("Event retention", "broker.event_retention", [
  must("PS-RETAIN-01", "keeps an event where the publisher asks for it", async ({ two, uri }) => {
    const [alice, bob] = await two();
    const publication = await alice.published(uri("topic"), { retain: true }, ["kept"]);
    await alice.published(uri("topic"), {}, ["not kept"]);
    await bob.subscribe(uri("topic"), { get_retained: true });
    const { args } = await bob.event();
    same([args, isId(publication)], [["kept"], true], "the retained event");
  }),
  must("PS-RETAIN-02", "replaces the retained event by a newer one", async ({ two, uri }) => {
    const [alice, bob] = await two();
    for (const word of ["old", "new"]) await alice.published(uri("topic"), { retain: true }, [word]);
    await bob.subscribe(uri("topic"), { get_retained: true });
    same((await bob.event()).args, ["new"], "the retained event");
    await bob.quiet();
  }),
  must("PS-RETAIN-03", "gives retained events to those who ask, and to whom they were for", async ({ three, uri }) => {
    const [alice, bob, carol] = await three();
    await alice.published(uri("topic"), { retain: true });
    await bob.subscribe(uri("topic"));
    await alice.published(uri("other"), { retain: true, eligible_authrole: ["nobody"] });
    await carol.subscribe(uri("other"), { get_retained: true });
    for (const peer of [bob, carol]) await peer.quiet();
  }),
  must("PS-RETAIN-04", "marks retained events", async ({ two, uri }) => {
    const [alice, bob] = await two();
    await alice.published(uri("topic"), { retain: true });
    await bob.subscribe(uri("topic"), { get_retained: true });
    same((await bob.event()).details["retained"], true, "details.retained");
  }),
  must("PS-RETAIN-05", "keeps one event for each topic", async ({ two, uri }) => {
    const [alice, bob] = await two();
    for (const name of ["a", "b"]) await alice.published(uri(name), { retain: true }, [name]);
    const heard: Delivery[] = [];
    for (const name of ["a", "b"]) heard.push(await bob.event(await bob.subscribe(uri(name), { get_retained: true })));
    same(
      heard.map(({ args }) => args),
      [["a"], ["b"]],
      "the retained events",
    );
  }),
]);
