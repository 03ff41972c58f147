// Basic Profile: publish and subscribe, remote procedure calls, and what happens to them when somebody leaves.
import { type Message, MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import { ALL_ROLES, TestRouter } from "@junctor/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

describe("publish and subscribe", () => {
  test("an event carries its ids and the publisher's payload, and nothing the publisher claims (PS-10, MSG-14, T29)", () => {
    const router = new TestRouter();
    const [a, b] = [router.join(), router.join()];
    const subscription = b.subscribe("com.x");
    a.send({
      type: MessageType.Publish,
      request: ++a.request,
      options: { acknowledge: true, publisher: 1, trustlevel: 9 } as object,
      topic: "com.x",
      payload: Payload.of([1], { k: 2 }),
    });
    const { publication } = a.take(MessageType.Published);
    const event = b.take(MessageType.Event);
    expect(event).toMatchObject({ subscription, publication, details: {} });
    expect(event.details).toEqual({});
    expect([event.payload.args, event.payload.kwargs]).toEqual([[1], { k: 2 }]);
  });
  test("one event object serves all receivers of a subscription", () => {
    const router = new TestRouter();
    const [a, b, c] = [router.join(), router.join(), router.join()];
    b.subscribe("com.x");
    c.subscribe("com.x");
    a.publish("com.x");
    expect(b.inbox[0]).toBe(c.inbox[0]);
  });
  test("a second SUBSCRIBE gets the same id, one UNSUBSCRIBE ends it, a second is refused (PS-03, PS-06, AMB-70)", () => {
    const router = new TestRouter();
    const [a, b] = [router.join(), router.join()];
    const id = b.subscribe("com.x");
    expect(b.subscribe("com.x")).toBe(id);
    const unsubscribe = () => b.send({ type: MessageType.Unsubscribe, request: ++b.request, subscription: id });
    unsubscribe();
    b.take(MessageType.Unsubscribed);
    unsubscribe();
    expect(b.take(MessageType.Error)).toMatchObject({ error: Uri.noSuchSubscription, requestType: MessageType.Unsubscribe });
    a.publish("com.x");
    expect(b.inbox).toEqual([]);
  });
  test("somebody else's subscription cannot be ended (T12)", () => {
    const router = new TestRouter();
    const [a, b] = [router.join(), router.join()];
    a.send({ type: MessageType.Unsubscribe, request: 1, subscription: b.subscribe("com.x") });
    expect(a.take(MessageType.Error).error).toBe(Uri.noSuchSubscription);
    a.request = 1;
    a.publish("com.x");
    b.take(MessageType.Event);
  });
  test("a receiver that cannot take an event does not keep it from the others (AMB-67)", () => {
    const router = new TestRouter();
    const [a, b, c, d] = [router.join(), router.join(), router.join(), router.join()];
    for (const peer of [b, c, d]) peer.subscribe("com.x");
    b.outcome = "too-large";
    c.outcome = "dropped";
    a.publish("com.x", ["x"]);
    d.take(MessageType.Event);
    expect(router.router.realm("realm1")?.counters).toMatchObject({
      publications: 1,
      eventsSent: 1,
      eventsDropped: 1,
      eventsUndeliverable: 1,
    });
  });
});

describe("calls", () => {
  const setup = () => {
    const router = new TestRouter();
    const [caller, callee] = [router.join(), router.join()];
    const registration = callee.register("com.x");
    return { router, caller, callee, registration };
  };

  test("go to the callee and come back, payload unchanged (RPC-04 to RPC-06, RPC-14, MSG-14)", () => {
    const { caller, callee, registration } = setup();
    const request = caller.call("com.x", [1, "a"]);
    const invocation = callee.take(MessageType.Invocation);
    expect(invocation).toMatchObject({ request: 1, registration, details: {} });
    expect(invocation.payload.args).toEqual([1, "a"]);
    callee.yield(invocation.request, [2]);
    expect(caller.take(MessageType.Result)).toMatchObject({ request, details: {} });
    caller.call("com.x");
    callee.send({
      type: MessageType.Error,
      requestType: MessageType.Invocation,
      request: 2,
      details: {},
      error: "com.bad",
      payload: Payload.of([3], { k: 4 }),
    });
    const error = caller.take(MessageType.Error);
    expect(error).toMatchObject({ requestType: MessageType.Call, request: 4 - 2, error: "com.bad" });
    expect([error.payload.args, error.payload.kwargs]).toEqual([[3], { k: 4 }]);
  });
  test("a taken procedure is refused, also to its own callee (RPC-02, AMB-36)", () => {
    const { router, callee } = setup();
    for (const peer of [callee, router.join()]) {
      peer.send({ type: MessageType.Register, request: ++peer.request, options: NO_OPTIONS, procedure: "com.x" });
      expect(peer.take(MessageType.Error)).toMatchObject({ error: Uri.procedureAlreadyExists, requestType: MessageType.Register });
    }
  });
  test("a missing procedure is an error (RPC-07)", () => {
    const { caller } = setup();
    caller.call("com.y");
    expect(caller.take(MessageType.Error)).toMatchObject({ error: Uri.noSuchProcedure, requestType: MessageType.Call });
  });
  test("a session may call itself (AMB-69)", () => {
    const { callee } = setup();
    callee.call("com.x");
    callee.yield(callee.take(MessageType.Invocation).request, [1]);
    expect(callee.take(MessageType.Result).payload.args).toEqual([1]);
  });
  test.each(["lost", "goodbye", "abort", "violation", "killed"])(
    "a callee that leaves by %s fails its calls at once (RPC-12, AMB-41)",
    (way) => {
      const { router, caller, callee } = setup();
      caller.call("com.x");
      caller.call("com.x");
      if (way === "lost") callee.close("transport.lost");
      else if (way === "goodbye") callee.send({ type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm });
      else if (way === "abort") callee.send({ type: MessageType.Abort, details: {}, reason: "com.x", payload: Payload.EMPTY });
      else if (way === "violation") callee.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } });
      else router.router.close();
      const errors = caller.inbox.filter((message) => message.type === MessageType.Error);
      if (way === "killed") return; // the caller left as well
      expect(errors).toMatchObject([{ error: Uri.canceled }, { error: Uri.canceled }]);
      caller.call("com.x");
      expect(caller.inbox.at(-1)).toMatchObject({ error: Uri.noSuchProcedure });
    },
  );
  test("a caller that leaves interrupts what it called, and late answers are dropped (RPC-10, RPC-11, AMB-56)", () => {
    const { router, caller, callee } = setup();
    caller.call("com.x");
    const { request } = callee.take(MessageType.Invocation);
    caller.close("transport.lost");
    expect(callee.take(MessageType.Interrupt)).toMatchObject({ request, options: { mode: "killnowait" } });
    callee.yield(request);
    expect([callee.inbox, callee.closed]).toEqual([[], undefined]);
    expect(router.router.realm("realm1")?.counters).toMatchObject({ callsInFlight: 0, lateAnswers: 1 });
  });
  test("UNREGISTER lets calls in flight finish (AMB-44)", () => {
    const { caller, callee, registration } = setup();
    caller.call("com.x");
    callee.send({ type: MessageType.Unregister, request: ++callee.request, registration });
    const { request } = callee.take(MessageType.Invocation);
    callee.take(MessageType.Unregistered);
    callee.yield(request, [7]);
    expect(caller.take(MessageType.Result).payload.args).toEqual([7]);
    caller.call("com.x");
    expect(caller.take(MessageType.Error).error).toBe(Uri.noSuchProcedure);
  });
  test("answers to ids of another session do nothing, to ids never issued end the session (AMB-42, AMB-43, PERR-05)", () => {
    const { router, caller, callee } = setup();
    const other = router.join();
    other.register("com.y");
    caller.call("com.y");
    other.yield(other.take(MessageType.Invocation).request);
    caller.take(MessageType.Result);
    caller.call("com.x");
    other.yield(1, ["forged"]); // 1 is pending for `callee`, and was issued to `other`
    expect(caller.inbox).toEqual([]);
    other.yield(2);
    expect(other.take(MessageType.Abort).reason).toBe(Uri.protocolViolation);
    callee.yield(callee.take(MessageType.Invocation).request, ["true"]);
    expect(caller.take(MessageType.Result).payload.args).toEqual(["true"]);
  });
  test("an error that is no URI ends the callee's session, and its callers are told (AMB-18)", () => {
    const { caller, callee } = setup();
    caller.call("com.x");
    callee.send({
      type: MessageType.Error,
      requestType: MessageType.Invocation,
      request: 1,
      details: {},
      error: "no uri",
      payload: Payload.EMPTY,
    });
    expect(callee.closed).toMatch(/^protocol_violation/);
    expect(caller.take(MessageType.Error).error).toBe(Uri.canceled);
  });
  test.each([
    ["too-large", Uri.payloadSizeExceeded],
    ["unserializable", Uri.invalidArgument],
  ] as const)("what the other side cannot take is an error for the caller: %s (AMB-67, AMB-28)", (outcome, error) => {
    const { caller, callee } = setup();
    callee.outcome = outcome;
    caller.call("com.x", ["x"]);
    expect(caller.take(MessageType.Error)).toMatchObject({ error });
    callee.outcome = "sent";
    caller.call("com.x", ["x"]);
    const { request } = callee.take(MessageType.Invocation);
    caller.outcome = outcome;
    callee.yield(request, ["y"]);
    expect(caller.take(MessageType.Error)).toMatchObject({ error });
    expect(callee.closed).toBeUndefined();
  });
});

// G4: exactly one final answer per call, whatever leaves, and no table keeps a dead session. Ten clients in random order.
test("random interleavings of ten clients: one final answer per call, nothing left behind (RPC-08, F29)", () => {
  const step = fc.record({ who: fc.nat(9), what: fc.nat(9), target: fc.nat(2), mode: fc.constantFrom("skip", "kill", "killnowait") });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const router = new TestRouter();
      const realm = router.router.realm("realm1");
      const peers = Array.from({ length: 10 }, (_, i) => router.join(i % 3 === 0 ? { ...ALL_ROLES, callee: {} } : ALL_ROLES));
      const finals = peers.map(() => new Map<number, number>());
      const asked = peers.map(() => new Set<number>());
      const pending: number[][] = peers.map(() => []);
      const registrations = peers.map(() => new Map<number, number>());
      const read = (i: number) => {
        const peer = peers[i] as (typeof peers)[number];
        for (const message of peer.inbox.splice(0) as Message[]) {
          if (message.type === MessageType.Invocation) pending[i]?.push(message.request);
          else if (message.type === MessageType.Registered) registrations[i]?.set(message.registration, 1);
          else if (message.type === MessageType.Result && message.details.progress !== true) count(i, message.request);
          else if (message.type === MessageType.Error && message.requestType === MessageType.Call) count(i, message.request);
          else if (message.type === MessageType.Result) expect(finals[i]?.has(message.request), "progress after the end").toBe(false);
        }
      };
      const count = (i: number, request: number) => finals[i]?.set(request, (finals[i]?.get(request) ?? 0) + 1);
      for (const { who, what, target, mode } of steps) {
        const peer = peers[who] as (typeof peers)[number];
        if (peer.closed !== undefined) continue;
        read(who);
        const invocation = pending[who]?.[0];
        switch (what) {
          case 0:
            peer.send({
              type: MessageType.Register,
              request: ++peer.request,
              options: { invoke: "roundrobin" },
              procedure: `com.${target}`,
            });
            break;
          case 1:
          case 2:
          case 3:
            asked[who]?.add(peer.call(`com.${target}`, [], target === 0 ? { receive_progress: true } : NO_OPTIONS));
            break;
          case 4:
            if (invocation !== undefined) peer.yield(pending[who]?.shift() ?? 0);
            break;
          case 5:
            if (invocation !== undefined) peer.yield(invocation, [], { progress: true });
            break;
          case 6:
            if (invocation !== undefined)
              peer.send({
                type: MessageType.Error,
                requestType: MessageType.Invocation,
                request: pending[who]?.shift() ?? 0,
                details: {},
                error: "com.e",
                payload: Payload.EMPTY,
              });
            break;
          case 7:
            peer.send({ type: MessageType.Cancel, request: [...(asked[who] ?? [])][target] ?? 1, options: { mode: mode as "kill" } });
            break;
          case 8: {
            const [id] = registrations[who]?.keys() ?? [];
            if (id !== undefined) {
              registrations[who]?.delete(id);
              peer.send({ type: MessageType.Unregister, request: ++peer.request, registration: id });
            }
            break;
          }
          default:
            if (target === 0) peer.close("transport.lost");
        }
      }
      // Whoever still has something to answer leaves: every call must have ended then.
      for (const [i, peer] of peers.entries()) {
        read(i);
        if ((pending[i]?.length ?? 0) > 0 || (registrations[i]?.size ?? 0) > 0)
          peer.send({ type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm });
      }
      for (const [i, peer] of peers.entries()) {
        read(i);
        const left = realm?.sessions.get(peer.session);
        for (const request of asked[i] ?? []) {
          const answers = finals[i]?.get(request) ?? 0;
          if (peer.closed === undefined && left !== undefined) expect(answers, `call ${request} of ${i}`).toBe(1);
          else expect(answers).toBeLessThanOrEqual(1);
        }
      }
      for (const peer of peers) peer.close("end");
      expect(realm?.counters.callsInFlight).toBe(0);
      expect([realm?.sessions.size, realm?.broker.subscriptionCount, realm?.dealer.registrationCount]).toEqual([0, 0, 0]);
    }),
    { numRuns: 1_500 },
  );
});
