/** The meta API (requirements 6). */
import { MessageType, Uri } from "@junctor/protocol";
import { type Delivery, type Dict, ensure, isDict, isId, type Peer, same } from "./peer.ts";
import { type Context, chapter, must, type Requirement, ruling } from "./requirement.ts";

/** Listens to meta events. @returns takes the next one of the verb */
async function listener(peer: Peer, api: string, ...verbs: readonly string[]) {
  const subscriptions = new Map<string, number>();
  for (const verb of verbs) subscriptions.set(verb, await peer.subscribe(`wamp.${api}.${verb}`));
  return {
    next: (verb: string): Promise<Delivery> => peer.event(subscriptions.get(verb)),
    /** The verbs of the events that have come, where `isIt` says so of the arguments. */
    heard: async (isIt: (args: readonly unknown[]) => boolean): Promise<readonly (string | undefined)[]> => {
      await peer.flush();
      const events = peer.inbox
        .splice(0)
        .filter(([type, , , , args]) => type === MessageType.Event && isIt(Array.isArray(args) ? args : []));
      return events.map(([, id]) => verbs.find((verb) => subscriptions.get(verb) === id));
    },
  };
}

/** Waits for an event about a session, whatever comes of others. */
async function eventOf(next: () => Promise<Delivery>, session: number): Promise<Delivery> {
  for (;;) {
    const event = await next();
    const [first] = event.args;
    if (first === session || (isDict(first) && first["session"] === session)) return event;
  }
}

const sessionList = (value: unknown) => (Array.isArray(value) ? value : []);

export const sessionMeta = chapter(
  "Session meta API",
  ["broker.session_meta_api", "dealer.session_meta_api"],
  [
    must("META-S-01", "offers the session meta procedures", async ({ two }) => {
      const [alice, bob] = await two();
      const [count] = await alice.ask("wamp.session.count");
      ensure(typeof count === "number" && count >= 2, `a count of 2 at least, got ${String(count)}`);
      const [list] = await alice.ask("wamp.session.list");
      ensure(
        [alice, bob].every(({ session }) => sessionList(list).includes(session)),
        "the list to have both sessions",
      );
      const [details] = await alice.ask("wamp.session.get", [bob.session]);
      ensure(isDict(details), "details to be a dict");
      same(details["session"], bob.session, "the session of the details");
      for (const key of ["authid", "authrole", "authmethod"]) ensure(typeof details[key] === "string", `${key} in the details`);
      await alice.refused(alice.call("wamp.session.get", {}, [4711]), Uri.noSuchSession);
    }),
    must("META-S-02", "tells of sessions that join in their realm only", async ({ join, needs }) => {
      const alice = await join({ realm: needs("otherRealm") });
      const { heard } = await listener(alice, "session", "on_join", "on_leave");
      const bob = await join();
      await bob.leave();
      same(
        await heard(([first]) => first === bob.session || (isDict(first) && first["session"] === bob.session)),
        [],
        "events about a session of another realm",
      );
    }),
    must("META-S-03", "tells of sessions that join, that leave and that are lost", async ({ join }) => {
      const alice = await join();
      const { next } = await listener(alice, "session", "on_join", "on_leave");
      for (const end of [(peer: Peer) => peer.leave(), async (peer: Peer) => peer.drop()]) {
        const bob = await join();
        const { args } = await eventOf(() => next("on_join"), bob.session);
        const details = isDict(args[0]) ? args[0] : {};
        same([details["authid"], details["authrole"]], [bob.welcome["authid"], bob.welcome["authrole"]], "identity in on_join");
        await end(bob);
        const left = await eventOf(() => next("on_leave"), bob.session);
        same(left.args, [bob.session, bob.welcome["authid"], bob.welcome["authrole"]], "the arguments of on_leave");
      }
    }),
    must("META-S-04", "shows the sessions of the caller's realm only", async ({ join, needs }) => {
      const [alice, bob] = [await join({ realm: needs("otherRealm") }), await join()];
      const [list] = await alice.ask("wamp.session.list");
      ensure(!sessionList(list).includes(bob.session), "no session of another realm in the list");
      await alice.refused(alice.call("wamp.session.get", {}, [bob.session]), Uri.noSuchSession);
    }),
    must("META-S-05", "kills a session with GOODBYE and the reason given", async ({ three }) => {
      const [alice, bob, carol] = await three();
      await alice.ask("wamp.session.kill", [bob.session], { reason: "conformance.reason", message: "why" });
      const [, details, reason] = await bob.take(MessageType.Goodbye);
      same([reason, isDict(details) && details["message"]], ["conformance.reason", "why"], "reason and message");
      await alice.ask("wamp.session.kill", [carol.session]);
      same((await carol.take(MessageType.Goodbye))[2], Uri.killed, "the reason where none is given");
    }),
    must("META-S-06", "does not let a session kill itself", async ({ join }) => {
      const peer = await join();
      await peer.refused(peer.call("wamp.session.kill", {}, [peer.session]), Uri.noSuchSession);
      const [killed] = await peer.ask("wamp.session.kill_by_authid", [peer.welcome["authid"]]);
      ensure(!sessionList(killed).includes(peer.session), "the caller not to be among the killed");
      await peer.quiet();
    }),
    must("META-S-07", "tells nobody of the sessions that kill_all ends", async ({ three }) => {
      const [alice, bob, carol] = await three();
      const { heard } = await listener(alice, "session", "on_leave");
      const [count] = await alice.ask("wamp.session.kill_all");
      ensure(typeof count === "number" && count >= 2, `a count of 2 at least, got ${String(count)}`);
      for (const peer of [bob, carol]) await peer.take(MessageType.Goodbye);
      const sessions = [bob.session, carol.session];
      same(await heard(([first]) => sessions.some((session) => session === first)), [], "on_leave");
    }),
    must("META-S-08", "counts and lists by authrole", async ({ join }) => {
      const peer = await join();
      same(await peer.ask("wamp.session.count", [["nobody"]]), [0], "the count of sessions of a role that nobody has");
      same(await peer.ask("wamp.session.list", [["nobody"]]), [[]], "the list of sessions of a role that nobody has");
      const [list] = await peer.ask("wamp.session.list", [[peer.welcome["authrole"]]]);
      ensure(sessionList(list).includes(peer.session), "the list of the own role to have the session");
    }),
  ],
);

/** What is the same for subscriptions and registrations but for the names. */
interface Kind {
  readonly api: "registration" | "subscription";
  readonly enter: "on_register" | "on_subscribe";
  readonly exit: "on_unregister" | "on_unsubscribe";
  readonly make: (peer: Peer, uri: string, options?: Dict) => Promise<number>;
  readonly end: (peer: Peer, id: number) => Promise<void>;
}
const REGISTRATION: Kind = {
  api: "registration",
  enter: "on_register",
  exit: "on_unregister",
  make: (peer, uri, options) => peer.register(uri, options),
  end: (peer, id) => peer.unregister(id),
};
const SUBSCRIPTION: Kind = {
  api: "subscription",
  enter: "on_subscribe",
  exit: "on_unsubscribe",
  make: (peer, uri, options) => peer.subscribe(uri, options),
  end: (peer, id) => peer.unsubscribe(id),
};

const lifeIsTold = (id: string, { api, enter, exit, make, end }: Kind): Requirement =>
  must(id, `tells of a ${api} from its creation to its end, in order`, async ({ two, uri }) => {
    const [alice, bob] = await two();
    const { next, heard } = await listener(alice, api, "on_create", enter, exit, "on_delete");
    const made = await make(bob, uri("x"));
    const created = await eventOf(() => next("on_create"), bob.session);
    const details = isDict(created.args[1]) ? created.args[1] : {};
    same([details["id"], details["uri"], details["match"]], [made, uri("x"), "exact"], "the details in on_create");
    same((await eventOf(() => next(enter), bob.session)).args, [bob.session, made], `the arguments of ${enter}`);
    await end(bob, made);
    await bob.flush();
    same(await heard(([session, which]) => session === bob.session && which === made), [exit, "on_delete"], "the events at the end");
  });

const hasDetails = async ({ join, uri }: Context, { api, make }: Kind) => {
  const peer = await join();
  const id = await make(peer, uri("x"), { match: "exact" });
  const [details] = await peer.ask(`wamp.${api}.get`, [id]);
  ensure(isDict(details), "details to be a dict");
  return { peer, id, details };
};

const isListed = async ({ api, make }: Kind, { two, uri }: Context, error: string) => {
  const [alice, bob] = await two();
  const id = await make(bob, uri("x"));
  const [list] = await alice.ask(`wamp.${api}.list`);
  for (const match of ["exact", "prefix", "wildcard"]) ensure(isDict(list) && Array.isArray(list[match]), `a list of ${match} ${api}s`);
  ensure(isDict(list) && sessionList(list["exact"]).includes(id), `the list to have the ${api}`);
  same(await alice.ask(`wamp.${api}.lookup`, [uri("x")]), [id], "lookup");
  same((await alice.ask(`wamp.${api}.lookup`, [uri("nothing")]))[0] ?? null, null, "lookup of nothing");
  const [members, count] = api === "registration" ? ["list_callees", "count_callees"] : ["list_subscribers", "count_subscribers"];
  same(await alice.ask(`wamp.${api}.${members}`, [id]), [[bob.session]], members);
  same(await alice.ask(`wamp.${api}.${count}`, [id]), [1], count);
  for (const verb of ["get", members, count]) await alice.refused(alice.call(`wamp.${api}.${verb}`, {}, [999_999_999]), error);
  return { alice, bob, id };
};

export const registrationMeta = chapter("Registration meta API", "dealer.registration_meta_api", [
  lifeIsTold("META-R-01", REGISTRATION),
  must("META-R-02", "says when a registration was created", async (context) => {
    const { details } = await hasDetails(context, REGISTRATION);
    ensure(!Number.isNaN(Date.parse(String(details["created"]))), `a time, got ${String(details["created"])}`);
  }),
  must("META-R-03", "offers the registration meta procedures", async (context) => {
    const { alice, id } = await isListed(REGISTRATION, context, Uri.noSuchRegistration);
    same(await alice.ask("wamp.registration.match", [context.uri("x")]), [id], "match");
    const [details] = await alice.ask("wamp.registration.get", [id]);
    ensure(isDict(details), "details to be a dict");
    same([details["id"], details["uri"], details["match"], details["invoke"]], [id, context.uri("x"), "exact", "single"], "the details");
  }),
]);

export const subscriptionMeta = chapter("Subscription meta API", "broker.subscription_meta_api", [
  lifeIsTold("META-P-01", SUBSCRIPTION),
  must("META-P-02", "finds subscriptions by topic, and those that a topic matches", async (context) => {
    const { alice, bob, id } = await isListed(SUBSCRIPTION, context, Uri.noSuchSubscription);
    const prefix = await bob.subscribe(context.uri("x"), { match: "prefix" });
    same(await alice.ask("wamp.subscription.lookup", [context.uri("x"), { match: "prefix" }]), [prefix], "lookup of a prefix");
    const [matched] = await alice.ask("wamp.subscription.match", [context.uri("x")]);
    same(sessionList(matched).sort(), [id, prefix].sort(), "match");
  }),
  must("META-P-03", "refuses what is asked of subscriptions that do not exist", async ({ join }) => {
    const peer = await join();
    for (const verb of ["get", "list_subscribers", "count_subscribers"])
      await peer.refused(peer.call(`wamp.subscription.${verb}`, {}, [999_999_999]), Uri.noSuchSubscription);
  }),
]);

export const metaRules = chapter(
  "Rules of the meta API",
  [],
  [
    must("META-A-01", "lets no session speak in the router's name", async ({ two }) => {
      const [alice, bob] = await two();
      await bob.subscribe("wamp.session.on_join");
      await alice.refused(alice.publish("wamp.session.on_join", { acknowledge: true }, ["false"]));
      await alice.refused(alice.request(MessageType.Register, {}, "wamp.session.count"));
      ensure(isId(alice.session), "a session");
    }),
  ],
);

export const reflection = chapter(
  "Reflection",
  ["broker.reflection", "dealer.reflection"],
  [
    ruling(
      "REFL-01",
      "tells what sessions say of their procedures, topics and errors while they are there",
      async ({ two, uri, eventually }) => {
        const [alice, bob] = await two();
        const description = { summary: "adds", args: ["a", "b"] };
        for (const kind of ["procedure", "topic", "error"]) {
          await bob.ask("wamp.reflect.define", [kind, uri(kind), description]);
          same(await alice.ask(`wamp.reflection.${kind}.describe`, [uri(kind)]), [description], `the description of a ${kind}`);
          const [list] = await alice.ask(`wamp.reflection.${kind}.list`);
          ensure(Array.isArray(list) && list.includes(uri(kind)), `the list to have the ${kind}`);
        }
        await bob.leave();
        await eventually(async () =>
          same(await alice.ask("wamp.reflect.describe", ["procedure", uri("procedure")]), [null], "what is left"),
        );
      },
    ),
  ],
);
