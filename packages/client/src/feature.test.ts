// What HELLO announces (FEAT-01, FEAT-05): each flag under the roles that it is for, and none without a proof here.
import { ApplicationError, type Event, type Invocation, type PayloadCodec, Uri } from "@junctor/client";
import { MetaApi } from "@junctor/client/meta";
import { aesGcm } from "@junctor/client/passthru/aes-gcm";
import { MessageType } from "@junctor/protocol";
import { ALLOW_ALL, failure, Heard, hear, Inbox, realmConfig, ScriptedRouter, startRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

/** A realm that allows everything, and three of its sessions. */
async function town() {
  const everyone = { ...ALLOW_ALL, disclose: { caller: "allow", publisher: "allow" } } as const;
  const kill = ["wamp.registration.remove_callee", "wamp.subscription.remove_subscriber"].map(
    (uri) => ({ uri, match: "exact", allow: { call: true } }) as const,
  );
  const trust = [{ uri: "com.", match: "prefix", level: 3 }] as const;
  const realm = {
    ...realmConfig("realm1", [everyone, ...kill]),
    calls: { reroute: true, sharding: true, trust },
    events: { sharding: true, trust },
  };
  const router = await startRouter({ connection: { name: "memory", transport: "memory", serializer: "json" }, realms: [realm] });
  const [alice, bob, carol] = [await router.join(), await router.join(), await router.join()];
  return { router, alice, bob, carol, [Symbol.asyncDispose]: () => router[Symbol.asyncDispose]() };
}
type Town = Awaited<ReturnType<typeof town>>;

/** One event of `com.t`, and the call after which whatever was to be heard has been heard. */
async function heardBy({ alice }: Town, listener: Town["bob"], options: Parameters<Town["alice"]["publish"]>[3]): Promise<Event[]> {
  const heard = await hear(listener, "com.t");
  await alice.publish("com.t", ["here"], {}, { ...options, acknowledge: true });
  await listener.call("wamp.session.count");
  return heard.all;
}

const PROOFS: Record<string, (place: Town) => Promise<void>> = {
  publisher_exclusion: async (place) => {
    expect(await heardBy(place, place.alice, {})).toEqual([]);
    expect(await heardBy(place, place.alice, { excludeMe: false })).toHaveLength(1);
  },
  publisher_identification: async (place) => {
    const [event] = await heardBy(place, place.bob, { discloseMe: true });
    expect(event?.details).toMatchObject({ publisher: place.alice.id, publisher_authrole: "anonymous" });
  },
  publication_trustlevels: async (place) => {
    expect((await heardBy(place, place.bob, {}))[0]?.details.trustlevel).toBe(3);
  },
  subscriber_blackwhite_listing: async (place) => {
    expect(await heardBy(place, place.bob, { exclude: [place.bob.id] })).toEqual([]);
    expect(await heardBy(place, place.carol, { eligibleAuthrole: ["anonymous"] })).toHaveLength(1);
  },
  pattern_based_subscription: async ({ alice, bob }) => {
    const heard = new Heard();
    await bob.subscribe("com..state", (event) => heard.push(event), { match: "wildcard" });
    await alice.publish("com.door.state", ["open"]);
    expect(await heard.next()).toMatchObject({ topic: "com.door.state", args: ["open"] });
  },
  subscription_revocation: async ({ alice, bob }) => {
    const subscription = await bob.subscribe("com.t", () => {});
    await new MetaApi(alice).subscriptions.remove(subscription.id, bob.id, "com.closed");
    expect(await subscription.revoked).toBe("com.closed");
  },
  sharded_subscription: async ({ alice, bob, carol }) => {
    const heard: string[] = [];
    await bob.subscribe("com.t", () => heard.push("bob"), { nkey: "b" });
    await carol.subscribe("com.t", () => heard.push("carol"), { nkey: "c" });
    for (let i = 0; i < 3; i++) await alice.publish("com.t", [], {}, { rkey: "one", acknowledge: true });
    await Promise.all([bob, carol].map((session) => session.call("wamp.session.count")));
    expect([heard.length, new Set(heard).size]).toEqual([3, 1]);
  },
  caller_identification: async ({ alice, bob }) => {
    await bob.register("com.p", ({ details }) => details.caller);
    await bob.register("com.q", ({ details }) => details.caller, { discloseCaller: true });
    expect((await alice.call("com.p")).value).toBeUndefined();
    expect((await alice.call("com.p", [], {}, { discloseMe: true })).value).toBe(alice.id);
    expect((await alice.call("com.q")).value).toBe(alice.id);
  },
  call_canceling: async ({ alice, bob }) => {
    const started = new Inbox<Invocation>();
    await bob.register("com.p", (invocation) => {
      started.push(invocation);
      return new Promise((_, reject) => invocation.signal.addEventListener("abort", () => reject(invocation.signal.reason)));
    });
    const button = new AbortController();
    const calling = failure(alice.call("com.p", [], {}, { signal: button.signal, cancelMode: "kill" }));
    const { signal } = await started.next();
    button.abort("enough");
    expect([await calling, signal.aborted]).toEqual(["enough", true]);
  },
  call_timeout: async ({ router, alice, bob }) => {
    const started = new Inbox<Invocation>();
    await bob.register("com.p", (invocation) => new Promise(() => started.push(invocation)), { forwardTimeout: true });
    const calling = failure(alice.call("com.p", [], {}, { timeout: 100 }));
    const { details, signal } = await started.next();
    router.advance(100);
    expect(await calling).toMatchObject({ name: "TimeoutError" });
    expect([details.timeout, signal.aborted]).toEqual([100, true]);
  },
  call_trustlevels: async ({ alice, bob }) => {
    await bob.register("com.p", ({ details }) => details.trustlevel);
    expect((await alice.call("com.p")).value).toBe(3);
  },
  call_reroute: async ({ alice, bob, carol }) => {
    const refuse = () => {
      throw new ApplicationError(Uri.unavailable);
    };
    await bob.register("com.p", refuse, { invoke: "first" });
    await carol.register("com.p", () => "carol", { invoke: "first" });
    expect((await alice.call("com.p")).value).toBe("carol");
  },
  progressive_call_results: async ({ alice, bob }) => {
    await bob.register("com.p", async function* () {
      yield 1;
      return 2;
    });
    const stream = alice.stream("com.p");
    const parts: unknown[] = [];
    for await (const { value } of stream) parts.push(value);
    expect([parts, (await stream.result).value]).toEqual([[1], 2]);
  },
  progressive_call_invocations: async ({ alice, bob }) => {
    await bob.register("com.p", async ({ chunks }) => {
      const all: unknown[] = [];
      for await (const { value } of chunks) all.push(value);
      return all;
    });
    expect((await alice.call("com.p", [], {}, { chunks: [1, 2] })).value).toEqual([1, 2]);
  },
  pattern_based_registration: async ({ alice, bob }) => {
    await bob.register("com.shop.", ({ procedure }) => procedure, { match: "prefix" });
    expect((await alice.call("com.shop.open")).value).toBe("com.shop.open");
  },
  shared_registration: async ({ alice, bob, carol }) => {
    await bob.register("com.p", () => "bob", { invoke: "roundrobin" });
    await carol.register("com.p", () => "carol", { invoke: "roundrobin" });
    expect([(await alice.call("com.p")).value, (await alice.call("com.p")).value]).toEqual(["bob", "carol"]);
  },
  sharded_registration: async ({ alice, bob, carol }) => {
    await bob.register("com.p", () => "bob", { invoke: "roundrobin" });
    await carol.register("com.p", () => "carol", { invoke: "roundrobin" });
    const answers = new Set<unknown>();
    for (let i = 0; i < 3; i++) answers.add((await alice.call("com.p", [], {}, { rkey: "one" })).value);
    expect(answers.size).toBe(1);
  },
  registration_revocation: async ({ alice, bob }) => {
    const registration = await bob.register("com.p", () => {});
    await new MetaApi(alice).registrations.remove(registration.id, bob.id, "com.closed");
    expect(await registration.revoked).toBe("com.closed");
    await bob.register("com.p", () => {});
  },
};

test.each(Object.entries(PROOFS))("%s", async (_flag, prove) => {
  await using place = await town();
  await prove(place);
});

async function announced(codecs: readonly PayloadCodec[] = []): Promise<Record<string, string[]>> {
  const router = new ScriptedRouter();
  void router.connect({ codecs });
  const { details } = await router.take(MessageType.Hello);
  return Object.fromEntries(Object.entries(details.roles).map(([role, { features = {} }]) => [role, Object.keys(features).sort()]));
}

test("HELLO announces what is proven here, under the roles that the specification names (FEAT-01, FEAT-05, RPC-PCR-01, RPC-PCI-02, RPC-REROUTE-04)", async () => {
  const roles = await announced();
  expect(roles).toEqual({
    publisher: ["publisher_exclusion", "publisher_identification", "sharded_subscription", "subscriber_blackwhite_listing"],
    subscriber: [
      "pattern_based_subscription",
      "publication_trustlevels",
      "publisher_identification",
      "sharded_subscription",
      "subscription_revocation",
    ],
    caller: [
      "call_canceling",
      "call_timeout",
      "caller_identification",
      "progressive_call_invocations",
      "progressive_call_results",
      "sharded_registration",
    ],
    callee: [
      "call_canceling",
      "call_reroute",
      "call_timeout",
      "call_trustlevels",
      "caller_identification",
      "pattern_based_registration",
      "progressive_call_invocations",
      "progressive_call_results",
      "registration_revocation",
      "sharded_registration",
      "shared_registration",
    ],
  });
  expect([...new Set(Object.values(roles).flat())].sort()).toEqual(Object.keys(PROOFS).sort());
});

test("a client with codecs announces payload_passthru_mode for all its roles, one without for none (PPT-07, PPT-08)", async () => {
  const codec = aesGcm({ keys: { only: new Uint8Array(32) }, keyid: "only" });
  const passthru = (roles: Record<string, string[]>) => Object.values(roles).map((flags) => flags.includes("payload_passthru_mode"));
  expect(passthru(await announced([codec]))).toEqual([true, true, true, true]);
  expect(passthru(await announced())).toEqual([false, false, false, false]);
});
