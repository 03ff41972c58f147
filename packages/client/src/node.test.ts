// The entry for Node.js: what is wrong with a URL or at its other end rejects the promise, as everything does.
import { connect, DialError, TransportError } from "@junctor/client";
import { type StoryConnection, startRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

test.each([
  ["http://127.0.0.1/", "URL", "cannot dial http://127.0.0.1/: use ws://"],
  ["tcp://127.0.0.1", "URL", "needs a port"],
  ["unix:/nowhere/junctor.sock", "ENOENT", "there is no socket at unix:/nowhere/junctor.sock"],
  ["ws+unix:/nowhere/junctor.sock:/ws", "ENOENT", "there is no socket at"],
])("connecting to %s is rejected with a TransportError that says why", async (url, code, text) => {
  const error: unknown = await connect({ url, realm: "realm1" }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TransportError);
  expect(error).toBeInstanceOf(DialError);
  expect(error).toMatchObject({ name: "DialError", code, message: expect.stringContaining(text) });
});

test.each<StoryConnection>([
  { name: "ws json", transport: "ws", serializer: "json" },
  { name: "tcp json", transport: "tcp", serializer: "json" },
])("connecting over $name with an infinite timeout, or 0, is not given up", async (connection) => {
  await using router = await startRouter({ connection });
  for (const timeout of [Number.POSITIVE_INFINITY, 0]) expect((await router.join({ timeout })).isOpen).toBe(true);
});
