import { MessageType, NO_OPTIONS, Uri } from "@junctor/protocol";
import { ALLOW_ALL, realmConfig, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";
import type { LocalCall, LocalProcedure } from "./local-call.ts";

const PROCEDURE = "wamp.test.echo";

function withProcedure(endpoint: LocalProcedure, options: ConstructorParameters<typeof TestRouter>[0] = {}): TestRouter {
  const router = new TestRouter(options);
  router.router.realm("realm1")?.dealer.provide(PROCEDURE, endpoint);
  return router;
}
const inFlight = (router: TestRouter) => router.router.realm("realm1")?.counters.callsInFlight;

test("the router answers its own procedures with a result or an error, at once (SES-05, RPC-06)", () => {
  const router = withProcedure((call) => {
    if (call.payload.args === undefined) call.fail({ error: Uri.invalidArgument, args: ["one is missing"] });
    else call.result(call.payload.args, { caller: call.caller.id });
  });
  const peer = router.join();
  const first = peer.call(PROCEDURE, ["a", 1]);
  const { request, payload } = peer.take(MessageType.Result);
  expect([request, payload.args, payload.kwargs]).toEqual([first, ["a", 1], { caller: peer.session }]);
  const second = peer.call(PROCEDURE);
  expect(peer.take(MessageType.Error)).toMatchObject({ requestType: MessageType.Call, request: second, error: Uri.invalidArgument });
  expect([peer.inbox, inFlight(router)]).toEqual([[], 0]);
});

test("an answer may come later, and calls are entered in the order of their messages (RPC-09)", () => {
  const calls: LocalCall[] = [];
  const router = withProcedure((call) => calls.push(call));
  const peer = router.join();
  const requests = [peer.call(PROCEDURE, [1]), peer.call(PROCEDURE, [2])];
  expect(calls.map((call) => call.payload.args)).toEqual([[1], [2]]);
  expect([peer.inbox, inFlight(router)]).toEqual([[], 2]);
  for (const call of calls.reverse()) call.result();
  expect(peer.inbox.map((message) => "request" in message && message.request)).toEqual(requests.reverse());
  expect(inFlight(router)).toBe(0);
});

test("the first answer is the only one, whatever comes after it (RPC-08)", () => {
  const router = withProcedure((call) => {
    call.result([1]);
    call.result([2]);
    call.fail({ error: Uri.canceled, args: [] });
  });
  const peer = router.join();
  const request = peer.call(PROCEDURE);
  expect(peer.take(MessageType.Result).payload.args).toEqual([1]);
  peer.send({ type: MessageType.Cancel, request, options: NO_OPTIONS });
  expect([peer.inbox, inFlight(router)]).toEqual([[], 0]);
});

test.each(["skip", "kill", "killnowait"] as const)(
  "%s cancels a call that is not answered yet, and its answer goes nowhere (RPC-CANCEL-06)",
  (mode) => {
    const calls: LocalCall[] = [];
    const router = withProcedure((call) => calls.push(call));
    const peer = router.join();
    const request = peer.call(PROCEDURE);
    peer.send({ type: MessageType.Cancel, request, options: { mode } });
    expect(peer.take(MessageType.Error)).toMatchObject({ request, error: Uri.canceled });
    expect(calls[0]?.isEnded).toBe(true);
    calls[0]?.result();
    expect([peer.inbox, inFlight(router)]).toEqual([[], 0]);
  },
);

test("a caller that leaves gets no answer, and leaves nothing behind (RPC-10, SES-24)", () => {
  const calls: LocalCall[] = [];
  const router = withProcedure((call) => calls.push(call));
  const peer = router.join();
  peer.call(PROCEDURE);
  peer.close("transport.lost");
  expect([calls[0]?.isEnded, inFlight(router)]).toEqual([true, 0]);
  calls[0]?.result();
  expect([peer.inbox, inFlight(router)]).toEqual([[], 0]);
});

test("a role that may not call it is refused before it is entered (AMB-97, AUTHZ-04)", () => {
  const denied = { uri: PROCEDURE, match: "exact", allow: { call: false } } as const;
  const router = withProcedure(
    () => {
      throw new Error("must not be entered");
    },
    { realms: [realmConfig("realm1", [ALLOW_ALL, denied])] },
  );
  const peer = router.join();
  peer.call(PROCEDURE);
  expect(peer.take(MessageType.Error).error).toBe(Uri.notAuthorized);
});

test("no registration stands for it, none takes it over, and no pattern captures it (AMB-20, AMB-95)", () => {
  const router = withProcedure((call) => call.result(["the router"]));
  const realm = router.router.realm("realm1");
  expect(realm?.dealer.registrationCount).toBe(0);
  const peer = router.join();
  for (const [procedure, match] of [
    ["", "prefix"],
    ["w", "prefix"],
    ["..", "wildcard"],
  ] as const)
    peer.register(procedure, { match });
  peer.call(PROCEDURE);
  expect(peer.take(MessageType.Result).payload.args).toEqual(["the router"]);

  const trusted = router.join({ callee: {} }, "realm1", true);
  trusted.send({ type: MessageType.Register, request: 1, options: NO_OPTIONS, procedure: PROCEDURE });
  expect(trusted.take(MessageType.Error).error).toBe(Uri.procedureAlreadyExists);
  expect(() => realm?.dealer.provide("com.app.echo", () => {})).toThrow(TypeError);
});

test("it takes plain calls only, and counts among the calls in flight (RPC-PCI-05, PPT-08, AMB-135)", () => {
  const calls: LocalCall[] = [];
  const router = withProcedure((call) => calls.push(call), { limits: { callsPerSession: 1 } });
  const peer = router.join();
  peer.call(PROCEDURE, [], { ppt_scheme: "x_custom" });
  expect(peer.take(MessageType.Error).error).toBe(Uri.featureNotSupported);
  peer.call(PROCEDURE);
  peer.call(PROCEDURE);
  expect(peer.take(MessageType.Error).error).toBe("junctor.error.limit_exceeded");
  expect(calls).toHaveLength(1);
});

test.each([
  ["too-large", Uri.payloadSizeExceeded],
  ["unserializable", Uri.invalidArgument],
] as const)("a result that its caller cannot take is an error: %s (AMB-28, AMB-67)", (outcome, error) => {
  const peer = withProcedure((call) => call.result(["long"])).join();
  peer.outcome = outcome;
  peer.call(PROCEDURE);
  expect(peer.take(MessageType.Error)).toMatchObject({ error });
});
