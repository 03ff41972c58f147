// Joining, and what may come in between (requirements 2.2; AMB-113, SES-17).
import { connect, JoinError, ProtocolError, TimeoutError, TransportError, Uri } from "@junctor/client";
import { MessageType, Payload } from "@junctor/protocol";
import { failure, ScriptedRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

async function joining(options: Parameters<ScriptedRouter["connect"]>[0] = {}) {
  const router = new ScriptedRouter();
  const joined = failure(router.connect(options));
  await router.take(MessageType.Hello);
  return { router, joined };
}

describe("connect rejects", () => {
  test("when the router refuses, with its reason and words (SES-17)", async () => {
    const { router, joined } = await joining();
    router.send({ type: MessageType.Abort, details: { message: "no such realm" }, reason: Uri.noSuchRealm, payload: Payload.EMPTY });
    expect(await joined).toMatchObject({ name: "JoinError", reason: Uri.noSuchRealm, message: expect.stringContaining("no such realm") });
    await router.lost.next();
  });

  test("when the connection is lost before the answer", async () => {
    const { router, joined } = await joining();
    router.close("transport.lost");
    expect(await joined).toBeInstanceOf(TransportError);
  });

  test("when nothing is answered in time; a WELCOME that comes later is not looked at", async () => {
    const { router, joined } = await joining({ timeout: 100 });
    router.clock.advance(100);
    expect(await joined).toBeInstanceOf(TimeoutError);
    router.welcome();
    expect(await router.take(MessageType.Abort)).toMatchObject({ reason: Uri.closeRealm });
    await router.lost.next();
  });

  test("with the signal's reason, while it dials, while it waits, or before it has begun", async () => {
    const button = new AbortController();
    const { router, joined } = await joining({ signal: button.signal });
    button.abort("enough");
    expect(await joined).toBe("enough");
    await router.lost.next();
    expect(await failure(new ScriptedRouter().connect({ signal: AbortSignal.abort("before") }))).toBe("before");
  });

  test.each([
    ["an answer before WELCOME", { type: MessageType.Result, request: 1, details: {}, payload: Payload.EMPTY } as const],
    ["a GOODBYE before WELCOME", { type: MessageType.Goodbye, details: {}, reason: Uri.closeRealm } as const],
  ])("%s, as a breach of the protocol", async (_what, message) => {
    const { router, joined } = await joining();
    router.send(message);
    expect(await joined).toBeInstanceOf(ProtocolError);
    expect(await router.take(MessageType.Abort)).toMatchObject({ reason: Uri.protocolViolation });
  });

  test("a challenge by a method that was not offered", async () => {
    const { router, joined } = await joining();
    router.send({ type: MessageType.Challenge, authmethod: "ticket", extra: {} });
    expect(await joined).toBeInstanceOf(JoinError);
    expect((await router.take(MessageType.Abort)).reason).toBe(Uri.authenticationFailed);
  });

  test("at once without url and dial", async () => {
    expect(await failure(connect({ realm: "realm1" }))).toBeInstanceOf(TypeError);
  });
});
