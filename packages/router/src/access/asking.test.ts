// Functions of the embedder's that decide: what they throw, and how long they keep everybody waiting, is told of them (T44, T45).
import { MessageType, NO_OPTIONS, Payload, Uri } from "@junctor/protocol";
import { ALL_ROLES, realmConfig, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";
import type { Decision } from "./role.ts";

const ALLOWED: Decision = { allow: true, disclose: "allow" };

test("one that keeps the whole process busy is named, with the realm that it is of", () => {
  const busy = { authenticator: 0, authorizer: 0 };
  const router: TestRouter = new TestRouter({
    realms: [
      {
        ...realmConfig("realm1"),
        authenticate: (_, answer) => {
          router.clock.advance(busy.authenticator);
          answer({ kind: "welcome", authid: "x", authrole: "anonymous", authmethod: "test", authprovider: "test" });
        },
        authorize: (_, answer) => {
          router.clock.advance(busy.authorizer);
          answer(ALLOWED);
        },
      },
    ],
  });
  const peer = router.join();
  peer.call("wamp.session.count");
  peer.take(MessageType.Result);
  busy.authorizer = 49;
  peer.call("wamp.session.count");
  expect(router.log("authorizer.slow")).toEqual([]);
  busy.authorizer = 2_000;
  peer.call("wamp.session.count");
  expect(router.log("authorizer.slow")).toEqual([{ event: "authorizer.slow", realm: "realm1", what: "authorizer", blockedMs: 2_000 }]);
  busy.authenticator = 60;
  router.join();
  expect(router.log("authorizer.slow")[1]).toMatchObject({ what: "authenticator", blockedMs: 60 });
});

test("one that waits in a promise is not", async () => {
  let answer: (() => void) | undefined;
  const router = new TestRouter({
    realms: [
      {
        ...realmConfig("realm1"),
        authorize: async (_, decide) => {
          await new Promise<void>((resolve) => {
            answer = resolve;
          });
          decide(ALLOWED);
        },
      },
    ],
  });
  const peer = router.join();
  peer.call("wamp.session.count");
  router.clock.advance(3_000);
  answer?.();
  await null;
  await null;
  expect(peer.take(MessageType.Result).payload.args).toEqual([1]);
  expect(router.log("authorizer.slow")).toEqual([]);
});

test("errors of what its answer leads to are not its own: they go to whoever called", () => {
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), authorize: (_, answer) => answer(ALLOWED) }] });
  const peer = router.join();
  const callee = router.join(ALL_ROLES);
  callee.register("p");
  const broken = new Error("a bug");
  callee.inbox.push = () => {
    throw broken;
  };
  const call = { type: MessageType.Call, request: 1, options: NO_OPTIONS, procedure: "p", payload: Payload.EMPTY } as const;
  expect(() => peer.send(call)).toThrow(broken);
  expect(router.log("authorizer.error")).toEqual([]);
});

test("what it throws itself denies, and is logged", () => {
  const authorize = () => {
    throw new Error("broken");
  };
  const router = new TestRouter({ realms: [{ ...realmConfig("realm1"), authorize }] });
  const peer = router.join();
  peer.call("p");
  expect(peer.take(MessageType.Error).error).toBe(Uri.authorizationFailed);
  expect(router.log("authorizer.error")).toMatchObject([{ realm: "realm1", message: "Error: broken" }]);
});
