// Whose turn it is: round robin against a plain model, Junctor's own policies, and sharding (requirements 4.9, 4.10; AMB-68).
import { MessageType, NO_OPTIONS, Uri } from "@junctor/protocol";
import type { CallConfig } from "@junctor/router";
import { realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";

const withCalls = (calls: Partial<CallConfig>) => new TestRouter({ realms: [{ ...realmConfig("realm1"), calls }] });
/** Who got the call, and has answered it. */
function served(callees: Iterable<TestPeer>): TestPeer | undefined {
  for (const callee of callees) {
    const message = callee.inbox.find(({ type }) => type === MessageType.Invocation);
    if (message?.type !== MessageType.Invocation) continue;
    callee.inbox.splice(0);
    callee.yield(message.request);
    return callee;
  }
  return undefined;
}
/** Who is given each key. */
function owners(caller: TestPeer, callees: readonly TestPeer[], keys: readonly string[]): (TestPeer | undefined)[] {
  return keys.map((rkey) => {
    caller.call("com.x", [], { runmode: "partition", rkey });
    return served(callees);
  });
}
const KEYS = Array.from({ length: 200 }, (_, i) => `key-${i}`);

test("round robin: after the one served last comes the next in order of registration, whoever came or went (AMB-68)", () => {
  const step = fc.constantFrom("join", "leave", "call", "call");
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.nat(9)), { maxLength: 60 }), (steps) => {
      const router = new TestRouter();
      const caller = router.join();
      // The model: numbers in order of registration. The next is the smallest above the last one served, or the smallest.
      const present = new Map<number, TestPeer>();
      let registered = 0;
      let last = 0;
      for (const [what, index] of steps) {
        if (what === "join") {
          const callee = router.join();
          callee.register("com.x", { invoke: "roundrobin" });
          present.set(++registered, callee);
        } else if (what === "leave") {
          const [number, callee] = [...present][index % Math.max(1, present.size)] ?? [];
          if (number === undefined) continue;
          callee?.close("transport.lost");
          present.delete(number);
          if (present.size === 0) last = 0; // a later registrant makes a new registration (AMB-37)
        } else {
          caller.call("com.x");
          const numbers = [...present.keys()];
          const expected = numbers.find((number) => number > last) ?? numbers[0];
          if (expected === undefined) expect(caller.take(MessageType.Error).error).toBe(Uri.noSuchProcedure);
          else {
            expect(served(present.values())).toBe(present.get(expected));
            caller.take(MessageType.Result);
            last = expected;
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("policies of Junctor's own are refused unless the realm allows them (RPC-SHARED-01)", () => {
  for (const invoke of ["least_loaded", "affinity"] as const) {
    const register = (router: TestRouter) => {
      const callee = router.join();
      callee.send({ type: MessageType.Register, request: ++callee.request, options: { invoke }, procedure: "com.x" });
      return callee;
    };
    expect(register(new TestRouter()).take(MessageType.Error)).toMatchObject({
      requestType: MessageType.Register,
      error: Uri.optionNotAllowed,
    });
    register(withCalls({ invoke: [invoke] })).take(MessageType.Registered);
  }
});

test("least_loaded gives a call to a callee with the fewest invocations, of whatever procedure, in turn among equals", () => {
  const router = withCalls({ invoke: ["least_loaded"] });
  const [caller, a, b, c] = [router.join(), router.join(), router.join(), router.join()];
  a.register("com.other");
  for (const callee of [a, b, c]) callee.register("com.x", { invoke: "least_loaded" });
  caller.call("com.other");
  for (let i = 0; i < 5; i++) caller.call("com.x");
  const load = () => [a, b, c].map((callee) => callee.inbox.length);
  expect(load()).toEqual([2, 2, 2]);
  b.yield(1);
  caller.call("com.x");
  expect(load()).toEqual([2, 3, 2]);
});

test("affinity gives all calls of an authid to one callee, and a callee that leaves moves only its own callers", () => {
  const router = withCalls({ invoke: ["affinity"] });
  const callees = Array.from({ length: 5 }, () => router.join());
  for (const callee of callees) callee.register("com.x", { invoke: "affinity" });
  const callers = Array.from({ length: 60 }, () => router.join());
  const ask = () =>
    callers.map((caller) => {
      caller.call("com.x");
      return served(callees);
    });
  const before = ask();
  expect(ask()).toEqual(before);
  expect(new Set(before).size).toBe(5);
  const [gone] = callees;
  gone?.close("transport.lost");
  for (const [i, owner] of ask().entries()) {
    if (before[i] === gone) expect(owner).not.toBe(gone);
    else expect(owner).toBe(before[i]);
  }
});

test("sharded_registration: a key goes to one callee, and who comes or goes moves no key between others (RPC-SHARD-01)", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 8 }),
      fc.nat(7),
      fc.constantFrom("roundrobin", "random", "first", "last"),
      (count, index, invoke) => {
        const router = withCalls({ sharding: true });
        const caller = router.join();
        const callees = Array.from({ length: count }, () => router.join());
        for (const callee of callees) callee.register("com.x", { invoke });
        const before = owners(caller, callees, KEYS);
        expect(owners(caller, callees, KEYS)).toEqual(before);
        const joined = router.join();
        joined.register("com.x", { invoke });
        const during = owners(caller, [...callees, joined], KEYS);
        for (const [i, owner] of during.entries()) if (owner !== joined) expect(owner).toBe(before[i]);
        joined.close("transport.lost");
        expect(owners(caller, callees, KEYS)).toEqual(before);
        const gone = callees[index % count];
        gone?.close("transport.lost");
        const after = owners(caller, callees, KEYS);
        for (const [i, owner] of after.entries()) {
          if (before[i] === gone) expect(owner).not.toBe(gone);
          else expect(owner).toBe(before[i]);
        }
      },
    ),
    { numRuns: 30 },
  );
});
test("sharded_registration: keys are spread evenly", () => {
  const router = withCalls({ sharding: true });
  const caller = router.join();
  const callees = Array.from({ length: 4 }, () => router.join());
  for (const callee of callees) callee.register("com.x", { invoke: "first" });
  const got = owners(
    caller,
    callees,
    Array.from({ length: 4_000 }, (_, i) => `user-${i}`),
  );
  for (const callee of callees) expect(Math.abs(got.filter((owner) => owner === callee).length - 1_000)).toBeLessThan(150);
});
test("sharded_registration: a key waits for its own callee, and a refused call goes to the second in line (AMB-64)", () => {
  const router = withCalls({ sharding: true, reroute: true });
  const caller = router.join();
  const callees = [router.join(), router.join(), router.join()];
  for (const callee of callees) callee.register("com.x", { invoke: "first", concurrency: 1 });
  const [owner] = owners(caller, callees, ["k"]);
  caller.inbox.splice(0);
  const call = () => caller.call("com.x", [], { runmode: "partition", rkey: "k" });
  call();
  call();
  expect(callees.map((callee) => callee.inbox.length).sort()).toEqual([0, 0, 1]);
  owner?.close("transport.lost"); // its key moves to the second in line
  const second = callees.find((callee) => callee !== owner && callee.inbox.length > 0);
  expect([second === undefined, caller.inbox.length]).toEqual([false, 1]);
});
test("sharded_registration: partition needs a key, and no other runmode is known (RPC-SHARD-01)", () => {
  const router = withCalls({ sharding: true });
  const [caller, callee] = [router.join(), router.join()];
  callee.register("com.x");
  caller.call("com.x", [], { runmode: "partition" });
  expect(caller.take(MessageType.Error).error).toBe(Uri.invalidArgument);
  caller.call("com.x", [], { runmode: "all", rkey: "k" });
  expect(caller.take(MessageType.Error).error).toBe(Uri.optionNotAllowed);
  caller.call("com.x", [], { rkey: "k" }); // a key alone says nothing
  callee.take(MessageType.Invocation);
});
test("sharded_registration: is off, unannounced and its keys ignored, unless the realm turns it on (RPC-SHARD-02)", () => {
  const flag = (router: TestRouter) => router.router.realm("realm1")?.announced.roles.dealer?.features?.["sharded_registration"];
  expect([flag(withCalls({ sharding: true })), flag(new TestRouter())]).toEqual([true, undefined]);
  const router = new TestRouter();
  const [caller, a, b] = [router.join(), router.join(), router.join()];
  for (const callee of [a, b]) callee.register("com.x", { invoke: "roundrobin" });
  for (const options of [{ runmode: "partition", rkey: "k" }, { runmode: "partition" }, { runmode: "all" }, NO_OPTIONS])
    caller.call("com.x", [], options);
  expect([a.inbox.length, b.inbox.length, caller.inbox]).toEqual([2, 2, []]);
});
