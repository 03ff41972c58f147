/** Registrations: patterns, callees that share one, and their revocation (requirements 4.8 to 4.11). */
import { MessageType, Uri } from "@junctor/protocol";
import { ensure, isDict, type Peer, same } from "./peer.ts";
import { type Context, chapter, must, ruling } from "./requirement.ts";

/** Calls as often as asked. @returns the places, in the list of callees, of those who were called */
async function calledOf(caller: Peer, procedure: string, callees: readonly Peer[], times: number): Promise<readonly number[]> {
  const called: number[] = [];
  for (let i = 0; i < times; i++) {
    const call = caller.call(procedure);
    await caller.flush();
    for (const callee of callees) await callee.flush();
    const place = callees.findIndex(({ inbox }) => inbox.some(([type]) => type === MessageType.Invocation));
    const callee = callees[place];
    ensure(callee !== undefined, "INVOCATION for one of the callees");
    callee.yield((await callee.invocation()).id);
    await caller.result(call);
    called.push(place);
  }
  return called;
}

/** Registers each pattern with a callee of its own, and says which of them a call reaches. */
async function reaching({ join }: Context, patterns: readonly (readonly [string, string])[]) {
  const caller = await join();
  const callee = await join();
  const registrations: number[] = [];
  for (const [pattern, match] of patterns) registrations.push(await callee.register(pattern, { match }));
  return async (procedure: string): Promise<number | undefined> => {
    const call = caller.call(procedure);
    await caller.flush();
    if (caller.inbox.length > 0) {
      await caller.refused(call, Uri.noSuchProcedure);
      return undefined;
    }
    const { id, second } = await callee.invocation();
    callee.yield(id);
    await caller.result(call);
    return registrations.indexOf(second) + 1;
  };
}

async function expectReached(
  reached: (procedure: string) => Promise<number | undefined>,
  expected: Readonly<Record<string, number | undefined>>,
) {
  for (const [procedure, place] of Object.entries(expected))
    same(await reached(procedure), place, `the registration that ${procedure} reached`);
}

export const registrationPatterns = chapter("Pattern-based registration", "dealer.pattern_based_registration", [
  must("RPC-PAT-01", "matches exactly unless asked otherwise", async (context) => {
    const { uri, two } = context;
    const [alice, bob] = await two();
    await bob.register(uri("a"));
    await alice.refused(alice.call(uri("a.b")), Uri.noSuchProcedure);
  }),
  must("RPC-PAT-02", "matches by prefix, character by character", async (context) => {
    const { uri } = context;
    const reached = await reaching(context, [[uri("myobject1"), "prefix"]]);
    await expectReached(reached, {
      [uri("myobject1.myprocedure1")]: 1,
      [uri("myobject1-mysubobject1")]: 1,
      [uri("myobject1")]: 1,
      [uri("myobject2")]: undefined,
      [uri("myobject")]: undefined,
    });
  }),
  must("RPC-PAT-03", "matches by wildcard, component by component", async (context) => {
    const { uri } = context;
    const reached = await reaching(context, [[uri("", "create"), "wildcard"]]);
    await expectReached(reached, {
      [uri("a.create")]: 1,
      [uri("a.b.create")]: undefined,
      [uri("create")]: undefined,
      [uri("a.delete")]: undefined,
    });
  }),
  must("RPC-PAT-04", "prefers exact to prefix to wildcard", async (context) => {
    const { uri } = context;
    const reached = await reaching(context, [
      [uri("a.b.c"), "exact"],
      [uri("a"), "prefix"],
      [uri("a.b"), "prefix"],
      [uri("", "b", "c"), "wildcard"],
    ]);
    await expectReached(reached, { [uri("a.b.c")]: 1, [uri("a.b.d")]: 3, [uri("a.x")]: 2, [uri("x.b.c")]: 4 });
  }),
  must("RPC-PAT-05", "prefers the wildcard whose literal components run longest from the left", async (context) => {
    const { uri } = context;
    const reached = await reaching(context, [
      [uri("a", "", "c", "d"), "wildcard"],
      [uri("a", "b", "", "d"), "wildcard"],
      [uri("a", "", "c", ""), "wildcard"],
    ]);
    await expectReached(reached, { [uri("a.b.c.d")]: 2, [uri("a.x.c.d")]: 1, [uri("a.x.c.e")]: 3 });
  }),
  must("RPC-PAT-06", "chooses as in the specification's example", async (context) => {
    const { uri } = context;
    const at = (rest: string) => uri(`a1.${rest}`);
    const reached = await reaching(context, [
      [at("b2.c3.d4.e55"), "exact"],
      [at("b2.c3"), "prefix"],
      [at("b2.c3.d4"), "prefix"],
      [at("b2..d4.e5"), "wildcard"],
      [at("b2.c33..e5"), "wildcard"],
      [at("b2..d4.e5..g7"), "wildcard"],
      [at("b2..d4..f6.g7"), "wildcard"],
    ]);
    await expectReached(reached, {
      [at("b2.c3.d4.e55")]: 1,
      [at("b2.c3.d98.e74")]: 2,
      [at("b2.c3.d4.e325")]: 3,
      [at("b2.c55.d4.e5")]: 4,

      [at("b2.c88.d4.e5.f6.g7")]: 6,
      [uri("a2.b2.c2.d2.e2")]: undefined,
    });
    // The example says 5, but "…c3" is a prefix of it, character by character, and prefixes come first.
    const either = await reached(at("b2.c33.d4.e5"));
    ensure(either === 5 || either === 2, `registration 5, or the prefix 2, for ${at("b2.c33.d4.e5")}, got ${either}`);
  }),
  must("RPC-PAT-07", "names the procedure in invocations of patterns", async ({ two, uri }) => {
    const [alice, bob] = await two();
    await bob.register(uri("a"), { match: "prefix" });
    await bob.register(uri("", "x"), { match: "wildcard" });
    for (const procedure of [uri("a.b"), uri("c.x")]) {
      alice.call(procedure);
      same((await bob.invocation()).details["procedure"], procedure, "the procedure");
    }
  }),
  must("RPC-PAT-08", "cuts nothing out of a pattern when a procedure within it is unregistered", async ({ two, uri }) => {
    const [alice, bob] = await two();
    const pattern = await bob.register(uri("a"), { match: "prefix" });
    await bob.unregister(await bob.register(uri("a.b")));
    alice.call(uri("a.b"));
    same((await bob.invocation()).second, pattern, "the registration");
  }),
]);

/** Callees that share a procedure, in the order of their registration. */
async function shared({ join, uri }: Context, invoke: string) {
  const procedure = uri(invoke);
  const [caller, callees] = [await join(), [await join(), await join(), await join()]];
  for (const callee of callees) await callee.register(procedure, { invoke });
  return { caller, callees, procedure, called: (times: number) => calledOf(caller, procedure, callees, times) };
}

export const sharedRegistration = chapter("Shared registration", "dealer.shared_registration", [
  must("RPC-SHARED-01", "takes the policies single, roundrobin, random, first and last", async ({ two, uri }) => {
    const [alice, bob] = await two();
    for (const invoke of ["roundrobin", "random", "first", "last"])
      for (const callee of [alice, bob]) await callee.register(uri(invoke), { invoke });
    await alice.register(uri("single"), { invoke: "single" });
  }),
  must("RPC-SHARED-02", "keeps the policy of the first callee", async ({ join, three, uri }) => {
    const [alice, bob, carol] = await three();
    await alice.register(uri("procedure"), { invoke: "first" });
    await bob.register(uri("procedure"), { invoke: "first" });
    same(await calledOf(carol, uri("procedure"), [alice, bob], 2), [0, 0], "who was called");
    const dave = await join();
    await dave.refused(dave.request(MessageType.Register, { invoke: "last" }, uri("procedure")));
  }),
  must("RPC-SHARED-03", "single: refuses further callees", async ({ two, uri }) => {
    const [alice, bob] = await two();
    await alice.register(uri("procedure"), { invoke: "single" });
    for (const invoke of ["single", "roundrobin"])
      await bob.refused(bob.request(MessageType.Register, { invoke }, uri("procedure")), Uri.procedureAlreadyExists);
  }),
  must("RPC-SHARED-04", "refuses callees with another policy", async ({ two, uri }) => {
    const [alice, bob] = await two();
    await alice.register(uri("procedure"), { invoke: "roundrobin" });
    for (const invoke of ["single", "random"]) await bob.refused(bob.request(MessageType.Register, { invoke }, uri("procedure")));
  }),
  must("RPC-SHARED-05", "calls the callees as the policy says", async (context) => {
    const [roundrobin, first, last] = [await shared(context, "roundrobin"), await shared(context, "first"), await shared(context, "last")];
    same(await roundrobin.called(6), [0, 1, 2, 0, 1, 2], "who was called with roundrobin");
    same(await first.called(2), [0, 0], "who was called with first");
    await first.callees[0]?.leave();
    same(await calledOf(first.caller, first.procedure, first.callees.slice(1), 1), [0], "who was called when the first had left");
    same(await last.called(2), [2, 2], "who was called with last");
    await (await shared(context, "random")).called(3);
  }),
]);

export const shardedRegistration = chapter("Sharded registration", "dealer.sharded_registration", [
  ruling("RPC-SHARD-02", "calls one callee for one rkey", async (context) => {
    const { caller, callees, procedure } = await shared(context, "roundrobin");
    for (let i = 0; i < 4; i++) caller.call(procedure, { runmode: "partition", rkey: "key" });
    await caller.flush();
    for (const callee of callees) await callee.flush();
    same(callees.map(({ inbox }) => inbox.length).sort(), [0, 0, 4], "how many invocations the callees had");
  }),
]);

/** A registration, taken from its callee by another session. */
async function revoked({ join, uri }: Context, features: readonly string[]) {
  const [alice, bob] = [await join(), await join({ features: { callee: features } })];
  const registration = await bob.register(uri("procedure"));
  await alice.result(alice.call("wamp.registration.remove_callee", {}, [registration, bob.session, "conformance.reason"]));
  return { alice, bob, registration };
}

export const registrationRevocation = chapter("Registration revocation", "dealer.registration_revocation", [
  must("RPC-REVOKE-01", "tells a callee that its registration was taken", async (context) => {
    const { alice, bob, registration } = await revoked(context, ["registration_revocation"]);
    const [, request, details] = await bob.take(MessageType.Unregistered);
    same([request, isDict(details) && details["registration"]], [0, registration], "UNREGISTERED");
    await alice.refused(alice.call(context.uri("procedure")), Uri.noSuchProcedure);
  }),
  must("RPC-REVOKE-02", "does not tell a callee that cannot understand it", async (context) => {
    const { alice, bob } = await revoked(context, []);
    await alice.refused(alice.call(context.uri("procedure")), Uri.noSuchProcedure);
    await bob.quiet();
  }),
]);
