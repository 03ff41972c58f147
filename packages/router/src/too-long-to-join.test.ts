// A peer that takes only short messages may be unable to take WELCOME: it is told so, and joins nothing (AMB-67).
import { MessageType, Uri } from "@junctor/protocol";
import { realmConfig, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";
import type { AuthenticationAnswer } from "./access/authenticator.ts";

const challenging = {
  ...realmConfig("realm1"),
  authenticate: (_: unknown, answer: (outcome: AuthenticationAnswer) => void) =>
    answer({ kind: "challenge", authmethod: "test", extra: {}, verify: () => {} }),
};

test.each([
  ["WELCOME", MessageType.Welcome, realmConfig("realm1")],
  ["CHALLENGE", MessageType.Challenge, challenging],
])("%s that does not fit is answered with ABORT and the end, and no session was there", (_name, type, realm) => {
  const test = new TestRouter({ realms: [realm] });
  const witness = type === MessageType.Welcome ? test.join() : undefined;
  witness?.subscribe("wamp.session.on_join");
  const sent: unknown[] = [];
  let closed: string | undefined;
  const receiver = test.router.attach(
    {
      send(message) {
        if (message.type === type) return "too-large";
        sent.push(message);
        return "sent";
      },
      close: (reason) => {
        closed = reason;
      },
    },
    { transport: "test" },
    false,
  );
  receiver.receive({ type: MessageType.Hello, realm: "realm1", details: { roles: { caller: {} } } });
  expect(sent).toEqual([expect.objectContaining({ type: MessageType.Abort, reason: Uri.payloadSizeExceeded })]);
  expect(closed).toBe(Uri.payloadSizeExceeded);
  expect(test.router.realm("realm1")?.sessions.size).toBe(witness === undefined ? 0 : 1);
  expect(witness?.inbox ?? []).toEqual([]);
  expect(test.log("session.open")).toHaveLength(witness === undefined ? 0 : 1);
  expect(test.log("join.refused")).toHaveLength(1);
});
