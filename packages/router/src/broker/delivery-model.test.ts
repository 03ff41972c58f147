// Events in random order (PS-PAT, PS-BWL, PS-EXCL, F29): clients of several roles subscribe to patterns of all kinds, leave them,
// leave the realm and publish with lists of all kinds. Who hears what is what twenty naive lines say. The seed is printed;
// EVENT_SEED repeats a run.
import { type MatchPolicy, type Message, MessageType, Payload, type PublishOptions, Uri } from "@junctor/protocol";
import type { Permission, RealmConfig } from "@junctor/router";
import { type TestPeer, TestRouter } from "@junctor/testkit";
import fc from "fast-check";
import { test } from "vitest";

const seed = Number(process.env["EVENT_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
console.log(`events in random order: seed ${seed}; repeat with EVENT_SEED=${seed}`);

// --- The naive model ---------------------------------------------------------------------------------------------------------

interface Pattern {
  readonly uri: string;
  readonly match: MatchPolicy;
}

function matches({ uri, match }: Pattern, topic: string): boolean {
  if (match === "exact") return uri === topic;
  if (match === "prefix") return topic.startsWith(uri);
  const [pattern, components] = [uri.split("."), topic.split(".")];
  return pattern.length === components.length && pattern.every((each, i) => each === "" || each === components[i]);
}

function hears(listener: Client, pattern: Pattern, publisher: Client, topic: string, options: PublishOptions): boolean {
  const { id, authid, authrole } = listener;
  if (!matches(pattern, topic)) return false;
  if (listener === publisher && options.exclude_me !== false) return false;
  if (options.exclude?.includes(id) || options.exclude_authid?.includes(authid) || options.exclude_authrole?.includes(authrole))
    return false;
  if (options.eligible?.includes(id) === false || options.eligible_authid?.includes(authid) === false) return false;
  return options.eligible_authrole?.includes(authrole) !== false;
}

/** A pattern may be subscribed to where all topics that it stands for are granted. */
const mayPublish = (authrole: string, topic: string) => GRANTS[authrole]?.publish.some((grant) => matches(grant, topic)) === true;
const maySubscribe = (authrole: string, pattern: Pattern) =>
  TOPICS.every((topic) => !matches(pattern, topic) || GRANTS[authrole]?.subscribe.some((grant) => matches(grant, topic)) === true);

// --- The world ---------------------------------------------------------------------------------------------------------------

const NAMES = ["a", "b", "ab"];
/** All topics of one to four components. */
const TOPICS = [1, 2, 3, 4].flatMap((length) =>
  Array.from({ length: 3 ** length }, (_, i) => Array.from({ length }, (_, k) => NAMES[Math.floor(i / 3 ** k) % 3]).join(".")),
);
const ANYTHING: Pattern = { uri: "", match: "prefix" };
const GRANTS: Readonly<Record<string, Readonly<Record<"publish" | "subscribe", readonly Pattern[]>>>> = {
  all: { publish: [ANYTHING], subscribe: [ANYTHING] },
  some: {
    publish: [
      { uri: "a.", match: "prefix" },
      { uri: "b..b", match: "wildcard" },
    ],
    subscribe: [
      { uri: "a.", match: "prefix" },
      { uri: "b.b", match: "exact" },
    ],
  },
  none: { publish: [], subscribe: [ANYTHING] },
};
const ROLES = Object.keys(GRANTS);
const AUTHIDS = ["ann", "bob", "cid"];

const config: RealmConfig = {
  name: "realm1",
  roles: Object.entries(GRANTS).map(([name, grants]) => ({
    name,
    permissions: (["publish", "subscribe"] as const).flatMap((action) =>
      grants[action].map((pattern): Permission => ({ ...pattern, allow: { [action]: true } })),
    ),
  })),
  // HELLO says who somebody is to be: `ann all`.
  authenticate: ({ details }, answer) => {
    const [authid = "", authrole = ""] = (details.authid ?? "").split(" ");
    answer({ kind: "welcome", authid, authrole, authmethod: "test", authprovider: "test" });
  },
};

interface Client {
  readonly peer: TestPeer;
  readonly id: number;
  readonly authid: string;
  readonly authrole: string;
  /** By the ids that the router gave them. */
  readonly subscriptions: Map<number, Pattern>;
}

function join(router: TestRouter, choice: number): Client {
  const [authid = "", authrole = ""] = [AUTHIDS[choice % 3], ROLES[Math.floor(choice / 3) % 3]];
  const peer = router.attach();
  peer.send({
    type: MessageType.Hello,
    realm: "realm1",
    details: { roles: { publisher: {}, subscriber: {} }, authid: `${authid} ${authrole}` },
  });
  return { peer, id: peer.take(MessageType.Welcome).session, authid, authrole, subscriptions: new Map() };
}

/** What came, without what the router publishes itself: who subscribes to everything hears of that, too. */
function taken({ peer }: Client): Message[] {
  return peer.inbox
    .splice(0)
    .filter((message) => message.type !== MessageType.Event || message.details.topic?.startsWith("wamp.") !== true);
}

function must(condition: boolean, rule: string, what: string): void {
  if (!condition) throw new Error(`the router ${rule}: not so for ${what}`);
}

// A realm is dear to make, and empty again after each schedule, which is looked at: many share one.
let shared: TestRouter | undefined;

function run(steps: readonly Step[]): void {
  const router = shared ?? new TestRouter({ realms: [config] });
  shared = undefined; // whatever fails leaves it behind
  play(router, steps);
  shared = router;
}

interface Step {
  readonly who: number;
  readonly what: "subscribe" | "unsubscribe" | "leave" | "publish";
  readonly pattern: Pattern;
  readonly topic: string;
  /** Lists hold numbers of clients, of names and of roles. */
  readonly lists: Readonly<
    Partial<
      Record<"exclude" | "exclude_authid" | "exclude_authrole" | "eligible" | "eligible_authid" | "eligible_authrole", readonly number[]>
    >
  >;
  readonly excludeMe: boolean | undefined;
}

function play(router: TestRouter, steps: readonly Step[]): void {
  const clients = Array.from({ length: CLIENTS }, (_, i) => join(router, i * 4));
  for (const [value, step] of steps.entries()) {
    const client = clients[step.who] as Client;
    const { peer, subscriptions, authrole } = client;
    switch (step.what) {
      case "subscribe": {
        const { uri, match } = step.pattern;
        peer.send({ type: MessageType.Subscribe, request: ++peer.request, options: { match }, topic: uri });
        const [answer] = taken(client);
        const isGranted = maySubscribe(authrole, step.pattern);
        must(
          answer?.type === (isGranted ? MessageType.Subscribed : MessageType.Error),
          "grants what the role may",
          `${authrole} ${match} ${uri}`,
        );
        if (answer?.type === MessageType.Subscribed) subscriptions.set(answer.subscription, step.pattern);
        break;
      }
      case "unsubscribe": {
        const [subscription] = [...subscriptions.keys()].slice(step.topic.length % Math.max(1, subscriptions.size));
        if (subscription === undefined) break;
        subscriptions.delete(subscription);
        peer.send({ type: MessageType.Unsubscribe, request: ++peer.request, subscription });
        must(taken(client)[0]?.type === MessageType.Unsubscribed, "lets go of what it gave", String(subscription));
        break;
      }
      case "leave":
        peer.close("transport.lost");
        clients[step.who] = join(router, step.topic.length + step.who);
        break;
      case "publish":
        publish(clients, client, step, value);
    }
  }
  for (const { peer } of clients) peer.close("transport.lost");
  must(router.broker().subscriptionCount === 0, "keeps no subscription", "an empty realm");
}

function publish(clients: readonly Client[], publisher: Client, { topic, lists, excludeMe }: Step, value: number): void {
  const { exclude, eligible, exclude_authid, eligible_authid, exclude_authrole, eligible_authrole } = lists;
  const ids = (list: readonly number[]) => list.map((i) => clients[i % CLIENTS]?.id ?? 1);
  const authids = (list: readonly number[]) => list.map((i) => AUTHIDS[i % 3] ?? "");
  const roles = (list: readonly number[]) => list.map((i) => ROLES[i % 3] ?? "");
  const options: PublishOptions = {
    acknowledge: true,
    ...(excludeMe !== undefined && { exclude_me: excludeMe }),
    ...(exclude && { exclude: ids(exclude) }),
    ...(eligible && { eligible: ids(eligible) }),
    ...(exclude_authid && { exclude_authid: authids(exclude_authid) }),
    ...(eligible_authid && { eligible_authid: authids(eligible_authid) }),
    ...(exclude_authrole && { exclude_authrole: roles(exclude_authrole) }),
    ...(eligible_authrole && { eligible_authrole: roles(eligible_authrole) }),
  };
  const { peer } = publisher;
  peer.send({ type: MessageType.Publish, request: ++peer.request, options, topic, payload: Payload.of([value]) });
  const [answer, ...own] = taken(publisher);
  const isGranted = mayPublish(publisher.authrole, topic);
  must(
    answer?.type === (isGranted ? MessageType.Published : MessageType.Error),
    "takes what the role may",
    `${publisher.authrole} ${topic}`,
  );
  if (answer?.type === MessageType.Error) must(answer.error === Uri.notAuthorized, "says why", answer.error);
  for (const client of clients) {
    const heard = (client === publisher ? own : taken(client)).map(eventText).sort();
    const expected = [...client.subscriptions]
      .filter(([, pattern]) => isGranted && hears(client, pattern, publisher, topic, options))
      .map(([id, { match }]) => `${id} ${match === "exact" ? "-" : topic} ${value}`)
      .sort();
    must(
      heard.join() === expected.join(),
      "sends events to whom they are for",
      `${topic}: ${heard.join() || "nothing"} in place of ${expected.join() || "nothing"}`,
    );
  }
}

function eventText(message: Message): string {
  if (message.type !== MessageType.Event) return `a message of type ${message.type}`;
  return `${message.subscription} ${message.details.topic ?? "-"} ${String(message.payload.args?.[0])}`;
}

const CLIENTS = 5;
const component = fc.constantFrom(...NAMES);
const topic = fc.array(component, { minLength: 1, maxLength: 3 }).map((components) => components.join("."));
const pattern: fc.Arbitrary<Pattern> = fc.oneof(
  fc.record({ uri: topic, match: fc.constant("exact" as const) }),
  fc.record({ uri: fc.constantFrom("", "a", "a.", "a.a", "ab", "b.", "b.a.", "b.b"), match: fc.constant("prefix" as const) }),
  fc.record({
    uri: fc
      .array(fc.constantFrom("", ...NAMES), { minLength: 1, maxLength: 3 })
      .map((components) => components.join("."))
      .filter((uri) => uri.split(".").includes("")), // without any it is refused where an exact one is granted
    match: fc.constant("wildcard" as const),
  }),
);
const list = fc.array(fc.nat(CLIENTS - 1), { maxLength: 3 });
const lists = fc.record(
  { exclude: list, exclude_authid: list, exclude_authrole: list, eligible: list, eligible_authid: list, eligible_authrole: list },
  { requiredKeys: [] },
);
const step: fc.Arbitrary<Step> = fc.record({
  who: fc.nat(CLIENTS - 1),
  what: fc.constantFrom("subscribe", "subscribe", "subscribe", "unsubscribe", "leave", "publish", "publish", "publish", "publish"),
  pattern,
  topic,
  lists: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, lists),
  excludeMe: fc.constantFrom(undefined, true, false),
});
const SCHEDULES = Number(process.env["EVENT_SCHEDULES"] ?? (process.env["CI"] === undefined ? 500 : 5_000));

test(`deliveries are those of the naive model, whatever the patterns, lists and roles, in ${SCHEDULES} schedules (PS-PAT-04, PS-BWL-02, PS-EXCL-01, AMB-73 to AMB-75)`, () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 60, size: "max" }), run), { numRuns: SCHEDULES, seed });
}, 300_000);
