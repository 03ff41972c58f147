/**
 * Calls that last, between all clients: progressive results, cancelling, calls in pieces; and the meta API, as each of them
 * asks for it. Over one connection each: what carries the messages is in matrix.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { junctorPeer } from "./junctor.ts";
import { CANCEL_MODES, LIBRARIES, type Library } from "./libraries.ts";
import { type Answer, type Peer, PeerProcess } from "./peer.ts";
import { commandOf } from "./peers/install.mjs";
import { type InteropRouter, startInteropRouter } from "./router.ts";

const libraries = LIBRARIES.filter(({ program }) => program === undefined || commandOf(...program) !== undefined);
if (libraries.length < LIBRARIES.length && process.env["CI"] !== undefined) {
  test("all libraries are there", () => {
    throw new Error("not all clients are installed. To get them: bash .ci/install");
  });
}

vi.setConfig({ testTimeout: 10_000 });

const COUNT = 3;
const DONE = { args: ["done"], kwargs: {} };
const NONE = { args: [], kwargs: {} };

let router: InteropRouter;
const peers = new Map<Library, Peer>();
/** As the router numbers them. */
const sessions = new Map<Library, number>();

beforeAll(async () => {
  router = await startInteropRouter();
  for (const library of libraries) {
    const command = library.program === undefined ? undefined : commandOf(...library.program);
    peers.set(library, command === undefined ? junctorPeer() : new PeerProcess(library.name, command, router.environment));
    const endpoint = router.endpoint({ library, name: library.id, transport: "websocket", serializer: "cbor" });
    await run(library, { do: "connect", ...endpoint });
    sessions.set(library, router.lastJoined()?.session ?? 0);
    const procedures = [
      { procedure: streamOf(library), count: COUNT, waits: false },
      { procedure: waitOf(library), count: 1, waits: true },
    ];
    await run(library, { do: "offer", procedures });
  }
});

afterAll(async () => {
  expect(router.events.filter(({ event }) => event === "proto.violation")).toEqual([]);
  await Promise.all([...peers.values()].map((peer) => peer[Symbol.asyncDispose]()));
  await router[Symbol.asyncDispose]();
});

describe.each(libraries)("$name", (caller) => {
  test.each(libraries)("gets the progressive results of $name, in order, and the last one (RPC-PCR-04, RPC-PCR-05)", async (callee) => {
    const answer = await run(caller, { do: "follow", procedure: streamOf(callee), ...NONE });
    const progress = callee.streams.sends === undefined ? [] : [0, 1, 2].map((n) => ({ args: [n], kwargs: {} }));
    expect([answer.progress ?? [], answer.results]).toEqual([progress, [DONE]]);
    expect((await heard(callee)).map(({ uri }) => uri)).toEqual([streamOf(callee)]);
  });

  const modes = CANCEL_MODES.filter((mode) => caller.streams.cancels[mode] !== undefined);
  describe.each(modes)("cancels in mode %s", (mode) => {
    test.each(libraries.filter(({ streams }) => streams.interrupted !== "breaks"))(
      "a call of $name (RPC-CANCEL-04 to RPC-CANCEL-06)",
      async (callee) => {
        const { interrupted } = callee.streams;
        const call = run(caller, { do: "follow", procedure: waitOf(callee), mode, ...NONE });
        await heard(callee);
        await run(caller, { do: "cancel" });
        const { results } = await call;
        const answer = mode === "kill" && interrupted !== undefined ? interrupted : "wamp.error.canceled";
        expect(results?.map(({ error }) => error)).toEqual([caller.streams.cancels[mode] === "own" ? "cancelled" : answer]);
        if (interrupted !== undefined) expect(await heard(callee)).toEqual([{ uri: waitOf(callee), args: ["interrupted"], kwargs: {} }]);
      },
    );
  });

  const inPieces = libraries.filter(({ streams }) => caller.streams.chunks && streams.chunks);
  if (inPieces.length > 0) {
    test.each(inPieces)("sends a call to $name in pieces, and is answered in pieces (RPC-PCI-03, RPC-PCI-06)", async (callee) => {
      const [first, ...chunks] = ["a", "b", "c"].map((text) => ({ args: [text], kwargs: {} }));
      const { progress, results } = await run(caller, { do: "follow", procedure: streamOf(callee), ...(first ?? NONE), chunks });
      // The end may be a message of its own, without arguments.
      const parts = (await heard(callee, 3)).map(({ args }) => args).filter((args) => args.length > 0);
      expect(callee.scramblesEvents ? parts.sort() : parts).toEqual([["a"], ["b"], ["c"]]);
      expect([progress, results]).toEqual([[0, 1, 2].map((n) => ({ args: [n], kwargs: {} })), [DONE]]);
    });
  }

  test("asks the meta API and is answered (META-S-04, META-R-03, META-P-02)", async () => {
    const session = sessions.get(caller) ?? 0;
    const asked = [
      ["wamp.session.count"],
      ["wamp.session.get", session],
      ["wamp.registration.match", streamOf(caller)],
      ["wamp.registration.lookup", "interop.nobody"],
      ["wamp.subscription.match", "interop.nobody"],
      ["wamp.session.kill", session],
      ["wamp.reflection.topic.list"],
    ].map(([procedure, ...args]) => ({ procedure: String(procedure), args, kwargs: {} }));
    const { results = [] } = await run(caller, { do: "call", calls: asked });
    const [count, details, match, ...rest] = results;
    expect(count?.args).toEqual([libraries.length]);
    expect(details?.args).toMatchObject([{ session, authrole: "peer", transport: { type: "websocket", serializer: "cbor" } }]);
    // Some clients tell null from no argument, others do not.
    expect(rest.map(({ args, error }) => error ?? args[0] ?? null)).toEqual([null, null, "wamp.error.not_authorized", []]);
    const registration = match?.args[0] ?? null;
    const { results: found } = await run(caller, {
      do: "call",
      calls: ["get", "list_callees"].map((verb) => ({ procedure: `wamp.registration.${verb}`, args: [registration], kwargs: {} })),
    });
    expect(found?.map(({ args }) => args)).toMatchObject([[{ id: registration, uri: streamOf(caller), match: "exact" }], [[session]]]);
  });
});

test("all hear from the meta API who joins (META-S-02)", async () => {
  for (const library of libraries) await run(library, { do: "subscribe", topics: ["wamp.session.on_join"] });
  const [library] = libraries;
  if (library === undefined) throw new Error("our own client is not among them");
  const endpoint = router.endpoint({ library, name: "joining", transport: "websocket", serializer: "json" });
  await peers.get(library)?.execute({ do: "connect", session: "joining", ...endpoint });
  const session = router.lastJoined()?.session;
  for (const listener of libraries)
    expect(await heard(listener)).toMatchObject([{ uri: "wamp.session.on_join", args: [{ session, authrole: "peer" }] }]);
});

const streamOf = ({ id }: Library) => `interop.stream.${id}`;
const waitOf = ({ id }: Library) => `interop.wait.${id}`;

type WithoutSession<T> = T extends unknown ? Omit<T, "session"> : never;

async function run(library: Library, command: WithoutSession<Parameters<Peer["execute"]>[0]>): Promise<Answer> {
  const peer = peers.get(library);
  if (peer === undefined) throw new Error(`${library.name} was not started`);
  return peer.execute({ session: library.id, ...command });
}

async function heard(library: Library, count = 1): Promise<NonNullable<Answer["heard"]>> {
  return (await run(library, { do: "take", count })).heard ?? [];
}
