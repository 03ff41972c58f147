// What the router tells about itself, and what it does for a session that is gone, by our own client over everything that
// carries a session (requirements 6, 5.10).
import { ApplicationError, type Session, Uri } from "@junctor/client";
import { MetaApi } from "@junctor/client/meta";
import { ALL_POWERS, connections, hear, Inbox, realmConfig, startRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";

const realms = [realmConfig("realm1", ALL_POWERS)];
const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "none",
    (error: unknown) => (error instanceof ApplicationError ? error.uri : error),
  );

describe.each(connections)("over $name", (connection) => {
  test("sessions are counted, listed, told of and ended (META-S-01 to META-S-08)", async () => {
    await using router = await startRouter({ connection, realms });
    const watcher = await router.join();
    const meta = new MetaApi(watcher);
    const told = new Inbox<unknown>();
    await meta.sessions.onJoin((details) => told.push(["join", details.session, details.authrole, details.authmethod]));
    await meta.sessions.onLeave((left) => told.push(["leave", left.session, left.authrole]));
    const alice = await router.join();
    expect(await told.next()).toEqual(["join", alice.id, "anonymous", "anonymous"]);
    expect([await meta.sessions.count(), await meta.sessions.count(["nobody"])]).toEqual([2, 0]);
    expect([...(await meta.sessions.list())].sort()).toEqual([watcher.id, alice.id].sort());
    const { transport, ...details } = await meta.sessions.get(alice.id);
    expect(details).toEqual({
      session: alice.id,
      authid: alice.authid,
      authrole: "anonymous",
      authmethod: "anonymous",
      authprovider: "static",
    });
    // No address, no header: the kind and nothing else (AMB-133).
    const kinds = connection.transport === "ws batched" ? ["type", "serializer", "batched"] : ["type", "serializer"];
    expect(Object.keys(transport ?? {})).toEqual(connection.transport === "memory" ? ["type"] : kinds);

    await meta.sessions.kill(alice.id, { reason: "com.town.banned", message: "out" });
    expect(await alice.closed).toEqual({ reason: "com.town.banned", message: "out", wasClean: true });
    expect(await told.next()).toEqual(["leave", alice.id, "anonymous"]);
    expect(await errorOf(meta.sessions.get(alice.id))).toBe(Uri.noSuchSession);
    expect(await errorOf(meta.sessions.kill(watcher.id))).toBe(Uri.noSuchSession);
    const others = [await router.join(), await router.join(), await router.join()];
    expect(await meta.sessions.killByAuthid(others[0]?.authid ?? "")).toEqual([others[0]?.id]);
    expect(await meta.sessions.killByAuthrole("nobody")).toBe(0);
    expect(await meta.sessions.killAll()).toBe(2);
    for (const { closed } of others) expect((await closed).reason).toBe(Uri.killed);
  });

  test("what callees and publishers say of their URIs is told to others, and gone with them (REFL-01)", async () => {
    await using router = await startRouter({ connection, realms });
    const [watcher, alice] = [await router.join(), await router.join()];
    const { reflection } = new MetaApi(watcher);
    const told = new Inbox<unknown>();
    await reflection.onDefine((...what) => told.push(["define", ...what]));
    await reflection.onUndefine((...what) => told.push(["undefine", ...what]));
    const own = new MetaApi(alice).reflection;
    const description = { summary: "größer", args: [{ name: "a", type: "int", default: 1.5 }, null], strict: true };
    await own.define("procedure", "com.town.add", description);
    await own.define("topic", "com.town.news", {});
    await own.define("error", "com.town.error", {});
    expect(await told.next()).toEqual(["define", alice.id, "procedure", "com.town.add"]);
    expect(await reflection.list("procedure")).toEqual(["com.town.add"]);
    expect(await reflection.describe("procedure", "com.town.add")).toEqual(description);
    expect([await reflection.describe("topic", "com.town.news"), await reflection.describe("topic", "com.town.other")]).toEqual([
      {},
      undefined,
    ]);
    await own.undefine("error", "com.town.error");
    await told.until((event) => (event as unknown[])[0] === "undefine");
    await alice.leave();
    expect([await told.next(), await told.next()]).toEqual([
      ["undefine", alice.id, "procedure", "com.town.add"],
      ["undefine", alice.id, "topic", "com.town.news"],
    ]);
    expect([await reflection.list("procedure"), await reflection.list("topic"), await reflection.list("error")]).toEqual([[], [], []]);
    expect(await errorOf(reflection.define("procedure", "wamp.x", {}))).toBe(Uri.invalidUri);
  });

  test("registrations and subscriptions are told of, looked up, and taken away (META-R-01 to META-R-03, META-P-01 to META-P-03)", async () => {
    await using router = await startRouter({ connection, realms });
    const [watcher, alice] = [await router.join(), await router.join()];
    const meta = new MetaApi(watcher);
    const kinds = [
      [meta.registrations, (session: Session, uri: string) => session.register(uri, () => 1)],
      [meta.subscriptions, (session: Session, uri: string) => session.subscribe(uri, () => {})],
    ] as const;
    for (const [objects, join] of kinds) {
      const told = new Inbox<unknown>();
      await objects.onCreate((session, { id, uri, match }) => told.push(["create", session, id, uri, match]));
      await objects.onJoin((session, id) => told.push(["join", session, id]));
      await objects.onLeave((session, id) => told.push(["leave", session, id]));
      await objects.onDelete((session, id) => told.push(["delete", session, id]));
      const joined = await join(alice, "com.town.x");
      const id: number = joined.id;
      expect([await told.next(), await told.next()]).toEqual([
        ["create", alice.id, id, "com.town.x", "exact"],
        ["join", alice.id, id],
      ]);
      expect([await objects.lookup("com.town.x"), await objects.lookup("com.town.x", "prefix")]).toEqual([id, undefined]);
      expect([await objects.match("com.town.x"), await objects.match("com.town.y")]).toEqual([[id], []]);
      expect(await objects.get(id)).toMatchObject({ id, uri: "com.town.x", match: "exact", created: "2026-01-01T00:00:00.000Z" });
      expect((await objects.list()).exact).toContain(id);
      expect([await objects.members(id), await objects.countMembers(id)]).toEqual([[alice.id], 1]);
      await objects.remove(id, alice.id, "com.town.retired");
      expect([await told.next(), await told.next()]).toEqual([
        ["leave", alice.id, id],
        ["delete", alice.id, id],
      ]);
      expect(await joined.revoked).toBe("com.town.retired");
      expect(await errorOf(objects.get(id))).toMatch(/^wamp\.error\.no_such_/);
    }
  });

  test("a testament is published when its session is gone, cut or left, unless it was taken back (PS-TEST-01 to PS-TEST-06)", async () => {
    await using router = await startRouter({ connection, realms });
    const heard = await hear(await router.join(), "com.town.last");
    const [cut, leaves, flushes] = [await router.join(), await router.join(), await router.join()];
    await new MetaApi(cut).addTestament("com.town.last", ["cut", new Uint8Array([0, 255])], { at: "noon" });
    await new MetaApi(leaves).addTestament("com.town.last", ["second"], {}, { discloseMe: true });
    await new MetaApi(leaves).addTestament("com.town.last", ["first"], {}, { scope: "detached", acknowledge: true });
    await new MetaApi(flushes).addTestament("com.town.last", ["never"]);
    await new MetaApi(flushes).flushTestaments();
    if (connection.transport === "memory") await cut.leave();
    else router.connectionOf(cut).destroy("test.cut");
    expect(await heard.next()).toMatchObject({ args: ["cut", new Uint8Array([0, 255])], kwargs: { at: "noon" } });
    await flushes.leave();
    await leaves.leave();
    expect((await heard.next()).args).toEqual(["first"]);
    expect(await heard.next()).toMatchObject({ args: ["second"], details: { publisher: leaves.id } });
    expect(await errorOf(new MetaApi(await router.join()).addTestament("wamp.x"))).toBe(Uri.invalidUri);
  });
});
