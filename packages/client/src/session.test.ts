// A session with a router that does what it should not, or at the worst moment (requirements 2 to 5, client side).
import { PayloadError, SessionClosedError, Uri } from "@junctor/client";
import { JsonSerializer, MessageType, NO_OPTIONS, Payload } from "@junctor/protocol";
import { failure, Inbox, ScriptedRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

const FEATURES = ["call_canceling", "call_timeout", "progressive_call_invocations"];
const join = () => ScriptedRouter.join(...FEATURES);

/** Something of everything that waits, and what became of it. */
async function busy() {
  const { session, router, sent } = await join();
  const registering = session.register(
    "com.mine",
    ({ signal }) => new Promise(() => signal.addEventListener("abort", () => aborted.push(1))),
  );
  const aborted: number[] = [];
  const { request } = await router.take(MessageType.Register);
  router.send({ type: MessageType.Registered, request, registration: 5 });
  const registration = await registering;
  router.invoke(1, 5);
  const waiting = [
    session.call("com.x"),
    session.stream("com.y", [], {}, { chunks: neverEnding() }).result,
    session.publish("com.t", [], {}, { acknowledge: true }),
    session.subscribe("com.t", () => {}),
    session.register("com.r", () => {}),
    registration.unregister(),
  ].map(failure);
  await sent.count(2 + waiting.length);
  return { session, router, waiting, aborted };
}

async function* neverEnding() {
  await new Promise(() => {});
  yield 1;
}

describe("everything that waits settles once, with a SessionClosedError, and handlers are told,", () => {
  test.each<[string, (place: Awaited<ReturnType<typeof busy>>) => unknown, string, boolean]>([
    ["when the connection is lost", ({ router }) => router.close("transport.lost"), "transport.lost", false],
    ["when the router says GOODBYE", ({ router }) => router.goodbye(Uri.systemShutdown), Uri.systemShutdown, true],
    [
      "when the router aborts",
      ({ router }) => router.send({ type: MessageType.Abort, details: {}, reason: Uri.protocolViolation, payload: Payload.EMPTY }),
      Uri.protocolViolation,
      false,
    ],
    ["when the router breaks the protocol", ({ router }) => router.result(999), Uri.protocolViolation, false],
    [
      "when the client leaves",
      ({ session, router }) => {
        void session.leave();
        router.goodbye();
      },
      Uri.goodbyeAndOut,
      true,
    ],
  ])("%s (SES-20, SES-24, AMB-03, AMB-04)", async (_when, happen, reason, wasClean) => {
    const place = await busy();
    happen(place);
    for (const error of await Promise.all(place.waiting)) expect(error).toMatchObject({ name: "SessionClosedError", sent: true });
    expect(await place.session.closed).toMatchObject({ reason, wasClean });
    expect([place.session.isOpen, place.aborted]).toEqual([false, [1]]);
    expect(await failure(place.session.call("com.x"))).toMatchObject({ name: "SessionClosedError", sent: false });
    expect(await failure(place.session.subscribe("com.x", () => {}))).toBeInstanceOf(SessionClosedError);
  });
});

describe("an answer of the wrong kind ends the session (PERR-02)", () => {
  test.each([
    ["SUBSCRIBED", { type: MessageType.Subscribed, request: 1, subscription: 1 } as const],
    ["PUBLISHED", { type: MessageType.Published, request: 1, publication: 1 } as const],
    [
      "an ERROR for another request type",
      {
        type: MessageType.Error,
        requestType: MessageType.Publish,
        request: 1,
        details: NO_OPTIONS,
        error: "com.e",
        payload: Payload.EMPTY,
      } as const,
    ],
  ])("%s for a call", async (_what, answer) => {
    const { session, router } = await join();
    const calling = failure(session.call("com.x"));
    await router.take(MessageType.Call);
    router.send(answer);
    expect(await calling).toMatchObject({ reason: expect.stringContaining(Uri.protocolViolation), cause: { code: "UNEXPECTED_MESSAGE" } });
    expect(await router.take(MessageType.Abort)).toMatchObject({ reason: Uri.protocolViolation });
    expect((await session.closed).message).toContain("CALL com.x");
  });

  test("but what answers a call that was given up is late, and no error", async () => {
    const { session, router } = await join();
    const button = new AbortController();
    const calling = failure(session.call("com.x", [], {}, { signal: button.signal }));
    await router.take(MessageType.Call);
    button.abort("enough");
    expect(await calling).toBe("enough");
    await router.take(MessageType.Cancel);
    router.error(MessageType.Call, 1, Uri.canceled);
    router.result(1);
    const next = session.call("com.y");
    const { request } = await router.take(MessageType.Call);
    router.result(request, ["fine"]);
    expect((await next).value).toBe("fine");
  });
});

describe("an AbortSignal", () => {
  test("that has aborted before sends nothing, and uses up no request id (ID-04)", async () => {
    const { session, router, sent } = await join();
    const signal = AbortSignal.abort("no");
    for (const request of [
      session.call("com.x", [], {}, { signal }),
      session.publish("com.t", [], {}, { signal }),
      session.subscribe("com.t", () => {}, { signal }),
      session.register("com.r", () => {}, { signal }),
    ])
      expect(await failure(request)).toBe("no");
    expect(sent.all).toHaveLength(1);
    void failure(session.call("com.x"));
    expect((await router.take(MessageType.Call)).request).toBe(1);
  });

  test("that aborts after the answer changes nothing", async () => {
    const { session, router, sent } = await join();
    const button = new AbortController();
    const calling = session.call("com.x", [], {}, { signal: button.signal });
    await router.take(MessageType.Call);
    router.result(1, [1]);
    expect((await calling).value).toBe(1);
    button.abort();
    expect(sent.all.map(({ type }) => type)).toEqual([MessageType.Hello, MessageType.Call]);
  });

  test("of a SUBSCRIBE or a REGISTER under way has what comes of it undone", async () => {
    const { session, router } = await join();
    const button = new AbortController();
    const { signal } = button;
    const waiting = [session.subscribe("com.t", () => {}, { signal }), session.register("com.r", () => {}, { signal })].map(failure);
    await router.take(MessageType.Subscribe);
    await router.take(MessageType.Register);
    button.abort("enough");
    expect(await Promise.all(waiting)).toEqual(["enough", "enough"]);
    router.send({ type: MessageType.Subscribed, request: 1, subscription: 7 });
    router.send({ type: MessageType.Registered, request: 2, registration: 8 });
    expect(await router.take(MessageType.Unsubscribe)).toMatchObject({ subscription: 7 });
    expect(await router.take(MessageType.Unregister)).toMatchObject({ registration: 8 });
  });
});

describe("a subscription that handlers share (PS-04, AMB-70)", () => {
  async function subscribed() {
    const place = await join();
    const heard: string[] = [];
    const subscribe = async (name: string, also: () => unknown = () => {}) => {
      const subscribing = place.session.subscribe("com.t", () => {
        heard.push(name);
        return also();
      });
      const { request } = await place.router.take(MessageType.Subscribe);
      place.router.send({ type: MessageType.Subscribed, request, subscription: 7 });
      return subscribing;
    };
    /** Waits until what the router has sent has arrived. */
    const settle = async () => {
      const calling = place.session.call("com.settle");
      let message = await place.sent.next();
      while (message.type !== MessageType.Call) message = await place.sent.next();
      place.router.result(message.request);
      await calling;
    };
    return { ...place, heard, subscribe, settle };
  }

  test("tells each of them; the last that ends it unsubscribes", async () => {
    const { router, heard, subscribe, sent } = await subscribed();
    const [a, b] = [await subscribe("a"), await subscribe("b")];
    await a.unsubscribe();
    expect(sent.all.filter(({ type }) => type === MessageType.Unsubscribe)).toEqual([]);
    const ending = b.unsubscribe();
    const { request, subscription } = await router.take(MessageType.Unsubscribe);
    expect(subscription).toBe(7);
    router.event(7, ["too late"]);
    router.send({ type: MessageType.Unsubscribed, request, details: undefined });
    await ending;
    expect(heard).toEqual([]);
  });

  test("tells no handler that another one has just ended", async () => {
    const { router, heard, subscribe, settle } = await subscribed();
    await subscribe("a", () => other.unsubscribe());
    const other = await subscribe("b");
    router.event(7);
    router.event(7);
    await settle();
    expect(heard).toEqual(["a", "a"]);
  });

  test("is not ended while a SUBSCRIBE for it is under way, whether that one is given up, refused or fails to leave", async () => {
    const { session, router, sent } = await subscribed();
    // Both are under way; then one of them is answered.
    const both = [session.subscribe("com.t", () => {}), session.subscribe("com.t", () => {})] as const;
    const asked = await router.take(MessageType.Subscribe);
    const { request } = await router.take(MessageType.Subscribe);
    router.send({ type: MessageType.Subscribed, request: asked.request, subscription: 7 });
    const first = await both[0];
    const joining = both[1];
    // One that fails before it is sent counts for nothing.
    expect(await failure(session.subscribe("com.t", () => {}, { signal: AbortSignal.abort("no") }))).toBe("no");
    await first.unsubscribe();
    expect(sent.all.filter(({ type }) => type === MessageType.Unsubscribe)).toEqual([]);
    router.send({ type: MessageType.Subscribed, request, subscription: 7 });
    const second = await joining;

    const button = new AbortController();
    const givenUp = failure(session.subscribe("com.t", () => {}, { signal: button.signal }));
    const late = await router.take(MessageType.Subscribe);
    button.abort("enough");
    expect(await givenUp).toBe("enough");
    router.error(MessageType.Subscribe, late.request, Uri.notAuthorized);
    const refused = failure(session.subscribe("com.t", () => {}));
    router.error(MessageType.Subscribe, (await router.take(MessageType.Subscribe)).request, Uri.notAuthorized);
    expect(await refused).toMatchObject({ uri: Uri.notAuthorized });
    void second.unsubscribe();
    expect(await router.take(MessageType.Unsubscribe)).toMatchObject({ subscription: 7 }); // nothing is thought to be under way
  });
});

describe("chunks of an invocation", () => {
  test("that come after its answer are dropped, up to the last (RPC-PCI-10)", async () => {
    const { session, router } = await join();
    const registering = session.register("com.mine", ({ args }) => args[0]);
    const { request } = await router.take(MessageType.Register);
    router.send({ type: MessageType.Registered, request, registration: 5 });
    await registering;
    const more = { progress: true };
    router.invoke(1, 5, ["first"], more);
    expect(await router.take(MessageType.Yield)).toMatchObject({ request: 1, payload: { args: ["first"] } });
    router.invoke(1, 5, ["late"], more);
    router.invoke(1, 5, ["last"]);
    router.invoke(2, 5, ["new"]);
    expect(await router.take(MessageType.Yield)).toMatchObject({ request: 2, payload: { args: ["new"] } });
  });

  test("of a registration that is gone are refused once (AMB-45, RPC-PCI-10)", async () => {
    const { session, router } = await join();
    router.invoke(1, 4711, [], { progress: true });
    router.invoke(1, 4711, [], { progress: true });
    router.invoke(1, 4711);
    router.invoke(2, 4711);
    expect(await router.take(MessageType.Error)).toMatchObject({ request: 1, error: Uri.noSuchRegistration });
    expect(await router.take(MessageType.Error)).toMatchObject({ request: 2 });
    expect(session.isOpen).toBe(true);
  });
});

// A string that starts with U+0000 is bytes in Base64 (AMB-28). One that is none passes every router that does not read it.
describe("arguments that cannot be read", () => {
  const json = new JsonSerializer();
  const bad = (text: string) => json.decode(new TextEncoder().encode(text));

  test("fail what they belong to, and the session lives: an event, a result, a progressive one, an error", async () => {
    const router = new ScriptedRouter();
    const troubles = new Inbox<unknown>();
    const joining = router.connect({ onHandlerError: (error) => troubles.push(error) });
    await router.take(MessageType.Hello);
    router.welcome(...FEATURES);
    const session = await joining;
    const heard = new Inbox<unknown>();
    const subscribing = session.subscribe("com.t", ({ args }) => heard.push(args[0]));
    await router.take(MessageType.Subscribe);
    router.send({ type: MessageType.Subscribed, request: 1, subscription: 7 });
    await subscribing;
    router.send(bad('[36,7,1,{},["\\u0000%"]]'));
    expect(await troubles.next()).toBeInstanceOf(PayloadError);
    router.event(7, ["fine"]);
    expect(await heard.next()).toBe("fine");

    const calling = failure(session.call("com.x"));
    router.send(bad('[50,2,{},["\\u0000%"]]'));
    expect(await calling).toBeInstanceOf(PayloadError);
    const streaming = failure(session.call("com.x", [], {}, { onProgress: () => {} }));
    router.send(bad('[50,3,{"progress":true},["\\u0000%"]]'));
    expect(await streaming).toBeInstanceOf(PayloadError);
    const failing = failure(session.call("com.x"));
    router.send(bad('[8,48,4,{},"com.error.bad",["\\u0000%"]]'));
    expect(await failing).toMatchObject({ uri: "com.error.bad", args: [], cause: { name: "PayloadError" } });
    expect(session.isOpen).toBe(true);
  });

  test("of a call are answered with invalid_argument, those of a chunk too (AMB-129)", async () => {
    const { session, router } = await join();
    const registering = session.register("com.mine", async ({ chunks }) => {
      for await (const _ of chunks);
    });
    await router.take(MessageType.Register);
    router.send({ type: MessageType.Registered, request: 1, registration: 5 });
    await registering;
    router.send(bad('[68,1,5,{},["\\u0000%"]]'));
    expect(await router.take(MessageType.Error)).toMatchObject({ request: 1, error: Uri.invalidArgument });
    router.invoke(2, 5, [], { progress: true });
    router.send(bad('[68,2,5,{},["\\u0000%"]]'));
    expect(await router.take(MessageType.Error)).toMatchObject({ request: 2, error: Uri.invalidArgument });
  });
});

describe("leaving", () => {
  test("waits for the router's GOODBYE no longer than it takes (AMB-06)", async () => {
    const { session, router } = await join();
    const leaving = session.leave();
    await router.take(MessageType.Goodbye);
    router.clock.advance(5_000);
    expect(await leaving).toMatchObject({ wasClean: false, message: "the router did not answer GOODBYE" });
  });

  test("twice is leaving once, and what comes meanwhile is ignored (SES-22)", async () => {
    const { session, router, sent } = await join();
    const [one, two] = [session.leave(), session.leave()];
    await router.take(MessageType.Goodbye);
    router.event(1);
    router.result(1);
    router.goodbye();
    expect(await one).toBe(await two);
    expect((await one).wasClean).toBe(true);
    expect(sent.all).toHaveLength(2);
  });

  test("answers a GOODBYE of the router, once (AMB-04)", async () => {
    const { session, router } = await join();
    router.goodbye(Uri.systemShutdown);
    expect(await router.take(MessageType.Goodbye)).toMatchObject({ reason: Uri.goodbyeAndOut });
    expect(await session.closed).toMatchObject({ reason: Uri.systemShutdown, wasClean: true });
  });
});
