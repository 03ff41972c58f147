/**
 * Other people's clients, unmodified, meet through the router: every one as caller, callee, publisher and subscriber
 * against every other one, over every transport and in every format that it has.
 *
 * What a client receives is compared with what the other one was given, value by value, including whether a number is an
 * integer. What a library is known to do to a value is expected as such: see `exceptions` in libraries.ts.
 */
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { CASES, type Case, LARGE } from "./cases.ts";
import { expected, NOTHING, sendable } from "./expectation.ts";
import { junctorPeer } from "./junctor.ts";
import { CONNECTIONS, type Connection, LIBRARIES, type Library } from "./libraries.ts";
import { type Answer, type Peer, PeerProcess } from "./peer.ts";
import { commandOf } from "./peers/install.mjs";
import { type InteropRouter, startInteropRouter } from "./router.ts";

const isInstalled = (library: Library) => library.program === undefined || commandOf(...library.program) !== undefined;
const libraries = LIBRARIES.filter(isInstalled);
const connections = CONNECTIONS.filter(({ library }) => isInstalled(library));

const absent = LIBRARIES.filter((library) => !isInstalled(library)).map(({ name }) => name);
if (absent.length > 0) {
  const problem = `${absent.join(", ")}: not installed, or not in the version asked for. To get them: bash .ci/install`;
  if (process.env["CI"] === undefined) {
    console.log(`skipped: ${problem}`);
    test.skip(`with ${absent.join(", ")}`, () => {});
  } else {
    test("all libraries are there", () => {
      throw new Error(problem);
    });
  }
}

vi.setConfig({ testTimeout: 10_000 });

let router: InteropRouter;
const peers = new Map<Library, Peer>();
const joined = new Map<Connection, ReturnType<InteropRouter["lastJoined"]>>();

beforeAll(async () => {
  router = await startInteropRouter();
  for (const library of libraries) {
    const command = library.program === undefined ? undefined : commandOf(...library.program);
    peers.set(library, command === undefined ? junctorPeer() : new PeerProcess(library.name, command, router.environment));
  }
  for (const connection of connections) {
    // One after the other, so that the router's log tells whose session is whose.
    await peerOf(connection).execute({ do: "connect", session: connection.name, ...router.endpoint(connection) });
    joined.set(connection, router.lastJoined());
    const procedures = [...CASES, LARGE].map((item) => ({
      procedure: procedureOf(connection, item),
      answer: { ...errorOf(item), ...sendable(connection, item) },
    }));
    await peerOf(connection).execute({ do: "register", session: connection.name, procedures });
    await peerOf(connection).execute({ do: "subscribe", session: connection.name, topics: EVENTS.map(topicOf) });
  }
});

afterAll(async () => {
  expect(router.events.filter(({ event }) => event === "proto.violation")).toEqual([]);
  await Promise.all([...peers.values()].map((peer) => peer[Symbol.asyncDispose]()));
  await router[Symbol.asyncDispose]();
});

describe.each(connections)("$name", (connection) => {
  test("joins in this way and no other", () => {
    const { transport, serializer } = connection;
    expect(joined.get(connection)).toMatchObject({ transport: transport.replace(/^unix-|-tls$|-batched$/, ""), serializer });
    expect(joined.get(connection)?.address === undefined).toBe(transport.startsWith("unix-"));
  });

  test.each(libraries)("calls $name, and each gets what the other sent", async (library) => {
    const callees = connections.filter((callee) => callee.library === library);
    const calls = callees.flatMap((callee) => CASES.map((item) => ({ callee, item, procedure: procedureOf(callee, item) })));
    const { results = [] } = await peerOf(connection).execute({
      do: "call",
      session: connection.name,
      calls: calls.map(({ procedure, item }) => ({ procedure, ...sendable(connection, item) })),
    });
    const invocations = await heard(callees, CASES.length);
    expect([
      ...differences(
        calls.map(({ procedure, callee, item }, i) => ({
          what: `result of ${procedure}`,
          got: results[i],
          wanted: { ...errorOf(item), ...expected(callee, connection, item) },
        })),
      ),
      ...differences(
        calls.map(({ procedure, callee, item }) => ({
          what: `invocation of ${procedure}`,
          got: withUri(invocations.get(callee), procedure),
          wanted: { uri: procedure, ...expected(connection, callee, item) },
        })),
      ),
    ]).toEqual([]);
  });

  test("publishes, and everybody else gets what it sent, in order", async () => {
    const subscribers = connections.filter((subscriber) => subscriber !== connection);
    await peerOf(connection).execute({
      do: "publish",
      session: connection.name,
      events: EVENTS.map((item) => ({ topic: topicOf(item), ...sendable(connection, item) })),
    });
    const events = await heard(subscribers, EVENTS.length);
    const all = subscribers.flatMap((subscriber) =>
      EVENTS.map((item, i) => ({
        what: `event ${item.name} at ${subscriber.name}`,
        got: subscriber.library.scramblesEvents ? withUri(events.get(subscriber), topicOf(item)) : events.get(subscriber)?.[i],
        wanted: { uri: topicOf(item), ...expected(connection, subscriber, item) },
      })),
    );
    expect(differences(all)).toEqual([]);
  });

  test("carries long messages both ways", async () => {
    const procedure = procedureOf(connection, LARGE);
    const { results = [] } = await peerOf(connection).execute({
      do: "call",
      session: connection.name,
      calls: [{ procedure, args: LARGE.args, kwargs: LARGE.kwargs }],
    });
    const invocations = await heard([connection], 1);
    const arrived = expected(connection, connection, LARGE);
    expect(isDeepStrictEqual(results, [arrived]), "the result").toBe(true);
    expect(isDeepStrictEqual(invocations.get(connection), [{ uri: procedure, ...arrived }]), "the invocation").toBe(true);
  });

  test("is told by error URI that a procedure does not exist", async () => {
    const calls = [{ procedure: "interop.nobody", ...NOTHING }];
    const { results } = await peerOf(connection).execute({ do: "call", session: connection.name, calls });
    expect(results?.map(({ error }) => error)).toEqual(["wamp.error.no_such_procedure"]);
  });

  test("leaves with GOODBYE", async () => {
    const session = `${connection.name}.leaving`;
    await peerOf(connection).execute({ do: "connect", session, ...router.endpoint(connection) });
    const id = router.lastJoined()?.session;
    await peerOf(connection).execute({ do: "leave", session });
    expect(router.events.find((event) => event.event === "session.close" && event.session === id)).toMatchObject({
      reason: "wamp.close.close_realm",
    });
  });
});

interface Comparison {
  readonly what: string;
  readonly got: unknown;
  readonly wanted: unknown;
}

/** Only what differs: the whole would be a thousand lines. */
function differences(comparisons: readonly Comparison[]): string[] {
  return comparisons
    .filter(({ got, wanted }) => !isDeepStrictEqual(got, wanted))
    .map(({ what, got, wanted }) => `${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`);
}

// --- Names ---------------------------------------------------------------------------------------------

/** Errors are not for events. */
const EVENTS = CASES.filter(({ error }) => error === undefined);

const procedureOf = ({ name }: Connection, item: Case) => `interop.${name}.${item.name}`;
const errorOf = ({ error }: Case) => (error === undefined ? {} : { error });
const topicOf = (item: Case) => `interop.event.${item.name}`;

// --- Peers ------------------------------------------------------------------------------------------------------------------

function peerOf({ library }: Connection): Peer {
  const peer = peers.get(library);
  if (peer === undefined) throw new Error(`${library.name} was not started`);
  return peer;
}

type Heard = NonNullable<Answer["heard"]>;

/** What each of them was invoked with or received, as it came, once it is so many messages. */
async function heard(sessions: readonly Connection[], count: number): Promise<Map<Connection, Heard>> {
  return new Map(
    await Promise.all(
      sessions.map(async (connection) => {
        const { heard = [] } = await peerOf(connection).execute({ do: "take", session: connection.name, count });
        return [connection, heard] as const;
      }),
    ),
  );
}

/** Calls are made at once, and some clients answer each in a goroutine of its own: they come in any order. */
const withUri = (messages: Heard | undefined, uri: string) => messages?.find((message) => message.uri === uri);
