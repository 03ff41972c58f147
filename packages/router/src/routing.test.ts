// Basic Profile: publish and subscribe, remote procedure calls, and what happens to them when somebody leaves.
import { MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import { ALL_ROLES, TestRouter } from "@junctor/testkit";
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
  test("no unknown option crosses the router, in any direction (AMB-16, T29)", () => {
    const router = new TestRouter();
    const [a, b] = [router.join(), router.join()];
    b.subscribe("com.", { match: "prefix" });
    b.register("com.x");
    const own = {
      x_own: 1,
      _own: 2,
      trustlevel: 9,
      caller: 1,
      publisher: 1,
      callee: 1,
      callee_authid: "x",
      forward_for: [],
      procedure: "com.y",
      topic: "com.y",
    };
    const call = () => {
      a.call("com.x", [], own);
      const { request, details } = b.take(MessageType.Invocation);
      expect(details).toEqual({});
      return request;
    };
    a.publish("com.x", [], own);
    expect(b.take(MessageType.Event).details).toEqual({ topic: "com.x" });
    b.yield(call(), [], own);
    expect(a.take(MessageType.Result).details).toEqual({});
    const request = call();
    b.send({
      type: MessageType.Error,
      requestType: MessageType.Invocation,
      request,
      details: own,
      error: "com.mine",
      payload: Payload.EMPTY,
    });
    expect(a.take(MessageType.Error).details).toEqual({});
  });
  test.each([
    [
      "com.app.topic.emergency",
      "prefix",
      ["com.app.topic.emergency", "com.app.topic.emergency.11", "com.app.topic.emergency-low"],
      ["com.app.topic.emerge", "com.app.topic", "x.com.app.topic.emergency"],
    ],
    [
      "com.app..userevent",
      "wildcard",
      ["com.app.foo.userevent", "com.app.a-b.userevent"],
      ["com.app.foo.userevent.bar", "com.app.foo.user", "com.app2.foo.userevent", "com.app.userevent"],
    ],
    ["com.app", "exact", ["com.app"], ["com.app.x", "com.ap", "com.app2"]],
    ["com.app", undefined, ["com.app"], ["com.app.x", "com.ap"]],
  ] as const)("%s, matched as %s (PS-01, PS-PAT-01, RPC-PAT-01 to RPC-PAT-03, URI-10, AMB-84)", (uri, match, yes, no) => {
    const router = new TestRouter();
    const [a, b] = [router.join(), router.join()];
    const options = match === undefined ? NO_OPTIONS : { match };
    b.subscribe(uri, options);
    b.register(uri, options);
    for (const topic of [...yes, ...no]) {
      a.publish(topic);
      a.call(topic);
    }
    const reached = (type: number) =>
      b.inbox.flatMap((message) => {
        if (message.type !== type) return [];
        if (message.type === MessageType.Event) return [message.details.topic ?? uri];
        return message.type === MessageType.Invocation ? [message.details.procedure ?? uri] : [];
      });
    expect(reached(MessageType.Event)).toEqual(yes);
    expect(reached(MessageType.Invocation)).toEqual(yes);
    expect(a.inbox).toHaveLength(no.length); // no_such_procedure
  });
  test("topics and procedures are Unicode text in one name space: the same URI may be both (URI-01)", () => {
    const router = new TestRouter();
    const [a, b] = [router.join(), router.join()];
    b.subscribe("com.straße.雪");
    b.register("com.straße.雪");
    a.publish("com.straße.雪", [1]);
    a.call("com.straße.雪", [2]);
    expect([b.take(MessageType.Event).payload.args, b.take(MessageType.Invocation).payload.args]).toEqual([[1], [2]]);
  });
  test("nothing is subtracted from a pattern by giving up a part of it (PS-PAT-05, RPC-PAT-08)", () => {
    const router = new TestRouter();
    const [a, b] = [router.join(), router.join()];
    b.subscribe("com.", { match: "prefix" });
    b.register("com.", { match: "prefix" });
    const [subscription, registration] = [b.subscribe("com.x"), b.register("com.x")];
    b.send({ type: MessageType.Unsubscribe, request: ++b.request, subscription });
    b.send({ type: MessageType.Unregister, request: ++b.request, registration });
    b.inbox = [];
    a.publish("com.x");
    a.call("com.x");
    expect(b.inbox.map(({ type }) => type)).toEqual([MessageType.Event, MessageType.Invocation]);
  });
  test("a publication is answered only if it asks for that, whether it succeeds or fails (PS-07, PS-08)", () => {
    const peer = new TestRouter().join();
    peer.publish("com.x");
    peer.publish("com..x");
    peer.publish("com.x", [], { acknowledge: false });
    expect(peer.inbox).toEqual([]);
    peer.publish("com.x", [], { acknowledge: true });
    expect(peer.take(MessageType.Published)).toMatchObject({ request: peer.request });
    peer.publish("com..x", [], { acknowledge: true });
    expect(peer.take(MessageType.Error)).toMatchObject({ requestType: MessageType.Publish, request: peer.request, error: Uri.invalidUri });
  });
  test("ids of subscriptions and registrations are never used again (AMB-27, ID-03)", () => {
    const peer = new TestRouter().join();
    const seen = new Set<number>();
    for (let i = 0; i < 5; i++) {
      const [subscription, registration] = [peer.subscribe("com.x"), peer.register("com.x")];
      for (const id of [subscription, registration]) seen.add(id);
      peer.send({ type: MessageType.Unsubscribe, request: ++peer.request, subscription });
      peer.send({ type: MessageType.Unregister, request: ++peer.request, registration });
      peer.inbox = [];
    }
    expect(seen.size).toBe(10);
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
  test("a caller that leaves in the middle of progressive results stops them (RPC-PCR-08, RPC-10)", () => {
    const { router, caller, callee } = setup();
    caller.call("com.x", [], { receive_progress: true });
    const { request } = callee.take(MessageType.Invocation);
    callee.yield(request, [1], { progress: true });
    caller.take(MessageType.Result);
    caller.close("transport.lost");
    expect(callee.take(MessageType.Interrupt)).toMatchObject({ request, options: { mode: "killnowait" } });
    callee.yield(request, [2], { progress: true });
    callee.yield(request, [3]);
    expect([caller.inbox, callee.inbox, callee.closed]).toEqual([[], [], undefined]);
    expect(router.router.realm("realm1")?.counters.callsInFlight).toBe(0);
  });
  test("what a callee sends after its final answer is dropped, and nothing of the call is kept (AMB-61)", () => {
    const { router, caller, callee } = setup();
    caller.call("com.x", [], { receive_progress: true });
    const { request } = callee.take(MessageType.Invocation);
    callee.yield(request, [1]);
    caller.take(MessageType.Result);
    callee.yield(request, [2]);
    callee.yield(request, [3], { progress: true });
    expect([caller.inbox, callee.closed]).toEqual([[], undefined]);
    const realm = router.router.realm("realm1");
    expect([...(realm?.sessions.values() ?? [])].flatMap(({ calls, invocations }) => [calls.size, invocations.size])).toEqual([0, 0, 0, 0]);
    expect(realm?.counters).toMatchObject({ callsInFlight: 0, lateAnswers: 2 });
  });
  test("the registration that was chosen is final: a less specific one is not tried instead (AMB-40)", () => {
    const { router, caller, callee } = setup();
    const other = router.join();
    other.register("com.", { match: "prefix" });
    other.register("", { match: "wildcard" });
    caller.call("com.x");
    const { request } = callee.take(MessageType.Invocation);
    callee.send({
      type: MessageType.Error,
      requestType: MessageType.Invocation,
      request,
      details: {},
      error: Uri.unavailable,
      payload: Payload.EMPTY,
    });
    expect(caller.take(MessageType.Error).requestType).toBe(MessageType.Call);
    caller.call("com.x");
    callee.close("transport.lost");
    expect(caller.take(MessageType.Error).error).toBe(Uri.canceled);
    expect(other.inbox).toEqual([]);
  });
  test("a callee that is to be killed and leaves instead ends the call (AMB-54)", () => {
    const { caller, callee } = setup();
    const request = caller.call("com.x");
    caller.send({ type: MessageType.Cancel, request, options: { mode: "kill" } });
    expect(caller.inbox).toEqual([]);
    callee.close("transport.lost");
    expect(caller.take(MessageType.Error)).toMatchObject({ request, error: Uri.canceled });
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
  test("a flood of progressive results ends its call where its caller has no room for them: both sides are told, and live (T33)", () => {
    const { caller, callee } = setup();
    const request = caller.call("com.x", [], { receive_progress: true });
    const invocation = callee.take(MessageType.Invocation).request;
    const progress = () => callee.yield(invocation, ["part"], { progress: true });
    progress();
    caller.take(MessageType.Result);
    caller.outcome = "full";
    for (let i = 0; i < 5; i++) progress();
    expect(caller.inbox).toMatchObject([
      { type: MessageType.Error, request, error: Uri.canceled, payload: { args: [expect.stringContaining("slowly")] } },
    ]);
    expect(callee.inbox).toMatchObject([{ type: MessageType.Interrupt, request: invocation, options: { mode: "killnowait" } }]);
    callee.inbox = [];
    caller.inbox = [];
    caller.outcome = "sent";
    caller.call("com.x", ["x"]);
    callee.yield(callee.take(MessageType.Invocation).request, ["y"]);
    expect(caller.take(MessageType.Result).payload.args).toEqual(["y"]);
  });

  test("a call that its callee has no room for ends with an error, and the callee's session lives (G5)", () => {
    const { caller, callee } = setup();
    callee.outcome = "full";
    caller.call("com.x", ["x"]);
    expect(caller.take(MessageType.Error)).toMatchObject({ error: Uri.noAvailableCallee });
    callee.outcome = "sent";
    caller.call("com.x", ["x"]);
    callee.yield(callee.take(MessageType.Invocation).request, ["y"]);
    expect(caller.take(MessageType.Result).payload.args).toEqual(["y"]);
  });
});
