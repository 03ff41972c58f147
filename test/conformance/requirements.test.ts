// The conformance suite on our own router, with everything configured that can be: in this process, and over transports with
// serializers. Every requirement must pass; "not announced" is a failure here.

import { connections } from "@junctor/testkit";
import { type Chapter, Context, chapters, check, storyTarget } from "@junctor/testkit/conformance";
import { describe, expect, test } from "vitest";

/** All requirements over these. What is said below WAMP over the others is in transports.test.ts and test/story. */
const MATRIX = ["memory", "ws json", "tcp cbor", "unix msgpack"];

describe.each(connections.filter(({ name }) => MATRIX.includes(name)))("over $name", (connection) => {
  describe.each(chapters)("$title", ({ requirements }: Chapter) => {
    test.each(requirements.map((one) => [one.id, one.title, one] as const))("%s: a router %s", async (_id, _title, requirement) => {
      await using target = await storyTarget(connection);
      await using context = new Context(target, "conformance.announced");
      expect(await check(requirement, target, await context.announced(), "test")).toEqual({ status: "pass" });
    });
  });
});
