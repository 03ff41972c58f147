/** Payload passthru mode (requirements 12.1). */
import { Uri } from "@junctor/protocol";
import { ensure, same } from "./peer.ts";
import { type Context, chapter, must } from "./requirement.ts";

const PPT = { ppt_scheme: "x_conformance", ppt_serializer: "x_any", ppt_cipher: "x_none", ppt_keyid: "4711" };
const BINARY = "\u0000AAECAwQFBgcICQoLDA0ODw==";

/** The attributes, of whatever else there is. */
const attributes = (details: Readonly<Record<string, unknown>>) => Object.fromEntries(Object.keys(PPT).map((key) => [key, details[key]]));

async function called({ two, uri }: Context) {
  const [alice, bob] = await two();
  await bob.register(uri("procedure"));
  const call = alice.call(uri("procedure"), PPT, ["sealed"]);
  return { alice, bob, call, invocation: await bob.invocation() };
}

export const passthru = chapter(
  "Payload passthru mode",
  ["broker.payload_passthru_mode", "dealer.payload_passthru_mode"],
  [
    must("PPT-01", "takes an empty scheme for none", async ({ join, uri }) => {
      const [alice, bob] = [await join({ features: {} }), await join()];
      await bob.subscribe(uri("topic"));
      alice.publish(uri("topic"), { ppt_scheme: "" }, ["open"]);
      same((await bob.event()).args, ["open"], "the event");
    }),
    must("PPT-03", "hands the attributes on with calls, results, errors and events", async (context) => {
      const { alice, bob, call, invocation } = await called(context);
      same(attributes(invocation.details), PPT, "the attributes of INVOCATION");
      bob.yield(invocation.id, PPT, ["sealed"]);
      same(attributes((await alice.result(call)).details), PPT, "the attributes of RESULT");
      const failing = alice.call(context.uri("procedure"), PPT, ["sealed"]);
      bob.refuse((await bob.invocation()).id, context.uri("error"), PPT, ["sealed"]);
      const [, , , details] = await alice.refused(failing, context.uri("error"));
      same(details, { ...(details as object), ...PPT }, "the attributes of ERROR");
      await bob.subscribe(context.uri("topic"));
      alice.publish(context.uri("topic"), PPT, ["sealed"]);
      same(attributes((await bob.event()).details), PPT, "the attributes of EVENT");
    }),
    must("PPT-05", "carries the binary item of JSON sessions", async ({ join, uri }) => {
      const [alice, bob] = [await join({ serializer: "json" }), await join({ serializer: "json" })];
      await bob.subscribe(uri("topic"));
      alice.publish(uri("topic"), PPT, [BINARY]);
      same((await bob.event()).args, [BINARY], "the item");
    }),
    must("PPT-06", "does not look into the payload or the attributes", async (context) => {
      const { invocation } = await called(context);
      same([invocation.args, invocation.details["ppt_serializer"]], [["sealed"], "x_any"], "what was called with");
    }),
    must("PPT-07", "aborts a session that uses it without having announced it", async ({ join, uri }) => {
      const callee = await join();
      await callee.register(uri("x"));
      for (const send of ["publish", "call"] as const) {
        const peer = await join({ features: {} });
        peer[send](uri("x"), PPT, ["sealed"]);
        await peer.aborted();
      }
    }),
    must("PPT-08", "refuses calls to a callee that cannot take it", async ({ join, uri }) => {
      const [alice, bob] = [await join(), await join({ features: {} })];
      await bob.register(uri("procedure"));
      await alice.refused(alice.call(uri("procedure"), PPT, ["sealed"]), Uri.featureNotSupported);
      await bob.quiet();
    }),
    must("PPT-09", "gives no such result to a caller that cannot take it", async ({ join, uri }) => {
      const [alice, bob] = [await join({ features: {} }), await join()];
      await bob.register(uri("procedure"));
      const call = alice.call(uri("procedure"));
      bob.yield((await bob.invocation()).id, PPT, ["sealed"]);
      await alice.flush();
      await bob.flush();
      ensure(!alice.inbox.some(([type, request]) => type === 50 && request === call), "no RESULT for a caller without the feature");
    }),
    must("PPT-10", "delivers events also to subscribers that did not announce it", async ({ join, uri }) => {
      const [alice, bob] = [await join(), await join({ features: {} })];
      await bob.subscribe(uri("topic"));
      alice.publish(uri("topic"), PPT, ["sealed"]);
      same((await bob.event()).details["ppt_scheme"], PPT.ppt_scheme, "the scheme");
    }),
    must(
      "PPT-13",
      "works with partial results",
      async ({ two, uri }) => {
        const [alice, bob] = await two();
        await bob.register(uri("procedure"));
        const call = alice.call(uri("procedure"), { ...PPT, receive_progress: true }, ["sealed"]);
        const { id } = await bob.invocation();
        for (const progress of [true, false]) {
          bob.yield(id, progress ? { ...PPT, progress } : PPT, ["sealed"]);
          same(attributes((await alice.result(call)).details), PPT, "the attributes of RESULT");
        }
      },
      "dealer.progressive_call_results",
    ),
  ],
);
