// The conformance suite on our own router, with everything configured that can be: in this process, and over transports with
// serializers. Every requirement must pass; "not announced" is a failure here.

import { connections } from "@junctor/testkit";
import { Context, chapters, check, type Requirement, storyTarget } from "@junctor/testkit/conformance";
import { describe, expect, test } from "vitest";

/** All requirements over these, and one exchange of each kind over the other connections: what is below WAMP is theirs. */
const ALL = ["memory", "ws json", "tcp cbor", "unix msgpack"];
const EVERYWHERE = ["MSG-14", "SER-10", "PS-10", "RPC-06", "RPC-PCR-12", "PERR-08"];

/** Long-poll is no connection that one can write octets to: `longpoll.test.ts` of the transport and the stories have it. */
const wired = connections.filter(({ transport }) => transport !== "longpoll");

describe.each(wired)("over $name", (connection) => {
  const isAsked = ({ id }: Requirement) => ALL.includes(connection.name) || EVERYWHERE.includes(id);
  const asked = chapters.map(({ title, requirements }) => ({ title, requirements: requirements.filter(isAsked) }));
  describe.each(asked.filter(({ requirements }) => requirements.length > 0))("$title", ({ requirements }) => {
    test.each(requirements.map((one) => [one.id, one.title, one] as const))("%s: a router %s", async (_id, _title, requirement) => {
      await using target = await storyTarget(connection);
      await using context = new Context(target, "conformance.announced");
      expect(await check(requirement, target, await context.announced(), "test")).toEqual({ status: "pass" });
    });
  });
});
