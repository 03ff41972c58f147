/** Publish and subscribe, basic and advanced (requirements 3.1, 3.3, 5). */
import { MessageType, Uri } from "@junctor/protocol";
import { type Dict, ensure, isDict, isId, type Peer, same } from "./peer.ts";
import { type Context, chapter, may, must, ruling, should } from "./requirement.ts";

/** Publishes, and says which of the subscribers heard of it. */
async function heardBy(publisher: Peer, topic: string, options: Dict, subscribers: readonly Peer[]): Promise<readonly boolean[]> {
  const publication = await publisher.published(topic, options);
  const heard: boolean[] = [];
  for (const subscriber of subscribers) {
    await subscriber.flush();
    const events = subscriber.inbox.splice(0);
    heard.push(events.some(([type, , id]) => type === MessageType.Event && id === publication));
  }
  return heard;
}

export const pubsub = chapter(
  "Publish and subscribe",
  [],
  [
    must("PS-01", "answers SUBSCRIBE with SUBSCRIBED", async ({ join, uri }) => void (await (await join()).subscribe(uri("topic")))),
    should("PS-03", "answers a further SUBSCRIBE of a session with the id that it has", async ({ join, uri }) => {
      const peer = await join();
      same(await peer.subscribe(uri("topic")), await peer.subscribe(uri("topic")), "the subscription");
    }),
    must("PS-05", "sends no more events when a subscription has ended", async ({ two, uri }) => {
      const [alice, bob] = await two();
      const subscription = await bob.subscribe(uri("topic"));
      await alice.published(uri("topic"));
      await bob.event(subscription);
      await bob.unsubscribe(subscription);
      await alice.published(uri("topic"));
      await bob.quiet();
    }),
    must("PS-06", "refuses UNSUBSCRIBE of a subscription that the session does not have", async ({ two, uri }) => {
      const [alice, bob] = await two();
      const subscription = await alice.subscribe(uri("topic"));
      await bob.refused(bob.request(MessageType.Unsubscribe, subscription), Uri.noSuchSubscription);
      await alice.unsubscribe(subscription);
      await alice.refused(alice.request(MessageType.Unsubscribe, subscription), Uri.noSuchSubscription);
    }),
    must("PS-07", "does not answer PUBLISH without acknowledge", async ({ join, uri }) => {
      const peer = await join();
      peer.publish(uri("topic"));
      peer.publish(uri("topic"), { acknowledge: false });
      await peer.quiet();
    }),
    must("PS-08", "answers PUBLISH with acknowledge with PUBLISHED", async ({ join, uri }) => {
      ensure(isId(await (await join()).published(uri("topic"))), "a publication id");
    }),
    must("PS-09", "does not send publishers their own events", async ({ join, uri }) => {
      const peer = await join();
      await peer.subscribe(uri("topic"));
      await peer.published(uri("topic"));
      await peer.quiet();
    }),
    must("PS-10", "sends EVENT with the ids and the payload of the publication", async ({ two, uri }) => {
      const [alice, bob] = await two();
      const subscription = await bob.subscribe(uri("topic"));
      const publication = await alice.published(uri("topic"), {}, ["x"], { y: 1 });
      const { id, second, args, kwargs } = await bob.event();
      same([id, second, args, kwargs], [subscription, publication, ["x"], { y: 1 }], "the EVENT");
    }),
    must("PS-11", "refuses what the session may not do with not_authorized", async ({ join, needs }) => {
      const peer = await join();
      const topic = `${needs("forbidden")}topic`;
      await peer.refused(peer.request(MessageType.Subscribe, {}, topic), Uri.notAuthorized);
      await peer.refused(peer.publish(topic, { acknowledge: true }), Uri.notAuthorized);
      peer.publish(topic);
      await peer.quiet();
    }),
    must("ORD-01", "delivers the events of a publisher in their order, across topics", async ({ two, uri }) => {
      const [alice, bob] = await two();
      for (const name of ["a", "b", "c"]) await bob.subscribe(uri(name));
      for (let i = 0; i < 30; i++) alice.publish(uri(["a", "b", "c"][i % 3] ?? ""), {}, [i]);
      const heard = [];
      for (let i = 0; i < 30; i++) heard.push((await bob.event()).args[0]);
      same(
        heard,
        Array.from({ length: 30 }, (_, i) => i),
        "what was heard",
      );
    }),
    must("ORD-02", "sends SUBSCRIBED before the first EVENT", async ({ two, uri }) => {
      const [alice, bob] = await two();
      const request = bob.request(MessageType.Subscribe, {}, uri("topic"));
      for (let i = 0; i < 20; i++) alice.publish(uri("topic"), {}, [i]);
      await alice.published(uri("topic"), {}, ["last"]);
      await bob.flush();
      const place = bob.inbox.findIndex(([type, id]) => type === MessageType.Subscribed && id === request);
      same(
        bob.inbox.slice(0, place).map(([type]) => type),
        [],
        "types of the messages before SUBSCRIBED",
      );
    }),
  ],
);

export const listing = chapter("Subscriber black- and whitelisting", "broker.subscriber_blackwhite_listing", [
  must("PS-BWL-01", "narrows the receivers by authid and authrole", async ({ three, uri }) => {
    const [alice, bob, carol] = await three();
    for (const peer of [bob, carol]) await peer.subscribe(uri("topic"));
    const { authid, authrole } = bob.welcome;
    ensure(typeof authid === "string" && typeof authrole === "string", "authid and authrole in WELCOME");
    const heard = (options: Dict) => heardBy(alice, uri("topic"), options, [bob, carol]);
    const isCarols = carol.welcome["authid"] === authid;
    same(await heard({ eligible_authid: [authid] }), [true, isCarols], "who heard with eligible_authid");
    same(await heard({ exclude_authid: [authid] }), [false, !isCarols], "who heard with exclude_authid");
    same(await heard({ eligible_authrole: [authrole] }), [true, true], "who heard with eligible_authrole");
    same(await heard({ eligible_authrole: ["nobody"] }), [false, false], "who heard with eligible_authrole of nobody");
    same(await heard({ exclude_authrole: [authrole] }), [false, false], "who heard with exclude_authrole");
  }),
  must("PS-BWL-02", "delivers to the subscribers that all lists admit", async ({ three, uri }) => {
    const [alice, bob, carol] = await three();
    for (const peer of [bob, carol]) await peer.subscribe(uri("topic"));
    const heard = (options: Dict) => heardBy(alice, uri("topic"), options, [bob, carol]);
    same(await heard({ eligible: [bob.session] }), [true, false], "who heard with eligible");
    same(await heard({ exclude: [bob.session] }), [false, true], "who heard with exclude");
    same(await heard({ eligible: [bob.session], eligible_authrole: ["nobody"] }), [false, false], "who heard with two lists");
    same(await heard({ exclude: [] }), [true, true], "who heard with an empty list to exclude");
  }),
  must("PS-BWL-03", "delivers to no session that is listed but has not subscribed", async ({ two, uri }) => {
    const [alice, bob] = await two();
    await alice.published(uri("topic"), { eligible: [bob.session] });
    await bob.quiet();
  }),
  must("PS-BWL-04", "lets a blacklist win over a whitelist", async ({ three, uri }) => {
    const [alice, bob, carol] = await three();
    for (const peer of [bob, carol]) await peer.subscribe(uri("topic"));
    const options = { eligible: [bob.session, carol.session], exclude: [bob.session] };
    same(await heardBy(alice, uri("topic"), options, [bob, carol]), [false, true], "who heard");
  }),
  must("PS-BWL-05", "excludes the publisher also where a list admits it", async ({ two, uri }) => {
    const [alice, bob] = await two();
    for (const peer of [alice, bob]) await peer.subscribe(uri("topic"));
    same(await heardBy(alice, uri("topic"), { eligible: [alice.session, bob.session] }, [alice, bob]), [false, true], "who heard");
  }),
]);

export const exclusion = chapter("Publisher exclusion", "broker.publisher_exclusion", [
  must("PS-EXCL-01", "excludes the publisher unless it says otherwise", async ({ join, uri }) => {
    const peer = await join();
    await peer.subscribe(uri("topic"));
    await peer.published(uri("topic"), { exclude_me: true });
    await peer.published(uri("topic"));
    await peer.quiet();
  }),
  must("PS-EXCL-02", "delivers to the publisher where it asks for it", async ({ join, uri }) => {
    const peer = await join();
    const subscription = await peer.subscribe(uri("topic"));
    const publication = await peer.published(uri("topic"), { exclude_me: false }, ["x"]);
    const { id, second } = await peer.event();
    same([id, second], [subscription, publication], "the EVENT");
    await peer.quiet();
  }),
]);

export const identification = chapter("Publisher identification", "broker.publisher_identification", [
  must("PS-PID-01", "names the publisher where it asks for it, or refuses to", async ({ two, uri }) => {
    const [alice, bob] = await two();
    await bob.subscribe(uri("topic"));
    const answer = await alice.answer(alice.publish(uri("topic"), { disclose_me: true, acknowledge: true }));
    if (answer[0] === MessageType.Error) same(answer[4], Uri.discloseMeDisallowed, "the ERROR");
    else same((await bob.event()).details["publisher"], alice.session, "the publisher");
  }),
]);

export const publicationTrust = chapter("Publication trust levels", "broker.publication_trustlevels", [
  may("PS-TRUST-01", "tells subscribers the trust level that its configuration gives", async ({ two, needs }) => {
    const { prefix, level } = needs("trusted");
    const [alice, bob] = await two();
    await bob.subscribe(`${prefix}topic`);
    alice.publish(`${prefix}topic`, { trustlevel: level + 1 });
    same((await bob.event()).details["trustlevel"], level, "the trust level");
  }),
]);

export const patterns = chapter("Pattern-based subscription", "broker.pattern_based_subscription", [
  must("PS-PAT-01", "matches exactly, by prefix and by wildcard", async ({ two, uri }) => {
    const [alice, bob] = await two();
    const prefix = await bob.subscribe(uri("emergency"), { match: "prefix" });
    const wildcard = await bob.subscribe(uri("", "alert"), { match: "wildcard" });
    const exact = await bob.subscribe(uri("emergency"), { match: "exact" });
    const matches = {
      [uri("emergency")]: [prefix, exact],
      [uri("emergency.11")]: [prefix],
      [uri("emergency-low")]: [prefix],
      [uri("emerge")]: [],
      [uri("x.alert")]: [wildcard],
      [uri("emergency.alert")]: [prefix, wildcard],
      [uri("x.y.alert")]: [],
      [uri("alert")]: [],
    };
    for (const [topic, expected] of Object.entries(matches)) {
      await alice.published(topic);
      await bob.flush();
      const heard = bob.inbox.splice(0).map(([, subscription]) => Number(subscription));
      same(heard.sort(), expected.sort(), `subscriptions that ${topic} matched`);
    }
  }),
  must("PS-PAT-02", "sends one EVENT for each subscription of a session that matches", async ({ two, uri }) => {
    const [alice, bob] = await two();
    for (const [topic, match] of [
      [uri("a.b"), "exact"],
      [uri("a"), "prefix"],
      [uri("", "b"), "wildcard"],
    ] as const)
      await bob.subscribe(topic, { match });
    const publication = await alice.published(uri("a.b"));
    const publications = [];
    for (let i = 0; i < 3; i++) publications.push((await bob.event()).second);
    same(publications, [publication, publication, publication], "publications in the EVENTs");
    await bob.quiet();
  }),
  must("PS-PAT-03", "has one subscription for each topic and match, shared by its subscribers", async ({ two, uri }) => {
    const [alice, bob] = await two();
    const ids = [];
    for (const match of ["exact", "prefix", "wildcard"]) ids.push(await alice.subscribe(uri("topic"), { match }));
    const others = [];
    for (const match of ["exact", "prefix", "wildcard"]) others.push(await bob.subscribe(uri("topic"), { match }));
    same(new Set(ids).size, 3, "the number of subscriptions");
    same(others, ids, "the subscriptions of another session");
  }),
  must("PS-PAT-04", "names the topic in events of patterns", async ({ two, uri }) => {
    const [alice, bob] = await two();
    await bob.subscribe(uri("a"), { match: "prefix" });
    await alice.published(uri("a.b"));
    same((await bob.event()).details["topic"], uri("a.b"), "the topic for a prefix");
    await bob.subscribe(uri("", "c"), { match: "wildcard" });
    await alice.published(uri("x.c"));
    same((await bob.event()).details["topic"], uri("x.c"), "the topic for a wildcard");
  }),
  must("PS-PAT-05", "cuts nothing out of a pattern when a topic within it is unsubscribed", async ({ two, uri }) => {
    const [alice, bob] = await two();
    const pattern = await bob.subscribe(uri("a"), { match: "prefix" });
    await bob.unsubscribe(await bob.subscribe(uri("a.b")));
    await alice.published(uri("a.b"));
    same((await bob.event()).id, pattern, "the subscription");
    await bob.quiet();
  }),
]);

export const sharding = chapter("Sharded subscription", "broker.sharded_subscription", [
  ruling(
    "PS-SHARD-01",
    "delivers to one of the subscribers with nkey, the same for one rkey, and to all without",
    async ({ join, three, uri }) => {
      const [alice, bob, carol] = await three();
      const dave = await join();
      await bob.subscribe(uri("topic"), { nkey: "b" });
      await carol.subscribe(uri("topic"), { nkey: "c" });
      await dave.subscribe(uri("topic"));
      const first = await heardBy(alice, uri("topic"), { rkey: "key" }, [bob, carol, dave]);
      same([first[0] !== first[1], first[2]], [true, true], "that one of two and the third heard");
      same(await heardBy(alice, uri("topic"), { rkey: "key" }, [bob, carol, dave]), first, "who heard the second time");
    },
  ),
]);

/** A subscription, taken from its subscriber by another session. */
async function revoked({ join, uri }: Context, features: readonly string[]) {
  const [alice, bob] = [await join(), await join({ features: { subscriber: features } })];
  const subscription = await bob.subscribe(uri("topic"));
  await alice.result(alice.call("wamp.subscription.remove_subscriber", {}, [subscription, bob.session, "conformance.reason"]));
  return { alice, bob, subscription };
}

export const subscriptionRevocation = chapter("Subscription revocation", "broker.subscription_revocation", [
  must("PS-REVOKE-01", "tells a subscriber that its subscription was taken", async (context) => {
    const { alice, bob, subscription } = await revoked(context, ["subscription_revocation"]);
    const [, request, details] = await bob.take(MessageType.Unsubscribed);
    same([request, isDict(details) && details["subscription"]], [0, subscription], "UNSUBSCRIBED");
    await alice.published(context.uri("topic"));
    await bob.quiet();
  }),
  must("PS-REVOKE-02", "does not tell a subscriber that cannot understand it", async (context) => {
    const { alice, bob } = await revoked(context, []);
    await alice.published(context.uri("topic"));
    await bob.quiet();
  }),
]);

/** Leaves testaments, and says what was heard when their session was gone, up to the last. */
async function testament(
  { two, uri, eventually }: Context,
  testaments: readonly (readonly [string, Dict?])[],
  end: (peer: Peer) => Promise<void>,
) {
  const [alice, bob] = await two();
  await alice.subscribe(uri("topic"));
  for (const [word, kwargs = {}] of testaments) await bob.ask("wamp.session.add_testament", [uri("topic"), [word], { word }], kwargs);
  await end(bob);
  return eventually(async () => {
    await alice.flush();
    const heard = alice.inbox
      .filter(([type]) => type === MessageType.Event)
      .map(([, , , , args]) => (Array.isArray(args) ? args[0] : args));
    ensure(heard.length >= testaments.length, `${testaments.length} testaments, got ${heard.length}`);
    return heard;
  });
}
const dropping = async (peer: Peer) => peer.drop();

export const testaments = chapter("Session testament", "dealer.testament_meta_api", [
  must("PS-TEST-01", "publishes what a session left when it is gone", async (context) => {
    same(await testament(context, [["last words"]], dropping), ["last words"], "the testaments");
  }),
  must("PS-TEST-02", "forgets testaments that the session flushes", async ({ two, uri, eventually }) => {
    const [alice, bob] = await two();
    await alice.subscribe(uri("topic"));
    await bob.ask("wamp.session.add_testament", [uri("topic"), ["flushed"], {}]);
    await bob.ask("wamp.session.flush_testaments");
    await bob.ask("wamp.session.add_testament", [uri("topic"), ["kept"], {}]);
    bob.drop();
    await eventually(async () => same((await alice.event()).args, ["kept"], "the testament"));
  }),
  must("PS-TEST-03", "publishes testaments in the order in which they were added", async (context) => {
    same(await testament(context, [["a"], ["b"], ["c"]], dropping), ["a", "b", "c"], "the testaments");
  }),
  must("PS-TEST-04", "publishes those of scope detached before those of scope destroyed", async (context) => {
    const heard = await testament(
      context,
      [
        ["destroyed", { scope: "destroyed" }],
        ["detached", { scope: "detached" }],
      ],
      dropping,
    );
    same(heard, ["detached", "destroyed"], "the testaments");
  }),
  must("PS-TEST-06", "publishes testaments also of a session that leaves with GOODBYE", async (context) => {
    same(await testament(context, [["last words"]], (peer) => peer.leave()), ["last words"], "the testaments");
  }),
]);
