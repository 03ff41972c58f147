/** Calls that progress, that take too long, that are canceled, and who makes them (requirements 4.1 to 4.7). */
import { MessageType, Uri } from "@junctor/protocol";
import { ensure, same } from "./peer.ts";
import { chapter, may, must } from "./requirement.ts";
import { underWay } from "./rpc.ts";

export const progressiveResults = chapter("Progressive call results", "dealer.progressive_call_results", [
  must("RPC-PCR-01", "announces call canceling too", async ({ announced }) => {
    ensure((await announced()).has("dealer.call_canceling"), "call_canceling to be announced");
  }),
  must("RPC-PCR-03", "asks for progressive results only callees that can give them", async (context) => {
    const able = await underWay(context, { receive_progress: true });
    same(able.invocation.details["receive_progress"], true, "receive_progress for a callee that announced them");
    const procedure = context.uri("unable");
    const unable = await context.join({ features: {} });
    await unable.register(procedure);
    able.caller.call(procedure, { receive_progress: true });
    ensure((await unable.invocation()).details["receive_progress"] !== true, "no receive_progress for a callee that did not");
  }),
  must("RPC-PCR-04", "brings the caller partial results one by one", async (context) => {
    const { caller, callee, call, invocation } = await underWay(context, { receive_progress: true });
    for (const part of [1, 2]) {
      callee.yield(invocation.id, { progress: true }, [part]);
      const { details, args } = await caller.result(call);
      same([details["progress"], args], [true, [part]], "the partial result");
    }
  }),
  must("RPC-PCR-05", "ends a call with the final result or error, and only then", async (context) => {
    const { caller, callee, call, invocation } = await underWay(context, { receive_progress: true });
    callee.yield(invocation.id, { progress: true });
    callee.yield(invocation.id, {}, ["end"]);
    callee.yield(invocation.id, { progress: true });
    same((await caller.result(call)).details["progress"], true, "progress of the first result");
    const { details, args } = await caller.result(call);
    same([details["progress"] ?? false, args], [false, ["end"]], "the final result");
    await callee.flush(); // whatever it is told of the last one
    await caller.quiet();
  }),
  must("RPC-PCR-08", "interrupts the callee when the caller leaves", async (context) => {
    const { caller, callee, invocation } = await underWay(context, { receive_progress: true });
    callee.yield(invocation.id, { progress: true });
    await caller.take(MessageType.Result);
    await caller.leave();
    same((await callee.interrupted(invocation.id))["mode"], "killnowait", "the mode of INTERRUPT");
  }),
  must("RPC-PCR-09", "ends the call with canceled when the callee leaves", async (context) => {
    const { caller, callee, call, invocation } = await underWay(context, { receive_progress: true });
    callee.yield(invocation.id, { progress: true });
    await caller.result(call);
    await callee.leave();
    await caller.refused(call, Uri.canceled);
  }),
  must(
    "RPC-PCR-11",
    "starts the time-out again with each partial result",
    async (context) => {
      const { caller, callee, call, invocation } = await underWay(context, { receive_progress: true, timeout: 600 });
      for (let i = 0; i < 3; i++) {
        await context.pass(400);
        callee.yield(invocation.id, { progress: true }, [i]);
        same((await caller.result(call)).args, [i], "the partial result");
      }
      await context.pass(900);
      await caller.refused(call, Uri.timeout);
    },
    "dealer.call_timeout",
  ),
  must("RPC-PCR-12", "keeps the order of partial results", async (context) => {
    const { caller, callee, call, invocation } = await underWay(context, { receive_progress: true });
    for (let i = 0; i < 20; i++) callee.yield(invocation.id, { progress: true }, [i]);
    for (let i = 0; i < 20; i++) same((await caller.result(call)).args, [i], "the partial result");
  }),
]);

export const progressiveInvocations = chapter("Progressive call invocations", "dealer.progressive_call_invocations", [
  must("RPC-PCI-02", "announces call canceling too", async ({ announced }) => {
    ensure((await announced()).has("dealer.call_canceling"), "call_canceling to be announced");
  }),
  must("RPC-PCI-04", "aborts a caller that progresses a call without having announced it", async ({ join, uri }) => {
    const [alice, bob] = [await join({ features: { caller: ["progressive_call_results", "call_canceling"] } }), await join()];
    await bob.register(uri("procedure"));
    alice.call(uri("procedure"), { progress: true });
    await alice.aborted();
  }),
  must("RPC-PCI-05", "refuses a call that progresses where the callee cannot take it", async ({ join, uri }) => {
    const [alice, bob] = [await join(), await join({ features: {} })];
    await bob.register(uri("procedure"));
    await alice.refused(alice.call(uri("procedure"), { progress: true }), Uri.featureNotSupported);
    await bob.quiet();
  }),
  must("RPC-PCI-06", "hands on each part under one invocation id", async (context) => {
    const { caller, callee, procedure, call, invocation } = await underWay(context, { progress: true });
    caller.continueCall(call, procedure, { progress: true }, ["middle"]);
    caller.continueCall(call, procedure, {}, ["end"]);
    same(invocation.details["progress"], true, "progress of the first part");
    const [middle, end] = [await callee.invocation(), await callee.invocation()];
    same([middle.id, middle.details["progress"], middle.args], [invocation.id, true, ["middle"]], "the second part");
    same([end.id, end.details["progress"] ?? false, end.args], [invocation.id, false, ["end"]], "the last part");
    callee.yield(invocation.id, {}, ["done"]);
    same((await caller.result(call)).args, ["done"], "the RESULT");
  }),
  must(
    "RPC-PCI-07",
    "hands all parts of a call to the callee of the first",
    async ({ three, uri }) => {
      const [alice, bob, carol] = await three();
      for (const callee of [bob, carol]) await callee.register(uri("procedure"), { invoke: "roundrobin" });
      const call = alice.call(uri("procedure"), { progress: true });
      for (let i = 0; i < 3; i++) alice.continueCall(call, uri("procedure"), { progress: true });
      alice.continueCall(call, uri("procedure"), {});
      await alice.flush();
      for (const callee of [bob, carol]) await callee.flush();
      const counts = [bob, carol].map(({ inbox }) => inbox.filter(([type]) => type === MessageType.Invocation).length);
      same(counts.sort(), [0, 5], "how many parts the callees had");
    },
    "dealer.shared_registration",
  ),
  must("RPC-PCI-08", "interrupts the callee when the caller leaves", async (context) => {
    const { caller, callee, invocation } = await underWay(context, { progress: true });
    await caller.leave();
    same((await callee.interrupted(invocation.id))["mode"], "killnowait", "the mode of INTERRUPT");
  }),
  must("RPC-PCI-09", "drops parts of a call that has ended", async (context) => {
    const { caller, callee, procedure, call, invocation } = await underWay(context, { progress: true });
    callee.yield(invocation.id);
    await caller.result(call);
    caller.continueCall(call, procedure, { progress: true });
    caller.continueCall(call, procedure, {});
    await caller.quiet();
    await callee.quiet();
  }),
  must("RPC-PCI-11", "aborts a caller that continues a call that does not progress", async (context) => {
    const { caller, procedure, call } = await underWay(context);
    caller.continueCall(call, procedure, { progress: true });
    await caller.aborted();
  }),
  must("RPC-PCI-13", "takes the options of a call from its first part", async (context) => {
    const { caller, callee, procedure, call } = await underWay(context, { progress: true });
    caller.continueCall(call, procedure, { progress: true, receive_progress: true, disclose_me: true });
    const { receive_progress = false, caller: named } = (await callee.invocation()).details;
    same([receive_progress, named], [false, undefined], "receive_progress and caller of the second part");
  }),
  may(
    "RPC-PCI-15",
    "lets parts and partial results pass each other",
    async (context) => {
      const { caller, callee, procedure, call, invocation } = await underWay(context, { progress: true, receive_progress: true });
      callee.yield(invocation.id, { progress: true }, ["first"]);
      same((await caller.result(call)).args, ["first"], "the partial result");
      caller.continueCall(call, procedure, { progress: true }, ["second"]);
      same((await callee.invocation()).args, ["second"], "the second part");
      callee.yield(invocation.id, {}, ["enough"]);
      same((await caller.result(call)).args, ["enough"], "the RESULT");
    },
    "dealer.progressive_call_results",
  ),
  must("ID-09", "aborts a caller whose call ids leave something out", async ({ join, uri }) => {
    const peer = await join();
    await peer.subscribe(uri("topic"));
    peer.send([MessageType.Call, 3, { progress: true }, uri("procedure")]);
    await peer.aborted();
  }),
]);

export const timeout = chapter("Call timeout", "dealer.call_timeout", [
  must("RPC-TMO-01", "gives a call without a time-out all the time it needs", async (context) => {
    const { caller, callee, call, invocation } = await underWay(context, { timeout: 0 });
    await context.pass(400);
    callee.yield(invocation.id);
    await caller.result(call);
  }),
  must("RPC-TMO-02", "ends a call that takes longer than its time-out in milliseconds", async (context) => {
    const { caller, call } = await underWay(context, { timeout: 200 }, []);
    await context.pass(150 / 2);
    await caller.quiet();
    await context.pass(500);
    await caller.refused(call, Uri.timeout);
  }),
  must("RPC-TMO-03", "interrupts the callee of a call that timed out, where it can be interrupted", async (context) => {
    const able = await underWay(context, { timeout: 100 }, ["call_canceling"]);
    await context.pass(400);
    await able.caller.refused(able.call, Uri.timeout);
    await able.callee.interrupted(able.invocation.id);
    const unable = await context.join({ features: {} });
    await unable.register(context.uri("unable"));
    const call = able.caller.call(context.uri("unable"), { timeout: 100 });
    await unable.invocation();
    await context.pass(400);
    await able.caller.refused(call, Uri.timeout);
    await unable.quiet();
  }),
  must("RPC-TMO-05", "hands the time-out on only to callees that asked for it", async ({ two, uri }) => {
    const [alice, bob] = await two();
    await bob.register(uri("asking"), { forward_timeout: true });
    await bob.register(uri("not_asking"));
    alice.call(uri("asking"), { timeout: 60_000 });
    alice.call(uri("not_asking"), { timeout: 60_000 });
    same((await bob.invocation()).details["timeout"], 60_000, "the time-out for a callee that asked");
    same((await bob.invocation()).details["timeout"], undefined, "the time-out for a callee that did not");
  }),
]);

export const canceling = chapter("Call canceling", "dealer.call_canceling", [
  must("RPC-CANCEL-02", "lets only the caller cancel a call", async (context) => {
    const { caller, callee, call, invocation } = await underWay(context);
    const stranger = await context.join();
    while (stranger.lastRequest < call) await stranger.subscribe(context.uri("topic"));
    stranger.cancel(call, "killnowait");
    await stranger.quiet();
    callee.yield(invocation.id);
    await caller.result(call);
  }),
  must("RPC-CANCEL-03", "skip: ends the call at once and lets the callee be", async (context) => {
    const { caller, callee, call, invocation } = await underWay(context);
    caller.cancel(call, "skip");
    await caller.refused(call, Uri.canceled);
    await callee.quiet();
    callee.yield(invocation.id);
    await callee.quiet();
    await caller.quiet();
  }),
  must("RPC-CANCEL-04", "kill: interrupts the callee and brings what it answers", async (context) => {
    for (const answer of ["result", "error"]) {
      const { caller, callee, call, invocation } = await underWay(context, {}, undefined, context.uri(answer));
      caller.cancel(call, "kill");
      await callee.interrupted(invocation.id);
      await caller.quiet();
      if (answer === "result") callee.yield(invocation.id, {}, ["late"]);
      else callee.refuse(invocation.id, context.uri("my.error"));
      if (answer === "result") same((await caller.result(call)).args, ["late"], "the RESULT");
      else await caller.refused(call, context.uri("my.error"));
    }
  }),
  must("RPC-CANCEL-05", "killnowait: ends the call at once and interrupts the callee", async (context) => {
    const { caller, callee, call, invocation } = await underWay(context);
    caller.cancel(call, "killnowait");
    await caller.refused(call, Uri.canceled);
    await callee.interrupted(invocation.id);
    callee.refuse(invocation.id, Uri.canceled);
    await callee.quiet();
    await caller.quiet();
  }),
  must("RPC-CANCEL-06", "does not interrupt a callee that cannot be interrupted", async (context) => {
    const { caller, callee, call } = await underWay(context, {}, []);
    caller.cancel(call, "kill");
    await caller.refused(call, Uri.canceled);
    await callee.quiet();
  }),
  must("RPC-CANCEL-07", "ends a canceled call with wamp.error.canceled", async (context) => {
    const { caller, call } = await underWay(context);
    caller.cancel(call, "killnowait");
    await caller.refused(call, Uri.canceled);
  }),
  must("RPC-CANCEL-08", "names the mode in INTERRUPT", async (context) => {
    const { caller, callee, call, invocation } = await underWay(context);
    caller.cancel(call, "kill");
    same((await callee.interrupted(invocation.id))["mode"], "kill", "the mode of INTERRUPT");
  }),
]);

export const rerouting = chapter("Call re-routing", "dealer.call_reroute", [
  must("RPC-REROUTE-01", "calls another callee where one is unavailable", async ({ three, uri }) => {
    const [alice, bob, carol] = await three();
    for (const callee of [bob, carol]) await callee.register(uri("procedure"), { invoke: "first" });
    const call = alice.call(uri("procedure"), {}, ["x"]);
    bob.refuse((await bob.invocation()).id, Uri.unavailable);
    const { id, args } = await carol.invocation();
    carol.yield(id, {}, args);
    same((await alice.result(call)).args, ["x"], "the RESULT");
  }),
  must("RPC-REROUTE-02", "calls the next one by the policy of the registration", async ({ three, join, uri }) => {
    const [alice, bob, carol] = await three();
    const dave = await join();
    for (const callee of [bob, carol, dave]) await callee.register(uri("procedure"), { invoke: "last" });
    const call = alice.call(uri("procedure"));
    for (const callee of [dave, carol]) callee.refuse((await callee.invocation()).id, Uri.unavailable);
    bob.yield((await bob.invocation()).id);
    await alice.result(call);
  }),
  must("RPC-REROUTE-03", "ends the call where no callee is available", async ({ three, uri }) => {
    const [alice, bob, carol] = await three();
    for (const callee of [bob, carol]) await callee.register(uri("procedure"), { invoke: "first" });
    const call = alice.call(uri("procedure"));
    for (const callee of [bob, carol]) callee.refuse((await callee.invocation()).id, Uri.unavailable);
    await alice.refused(call, Uri.noAvailableCallee);
  }),
]);

export const callerIdentification = chapter("Caller identification", "dealer.caller_identification", [
  must("RPC-CID-02", "names the caller where it asks for it, or refuses to", async ({ two, uri }) => {
    const [alice, bob] = await two();
    await bob.register(uri("procedure"));
    const call = alice.call(uri("procedure"), { disclose_me: true });
    await alice.flush();
    if (alice.inbox.length > 0) await alice.refused(call, Uri.discloseMeDisallowed);
    else same((await bob.invocation()).details["caller"], alice.session, "the caller");
  }),
  may("RPC-CID-05", "names callers where the callee asks for it, or refuses to", async ({ two, uri }) => {
    const [alice, bob] = await two();
    const answer = await bob.answer(bob.request(MessageType.Register, { disclose_caller: true }, uri("procedure")));
    if (answer[0] === MessageType.Error) return same(answer[4], Uri.discloseMeDisallowed, "the ERROR");
    alice.call(uri("procedure"));
    same((await bob.invocation()).details["caller"], alice.session, "the caller");
  }),
]);

export const callTrust = chapter("Call trust levels", "dealer.call_trustlevels", [
  may("RPC-TRUST-01", "tells callees the trust level that its configuration gives", async ({ two, needs }) => {
    const { prefix, level } = needs("trusted");
    const [alice, bob] = await two();
    await bob.register(`${prefix}procedure`);
    alice.call(`${prefix}procedure`, { trustlevel: level + 1 });
    same((await bob.invocation()).details["trustlevel"], level, "the trust level");
  }),
]);
