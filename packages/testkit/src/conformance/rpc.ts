/** Remote procedure calls, basic (requirements 3.2, 3.3). */
import { MessageType, Uri } from "@junctor/protocol";
import { type Dict, ensure, isDict, same } from "./peer.ts";
import { type Context, chapter, must } from "./requirement.ts";

/** A call that is under way: a caller, the one callee of the procedure, the call and its invocation. @param features of the callee */
export async function underWay({ join, uri }: Context, options: Dict = {}, features?: readonly string[], procedure = uri("procedure")) {
  const [caller, callee] = [await join(), await join(features === undefined ? {} : { features: { callee: features } })];
  const registration = await callee.register(procedure);
  const call = caller.call(procedure, options);
  const invocation = await callee.invocation();
  return { caller, callee, procedure, registration, call, invocation };
}

export const rpc = chapter(
  "Remote procedure calls",
  [],
  [
    must("RPC-01", "answers REGISTER with REGISTERED", async ({ join, uri }) => void (await (await join()).register(uri("procedure")))),
    must("RPC-02", "refuses to register a procedure twice", async ({ two, uri }) => {
      const [alice, bob] = await two();
      await alice.register(uri("procedure"));
      await bob.refused(bob.request(MessageType.Register, {}, uri("procedure")), Uri.procedureAlreadyExists);
    }),
    must("RPC-03", "ends a registration for its callee only", async ({ two, uri }) => {
      const [alice, bob] = await two();
      const registration = await alice.register(uri("procedure"));
      await bob.refused(bob.request(MessageType.Unregister, registration), Uri.noSuchRegistration);
      await alice.unregister(registration);
      await alice.refused(alice.request(MessageType.Unregister, registration), Uri.noSuchRegistration);
      await bob.refused(bob.call(uri("procedure")), Uri.noSuchProcedure);
    }),
    must("RPC-04", "invokes the callee with the payload of the call", async ({ two, uri }) => {
      const [alice, bob] = await two();
      const registration = await bob.register(uri("procedure"));
      alice.call(uri("procedure"), {}, [1, "x"], { y: 2 });
      const { second, args, kwargs } = await bob.invocation();
      same([second, args, kwargs], [registration, [1, "x"], { y: 2 }], "the INVOCATION");
    }),
    must("RPC-06", "brings the caller the result or the error as the callee gave it", async ({ two, uri }) => {
      const [alice, bob] = await two();
      await bob.register(uri("procedure"));
      const calls = [alice.call(uri("procedure")), alice.call(uri("procedure"))] as const;
      bob.yield((await bob.invocation()).id, {}, [3], { z: 4 });
      bob.refuse((await bob.invocation()).id, uri("error.mine"), {}, ["why"], { how: 1 });
      const { args, kwargs } = await alice.result(calls[0]);
      same([args, kwargs], [[3], { z: 4 }], "the RESULT");
      same((await alice.refused(calls[1], uri("error.mine"))).slice(5), [["why"], { how: 1 }], "the payload of ERROR");
    }),
    must("RPC-07", "refuses calls of what nobody has registered", async ({ join, uri }) => {
      const peer = await join();
      const error = await peer.refused(peer.call(uri("procedure")), Uri.noSuchProcedure);
      ensure(isDict(error[3]), "details of the ERROR to be a dict");
    }),
    must("RPC-08", "answers a call once", async (context) => {
      const { caller, callee, call, invocation } = await underWay(context);
      callee.yield(invocation.id, {}, [1]);
      callee.yield(invocation.id, {}, [2]);
      callee.refuse(invocation.id, context.uri("error"));
      same((await caller.result(call)).args, [1], "the RESULT");
      await callee.flush(); // whatever it is told of that
      await caller.quiet();
    }),
    must("RPC-09", "lets calls overtake each other", async ({ two, uri }) => {
      const [alice, bob] = await two();
      await bob.register(uri("procedure"));
      const calls = [1, 2, 3].map((i) => alice.call(uri("procedure"), {}, [i]));
      const invocations = [await bob.invocation(), await bob.invocation(), await bob.invocation()];
      for (const { id, args } of invocations.reverse()) bob.yield(id, {}, args);
      for (const [i, call] of calls.entries()) same((await alice.result(call)).args, [i + 1], "the RESULT");
    }),
    must(
      "RPC-10",
      "interrupts the invocations of a caller that leaves, where the callee can be interrupted",
      async (context) => {
        const { caller, callee, invocation } = await underWay(context);
        await caller.leave();
        await callee.interrupted(invocation.id);
      },
      "dealer.call_canceling",
    ),
    must("RPC-11", "drops the answer to a caller that has left", async (context) => {
      const { caller, callee, invocation } = await underWay(context, {}, []);
      await caller.leave();
      callee.yield(invocation.id);
      await callee.quiet();
    }),
    must("RPC-12", "ends the calls of a callee that leaves with canceled", async (context) => {
      const { caller, callee, call } = await underWay(context);
      await callee.leave();
      await caller.refused(call, Uri.canceled);
    }),
    must("RPC-14", "names in INVOCATION the registration that the callee was given", async (context) => {
      const { invocation, registration } = await underWay(context);
      same(invocation.second, registration, "the registration");
    }),
    must("ORD-03", "invokes a callee in the order of a caller's calls, across procedures", async ({ two, uri }) => {
      const [alice, bob] = await two();
      for (const name of ["a", "b", "c"]) await bob.register(uri(name));
      for (let i = 0; i < 30; i++) alice.call(uri(["a", "b", "c"][i % 3] ?? ""), {}, [i]);
      const heard = [];
      for (let i = 0; i < 30; i++) heard.push((await bob.invocation()).args[0]);
      same(
        heard,
        Array.from({ length: 30 }, (_, i) => i),
        "the invocations",
      );
    }),
    must("ORD-04", "sends REGISTERED before the first INVOCATION", async ({ two, uri }) => {
      const [alice, bob] = await two();
      const request = bob.request(MessageType.Register, {}, uri("procedure"));
      for (let i = 0; i < 20; i++) alice.call(uri("procedure"));
      await alice.flush();
      await bob.flush();
      const place = bob.inbox.findIndex(([type, id]) => type === MessageType.Registered && id === request);
      same(
        bob.inbox.slice(0, place).map(([type]) => type),
        [],
        "types of the messages before REGISTERED",
      );
    }),
    must("ORD-06", "keeps the order of what it sends to a session", async ({ join, uri }) => {
      const peer = await join();
      const requests = ["a", "b", "c", "d"].map((name) => peer.call(uri(name)));
      await peer.flush();
      same(
        peer.inbox.map(([, , request]) => request),
        requests,
        "the order of the answers",
      );
    }),
  ],
);
