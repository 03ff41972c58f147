// A reload is all or nothing, and costs no session that the new configuration has a place for (issue 6, F24).
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type Session } from "@junctor/client";
import { ticket } from "@junctor/client/auth/ticket";
import { Uri } from "@junctor/protocol";
import { ListenError } from "@junctor/transport-node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig, parseConfig } from "../config/load.ts";
import { LISTENER_REMOVED } from "../listeners.ts";
import type { LogEvent } from "../log.ts";
import { type RunningServer, startServer } from "../server.ts";
import { UserError } from "../user-error.ts";
import { Reloader, serverConfig } from "./reloader.ts";

const EVERYTHING = { allow: { call: ["*"], register: ["*"], publish: ["*"], subscribe: ["*"] } };

/** The file of the start, to be changed. */
const START = () => ({
  version: 1,
  listen: [
    { type: "rawsocket", port: 0 } as Record<string, unknown>,
    { type: "rawsocket", path: join(folder, "second.sock") } as Record<string, unknown>,
  ],
  realms: {
    app: {
      auth: [{ method: "anonymous", role: "guest" }, { method: "ticket" }] as Record<string, unknown>[],
      users: { ada: { role: "user", ticket: "sesame" }, bob: { role: "user", ticket: "apple" } } as Record<string, object>,
      roles: { guest: EVERYTHING, user: EVERYTHING } as Record<string, object>,
      events: {} as Record<string, unknown>,
    } as Record<string, unknown> & { users: Record<string, object>; roles: Record<string, object> },
    other: { auth: [{ method: "anonymous", role: "guest" }], roles: { guest: EVERYTHING } },
  } as Record<string, Record<string, unknown>>,
  limits: {} as Record<string, unknown>,
  log: { level: "info" } as Record<string, unknown>,
});
type File = ReturnType<typeof START>;

let folder: string;
let server: RunningServer;
let log: LogEvent[];
let logger: { level: string };
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "junctor-reload-"));
  log = [];
  logger = { level: "" };
  server = await startServer({ ...parsed(START()), log: (event) => log.push(event), logger });
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const parsed = (file: File) => serverConfig(parseConfig(JSON.stringify(file), join(folder, "config.json")));

/** Changes the file of the start, and applies it. */
function apply(change: (file: File) => void, isDryRun = false) {
  const file = START();
  change(file);
  return server.apply(parsed(file), isDryRun);
}
const app = (file: File) => file.realms["app"] as { users: Record<string, object>; roles: Record<string, object>; [key: string]: unknown };

const tcp = () => `tcp://${server.listeners[0]?.address}`;
const unix = () => `unix:${join(folder, "second.sock")}`;
const joining = (url = tcp(), realm = "app", auth: NonNullable<Parameters<typeof connect>[0]["auth"]> = []) =>
  connect({ url, realm, auth });
const user = (authid: string, secret: string) => joining(tcp(), "app", [ticket({ authid, ticket: secret })]);
const answers = async (session: Session) => (await session.call("wamp.session.count")).value;

/** A free port that somebody else listens on. */
async function takenPort() {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { port, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void taken.close(() => resolve())) };
}

test("the same configuration again changes nothing, and nobody notices", async () => {
  await using session = await joining();
  const [first, second] = server.listeners;
  expect(await apply(() => {})).toEqual({
    applied: [],
    needsRestart: [],
    closedSessions: {},
    revoked: { subscriptions: 0, registrations: 0 },
  });
  expect(server.listeners).toEqual([first, second]);
  expect(session.isOpen).toBe(true);
});

test("what is added is there afterwards, and sessions go on: a realm, a role, a user, a listener, limits, the log's level", async () => {
  await using session = await joining();
  const path = join(folder, "third.sock");
  const { applied, closedSessions } = await apply((file) => {
    file.realms["new"] = { auth: [{ method: "anonymous", role: "r" }], roles: { r: EVERYTHING } };
    app(file).roles["more"] = EVERYTHING;
    app(file).users["kim"] = { role: "more", ticket: "pear" };
    file.listen.push({ type: "universal", path });
    file.limits["callsPerSession"] = 7;
    file.log["level"] = "debug";
  });
  expect(applied).toEqual([
    { path: `listen[${path}]`, what: "added" },
    { path: "realms.app.users", what: "changed" },
    { path: "realms.app.roles.more", what: "added" },
    { path: "realms.new", what: "added" },
    { path: "limits.callsPerSession", what: "changed" },
    { path: "log.level", what: "changed" },
  ]);
  await using kim = await joining(`unix:${path}`, "app", [ticket({ authid: "kim", ticket: "pear" })]);
  await using fresh = await joining(tcp(), "new");
  expect([kim.authrole, await answers(fresh), closedSessions, session.isOpen, logger.level]).toEqual(["more", 1, {}, true, "debug"]);
  expect([...server.router.realms].find(({ name }) => name === "app")?.limits.callsPerSession).toBe(7);
  expect(log).toContainEqual({ event: "listener.up", type: "universal", address: path, tls: false });
});

describe("a session ends, with its reason, when what it stands on is gone", () => {
  test.each<[what: string, join: () => Promise<Session>, change: (file: File) => void, reason: string]>([
    ["its realm", () => joining(tcp(), "other"), (file) => void delete file.realms["other"], Uri.closeRealm],
    ["its listener", () => joining(unix()), (file) => void file.listen.pop(), LISTENER_REMOVED],
    ["its user", () => user("ada", "sesame"), (file) => void delete app(file).users["ada"], Uri.authenticationRequired],
    [
      "its user's credential",
      () => user("ada", "sesame"),
      (file) => {
        app(file).users["ada"] = { role: "user", ticket: "new" };
      },
      Uri.authenticationRequired,
    ],
    [
      "its role",
      () => joining(),
      (file) => {
        delete app(file).roles["guest"];
        app(file)["auth"] = [{ method: "ticket" }, { method: "tls", rules: [] }].slice(0, 1);
        app(file).users["ada"] = { role: "user", ticket: "sesame" };
      },
      Uri.noSuchRole,
    ],
    [
      "its way in",
      () => joining(),
      (file) => {
        app(file)["auth"] = [{ method: "ticket" }];
      },
      Uri.authenticationRequired,
    ],
    [
      "the role that its way in gives",
      () => joining(),
      (file) => {
        app(file)["auth"] = [{ method: "anonymous", role: "user" }, { method: "ticket" }];
      },
      Uri.authenticationRequired,
    ],
  ])("%s", async (_what, join, change, reason) => {
    await using session = await join();
    await using bob = await user("bob", "apple");
    expect((await apply(change, true)).closedSessions).toEqual({ [reason]: 1 });
    expect([session.isOpen, await answers(bob)]).toEqual([true, expect.any(Number)]);
    expect((await apply(change)).closedSessions).toEqual({ [reason]: 1 });
    expect((await session.closed).reason).toBe(reason);
    expect(bob.isOpen).toBe(true);
  });
});

test("users in a file of their own are the same users, and a session of one of them stays", async () => {
  await using ada = await user("ada", "sesame");
  await using bob = await user("bob", "apple");
  writeFileSync(
    join(folder, "users.yaml"),
    JSON.stringify({ ada: { role: "user", ticket: "sesame" }, kim: { role: "user", ticket: "x" } }),
  );
  const { closedSessions } = await apply((file) => {
    app(file)["users"] = "users.yaml" as never;
  });
  expect(closedSessions).toEqual({ [Uri.authenticationRequired]: 1 });
  expect([ada.isOpen, (await bob.closed).reason]).toEqual([true, Uri.authenticationRequired]);
  // And the file is watched from now on.
  writeFileSync(join(folder, "users.yaml"), "{}");
  server.checkFiles();
  expect((await ada.closed).reason).toBe(Uri.authenticationRequired);
});

test("a role with fewer rights leaves its sessions, without what it does not give any more", async () => {
  await using session = await joining();
  await session.subscribe("com.kept", () => {});
  await session.subscribe("com.lost", () => {});
  await session.register("com.lost.p", () => {});
  const { revoked, closedSessions } = await apply((file) => {
    app(file).roles["guest"] = { allow: { subscribe: ["com.kept"], call: ["*"] } };
  });
  expect([revoked, closedSessions]).toEqual([{ subscriptions: 1, registrations: 1 }, {}]);
  expect(await session.call("wamp.subscription.match", ["com.kept"]).then(({ value }) => value)).toHaveLength(1);
  await expect(session.call("com.lost.p")).rejects.toThrow(/no_such_procedure/);
});

describe("what cannot be is refused, and nothing has changed", () => {
  const nothing = async (change: (file: File) => void, error: unknown, message: RegExp) => {
    await using session = await joining();
    const before = [[...server.router.realms].map(({ name }) => name), server.listeners.map(({ address }) => address)];
    const all = (file: File) => {
      file.realms["new"] = { auth: [{ method: "anonymous", role: "r" }], roles: { r: EVERYTHING } };
      delete file.realms["other"];
      app(file).roles["guest"] = {};
      file.listen.push({ type: "rawsocket", path: join(folder, "new.sock") });
      file.log["level"] = "error";
      change(file);
    };
    for (const isDryRun of [true, false])
      await expect(apply(all, isDryRun)).rejects.toSatisfy((thrown) => thrown instanceof (error as never));
    await expect(apply(all)).rejects.toThrow(message);
    expect([[...server.router.realms].map(({ name }) => name), server.listeners.map(({ address }) => address)]).toEqual(before);
    expect([await answers(session), logger.level]).toEqual([1, "info"]);
    await session.subscribe("com.x", () => {});
    await expect(connect({ url: `unix:${join(folder, "new.sock")}`, realm: "app" })).rejects.toThrow(/new.sock/);
    // The way is free for the next one.
    expect((await apply((file) => void file.listen.push({ type: "rawsocket", path: join(folder, "new.sock") }))).applied).toHaveLength(1);
  };

  test("a port that is taken", async () => {
    await using taken = await takenPort();
    await nothing((file) => void file.listen.push({ type: "rawsocket", port: taken.port }), ListenError, /in use/);
  });

  test("a users file that is not there", () =>
    nothing(
      (file) => {
        app(file)["users"] = "missing.yaml" as never;
      },
      UserError,
      /does not exist/,
    ));

  test("a certificate that is not there", () =>
    nothing(
      (file) => {
        file.listen[0] = { type: "rawsocket", port: 0, tls: { cert: "c.pem", key: "k.pem" } };
      },
      UserError,
      /cannot read/,
    ));

  test("a listener on all addresses of a port that the server gives up on one of them", async () => {
    const taken = await takenPort();
    await taken[Symbol.asyncDispose]();
    const at = (host: string) => (file: File) => {
      file.listen[0] = { type: "rawsocket", host, port: taken.port };
    };
    await apply(at("127.0.0.1"));
    await expect(apply(at("0.0.0.0"))).rejects.toThrow(/which this configuration gives up/);
    await using session = await joining();
    expect(session.isOpen).toBe(true);
  });
});

test("what has to wait for a restart stays, is told each time, and the rest is applied", async () => {
  const change = (file: File) => {
    app(file)["events"] = { history: [{ topic: "com.h" }], store: { path: "events" }, sharding: true };
    file.listen[1] = { type: "rawsocket", path: join(folder, "second.sock"), mode: "0660" };
    file.log["format"] = "json";
  };
  const needsRestart = [
    { path: `listen[${join(folder, "second.sock")}].mode`, what: "added" },
    { path: "realms.app.events.history", what: "changed" },
    { path: "realms.app.events.store", what: "added" },
    { path: "log.format", what: "changed" },
  ];
  expect(await apply(change)).toMatchObject({ applied: [{ path: "realms.app.events.sharding" }], needsRestart });
  expect(await apply(change)).toMatchObject({ applied: [], needsRestart });
  expect(await apply(() => {})).toMatchObject({ applied: [{ path: "realms.app.events.sharding" }], needsRestart: [] });
});

test("reloads that are asked for at once follow one another, and the last one counts", async () => {
  const levels = ["debug", "warn", "error", "trace"];
  await Promise.all(
    levels.map((level) =>
      apply((file) => {
        file.log["level"] = level;
        file.realms[level] = { auth: [{ method: "anonymous", role: "r" }], roles: { r: {} } };
      }),
    ),
  );
  expect([logger.level, [...server.router.realms].map(({ name }) => name).sort()]).toEqual(["trace", ["app", "junctor", "other", "trace"]]);
});

describe("a file is reloaded", () => {
  const reloader = () => new Reloader(server, join(folder, "config.json"), loadConfig, (event) => log.push(event));
  const write = (text: string) => writeFileSync(join(folder, "config.json"), text);

  test("and the log says what is different", async () => {
    write(JSON.stringify({ ...START(), limits: { callsPerSession: 9 } }));
    await reloader().reload();
    expect(log.at(-1)).toMatchObject({
      event: "config.reloaded",
      applied: ["limits.callsPerSession"],
      needsRestart: [],
      closedSessions: {},
    });
  });

  test("not, where it has errors: the log says which", async () => {
    write("version: 1\nlisten: 5\n");
    await expect(reloader().reload()).rejects.toThrow(UserError);
    expect(log.at(-1)).toMatchObject({ event: "config.rejected", message: expect.stringContaining("config.json:2:1") });
  });

  test("not, when it is only tried: nothing is logged", async () => {
    write(JSON.stringify({ ...START(), limits: { callsPerSession: 9 } }));
    const lines = log.length;
    expect((await reloader().reload(undefined, true)).applied).toHaveLength(1);
    expect(log.length).toBe(lines);
  });
});
