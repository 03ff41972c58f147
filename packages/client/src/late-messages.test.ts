// Messages that cross with what ended their subject: never an error of the router (AMB-45, AMB-87).

import { type Message, MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import { ScriptedRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

test("a call of a registration that is gone is answered with no_such_registration, and the session goes on (AMB-45)", async () => {
  const { session, router, sent } = await ScriptedRouter.join();
  router.send({ type: MessageType.Invocation, request: 1, registration: 4711, details: NO_OPTIONS, payload: Payload.EMPTY });
  expect(await sent.next()).toMatchObject({
    type: MessageType.Error,
    requestType: MessageType.Invocation,
    request: 1,
    error: Uri.noSuchRegistration,
  });
  expect(session.isOpen).toBe(true);
});

test("until UNREGISTERED arrives a procedure answers its calls (AMB-45)", async () => {
  const { session, router, sent } = await ScriptedRouter.join();
  const registering = session.register("com.x", () => "still here");
  const { request } = (await sent.next()) as Extract<Message, { type: 64 }>;
  router.send({ type: MessageType.Registered, request, registration: 5 });
  const registration = await registering;
  const ending = registration.unregister();
  const unregister = (await sent.next()) as Extract<Message, { type: 66 }>;
  router.send({ type: MessageType.Invocation, request: 1, registration: 5, details: NO_OPTIONS, payload: Payload.EMPTY });
  expect(await sent.next()).toMatchObject({ type: MessageType.Yield, request: 1, payload: { args: ["still here"] } });
  router.send({ type: MessageType.Unregistered, request: unregister.request, details: undefined });
  await ending;
});

test("an event of a subscription that is gone is dropped, and the session goes on (AMB-87)", async () => {
  const { session, router, sent } = await ScriptedRouter.join();
  router.send({
    type: MessageType.Event,
    subscription: 4711,
    publication: 1,
    details: NO_OPTIONS,
    payload: Payload.EMPTY,
    encoded: undefined,
  });
  const calling = session.call("com.x");
  const call = (await sent.next()) as Extract<Message, { type: 48 }>;
  expect(call.type).toBe(MessageType.Call); // and no ABORT before it
  router.send({ type: MessageType.Result, request: call.request, details: NO_OPTIONS, payload: Payload.of([1]) });
  expect((await calling).value).toBe(1);
});
