// The realm `junctor`: who gets in by which way, what their roles let them do, and what they are told.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ADMIN_REALM, ADMIN_ROLES, AdminError, PROCEDURES, type SessionPage, type Status, type TraceRecord } from "@junctor/admin-api";
import { ApplicationError, connect, JoinError, type Session } from "@junctor/client";
import { ticket } from "@junctor/client/auth/ticket";
import { Uri } from "@junctor/protocol";
import type { Session as RouterSession } from "@junctor/router";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { ConfigError, parseConfig } from "../config/load.ts";
import { limitsOf } from "../config/schema.ts";
import type { LogEvent } from "../log.ts";
import { type RunningServer, startServer } from "../server.ts";
import { UserError } from "../user-error.ts";
import { ClosedSessions } from "./closed-sessions.ts";

const USERS = Object.fromEntries(ADMIN_ROLES.map((role) => [role, { role, ticket: role }]));
const REALMS = {
  app: { auth: [{ method: "anonymous", role: "user" }], roles: { user: { allow: { call: ["*"], register: ["*"], subscribe: ["*"] } } } },
};

let folder: string;
let log: LogEvent[];
let servers: RunningServer[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "junctor-"));
  log = [];
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  rmSync(folder, { recursive: true });
});

async function start(rest: object = {}): Promise<RunningServer> {
  const config = parseConfig(
    JSON.stringify({ version: 1, listen: [{ type: "rawsocket", port: 0 }], realms: REALMS, ...rest }),
    join(folder, "config.json"),
  );
  const { listen, realms, admin, state } = config;
  const server = await startServer({ listen, realms, admin, state, limits: limitsOf(config), log: (event) => log.push(event) });
  servers.push(server);
  return server;
}

const socket = () => `unix:${join(folder, ".junctor", "control.sock")}`;
const local = (realm = ADMIN_REALM) => connect({ url: socket(), realm });
const remote = (server: RunningServer, user?: string, realm = ADMIN_REALM) =>
  connect({
    url: `tcp://${server.listeners[0]?.address}`,
    realm,
    ...(user !== undefined && { auth: [ticket({ authid: user, ticket: user })] }),
  });
const call = async (session: Session, uri: string, kwargs: Record<string, unknown> = {}) => (await session.call(uri, [], kwargs)).value;
const errorOf = (calling: Promise<unknown>) =>
  calling.then(
    () => undefined,
    (error: unknown) => (error instanceof ApplicationError ? error.uri : error instanceof JoinError ? error.reason : String(error)),
  );

describe("the control socket", () => {
  test("is for the user of the server alone, and makes whoever opens it an admin", async () => {
    await start();
    expect(statSync(join(folder, ".junctor", "control.sock")).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, ".junctor")).mode & 0o777).toBe(0o700);
    await using session = await local();
    expect(session).toMatchObject({ authid: "local", authrole: "admin" });
    expect(await call(session, "junctor.status")).toMatchObject({ pid: process.pid, isDraining: false });
  });

  test("that a server has left behind does not keep the next one from starting", async () => {
    mkdirSync(join(folder, ".junctor"));
    // As a killed process leaves it: the file, and nobody behind it.
    const listen = `require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
    spawnSync(process.execPath, ["-e", listen, join(folder, ".junctor", "control.sock")]);
    expect(statSync(join(folder, ".junctor", "control.sock")).isSocket()).toBe(true);
    await start();
    await using session = await local();
    expect(session.authrole).toBe("admin");
  });

  test("of a server that runs keeps a second one from starting, which is told who is there", async () => {
    await start();
    const second = start({ listen: [{ type: "rawsocket", port: 0 }] });
    await expect(second).rejects.toThrow(new RegExp(`another server, process ${process.pid}`));
    await expect(second).rejects.toBeInstanceOf(UserError);
  });

  test("opens no other realm wider than it is", async () => {
    await start({ realms: { app: { auth: [{ method: "ticket" }], users: {}, roles: {} } } });
    expect(await errorOf(local("app"))).toBe(Uri.authenticationRequired);
  });

  test("leads to the same node after a restart", async () => {
    const nodeOf = async () => {
      const server = await start();
      await using session = await local();
      const { node } = (await call(session, "junctor.status")) as Status;
      await session.leave();
      await server.close();
      return node;
    };
    expect(await nodeOf()).toBe(await nodeOf());
  });
});

describe("from elsewhere", () => {
  test("nobody gets in where the configuration does not say who", async () => {
    const server = await start();
    expect(await errorOf(remote(server))).toBe(Uri.authenticationDenied);
    expect(await errorOf(remote(server, "admin"))).toBe(Uri.authenticationDenied);
  });

  test("each role may call what it is enough for, and nothing else", async () => {
    const server = await start({ admin: { auth: [{ method: "ticket" }], users: USERS } });
    for (const [place, role] of ADMIN_ROLES.entries()) {
      await using session = await remote(server, role);
      for (const [uri, least] of Object.entries(PROCEDURES)) {
        const error = await errorOf(call(session, uri, { no: "such argument" }));
        expect([role, uri, error === Uri.notAuthorized]).toEqual([role, uri, place < ADMIN_ROLES.indexOf(least)]);
      }
      expect(await errorOf(session.register("junctor.own", () => 1))).toBe(Uri.notAuthorized);
      expect(await errorOf(session.publish("junctor.alarm.on_raised", [], {}, { acknowledge: true }))).toBe(Uri.notAuthorized);
      expect(await errorOf(session.subscribe("junctor.", () => {}, { match: "prefix" }))).toBe(Uri.notAuthorized);
    }
  });

  test("those who get into another realm have no part in it", async () => {
    const server = await start();
    await using session = await remote(server, undefined, "app");
    expect(await errorOf(session.call("junctor.status"))).toBe(Uri.noSuchProcedure);
  });
});

describe("a configuration", () => {
  const problems = (rest: object) => {
    try {
      parseConfig(JSON.stringify({ version: 1, listen: [{ type: "web", port: 0 }], realms: REALMS, ...rest }), "config.json");
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`);
      throw error;
    }
    return [];
  };

  test("has no realm of that name", () => {
    expect(problems({ realms: { ...REALMS, junctor: REALMS.app } })).toEqual([expect.stringMatching(/^realms\.junctor: .*admin\.auth/)]);
  });

  test("knows the roles that there are, and lets nobody in as an operator without asking", () => {
    expect(
      problems({
        admin: { auth: [{ method: "anonymous", role: "operator" }, { method: "ticket" }], users: { ada: { role: "boss", ticket: "x" } } },
      }),
    ).toEqual([
      expect.stringMatching(/^admin\.auth\[0\]\.role: everybody could/),
      expect.stringMatching(/^admin\.users\.ada\.role: got "boss", expected a role/),
    ]);
    expect(problems({ admin: { auth: [{ method: "ticket" }] } })).toEqual([expect.stringMatching(/^admin\.auth\[0\]: nobody can log in/)]);
    expect(problems({ admin: { auth: [{ method: "anonymous", role: "viewer" }] } })).toEqual([]);
  });
});

describe("a procedure", () => {
  test("is there for each one of the contract", async () => {
    const server = await start();
    expect([...server.admin.api.provided].sort()).toEqual(Object.keys(PROCEDURES).sort());
  });

  test("refuses arguments that it does not know, or that are wrong", async () => {
    await start();
    await using session = await local();
    for (const kwargs of [{ sesion: 1 }, { session: "1" }, { session: 0 }, {}])
      await expect(call(session, "junctor.sessions.get", kwargs)).rejects.toMatchObject({ uri: Uri.invalidArgument });
  });

  test("that acts leaves a line in the log: who, what, and why it failed", async () => {
    await start();
    await using session = await local();
    expect(await errorOf(call(session, "junctor.sessions.kill", { session: 5 }))).toBe(Uri.noSuchSession);
    expect(log.filter(({ event }) => event === "admin.action")).toEqual([
      {
        event: "admin.action",
        procedure: "junctor.sessions.kill",
        session: session.id,
        authid: "local",
        authrole: "admin",
        address: undefined,
        message: expect.stringContaining("there is no session 5"),
      },
    ]);
  });

  test("has one handler", async () => {
    const { api } = (await start()).admin;
    expect(() => api.provide("junctor.status", z.strictObject({}), () => Promise.reject(new Error()))).toThrow(TypeError);
  });
});

describe("sessions", () => {
  test("are those of all realms and none of the server's own, with what has gone over their connections", async () => {
    const server = await start();
    await using admin = await local();
    await using callee = await remote(server, undefined, "app");
    await using caller = await remote(server, undefined, "app");
    await callee.register("com.wait", () => new Promise(() => {}));
    const waiting = caller.call("com.wait", ["x".repeat(10_000)]).catch(() => {});
    const { sessions, total } = (await call(admin, "junctor.sessions.list", { realm: "app", order: "bytesIn" })) as SessionPage;
    expect(total).toBe(2);
    expect(sessions.map(({ session }) => session)).toEqual([caller.id, callee.id]);
    expect(sessions[0]).toMatchObject({
      authrole: "user",
      transport: "rawsocket",
      address: "127.0.0.1",
      received: 1,
      calls: 1,
      invocations: 0,
    });
    expect(sessions[0]?.bytesIn).toBeGreaterThan(10_000);
    expect(sessions[1]).toMatchObject({ registrations: 1, invocations: 1 });
    const { bytesOut = 0, queued = 0 } = sessions[1] ?? {};
    expect(bytesOut + queued).toBeGreaterThan(10_000);
    expect(((await call(admin, "junctor.sessions.list", { limit: 1 })) as SessionPage).sessions).toHaveLength(1);
    expect(((await call(admin, "junctor.sessions.list")) as SessionPage).total).toBe(3);
    const { realms } = (await call(admin, "junctor.status")) as Status;
    expect(realms).toEqual([
      expect.objectContaining({ name: "app", sessions: 2, registrations: 1, callsInFlight: 1 }),
      expect.objectContaining({ name: "junctor", sessions: 1 }),
    ]);
    await caller.leave();
    await waiting;
  });

  test("are ended by their id, with what they are told", async () => {
    const server = await start();
    await using admin = await local();
    await using session = await remote(server, undefined, "app");
    expect(await call(admin, "junctor.sessions.kill", { session: session.id, message: "maintenance" })).toBe(null);
    expect(await session.closed).toMatchObject({ reason: Uri.killed, message: "maintenance" });
    expect(await errorOf(call(admin, "junctor.sessions.get", { session: session.id }))).toBe(Uri.noSuchSession);
  });
});

describe("what is registered and subscribed", () => {
  test("is listed by realm and prefix, shown with who takes part, and can be taken away", async () => {
    const server = await start();
    await using admin = await local();
    await using callee = await remote(server, undefined, "app");
    await using other = await remote(server, undefined, "app");
    const registration = await callee.register("com.app.a", () => 1, { invoke: "roundrobin" });
    await other.register("com.app.a", () => 2, { invoke: "roundrobin" });
    await other.register("com.app.b", () => 2);
    await other.subscribe("com.", () => {}, { match: "prefix" });
    const list = await call(admin, "junctor.procedures.list", { prefix: "com.app." });
    expect(list).toMatchObject({
      total: 2,
      procedures: [
        { realm: "app", procedure: "com.app.a", invoke: "roundrobin", callees: 2 },
        { procedure: "com.app.b", callees: 1 },
      ],
    });
    expect(await call(admin, "junctor.procedures.list", { realm: "junctor" })).toMatchObject({ total: Object.keys(PROCEDURES).length });
    expect(await call(admin, "junctor.subscriptions.list")).toMatchObject({
      total: 1,
      subscriptions: [{ realm: "app", topic: "com.", match: "prefix", subscribers: 1, hasHistory: false }],
    });
    const [{ subscription }] = ((await call(admin, "junctor.subscriptions.list")) as { subscriptions: [{ subscription: number }] })
      .subscriptions;
    expect(await call(admin, "junctor.subscriptions.get", { subscription })).toMatchObject({ topic: "com.", sessions: [other.id] });
    const { id } = registration;
    expect(await call(admin, "junctor.procedures.get", { registration: id })).toMatchObject({ sessions: [callee.id, other.id] });

    const unregister = { registration: id, session: callee.id, reason: "com.app.old" };
    expect(await call(admin, "junctor.procedures.unregister", unregister)).toEqual({ removed: 1 });
    expect(await registration.revoked).toBe("com.app.old");
    expect(await errorOf(call(admin, "junctor.procedures.unregister", unregister))).toBe(AdminError.notFound);
    expect((await other.call("com.app.a")).value).toBe(2);
    expect(await call(admin, "junctor.procedures.unregister", { registration: id })).toEqual({ removed: 1 });
    expect(await errorOf(call(admin, "junctor.procedures.get", { registration: id }))).toBe(Uri.noSuchRegistration);
  });

  test("by the server itself cannot be taken away", async () => {
    await start();
    await using admin = await local();
    const { procedures } = (await call(admin, "junctor.procedures.list", { realm: "junctor", limit: 1 })) as {
      procedures: [{ registration: number }];
    };
    const [{ registration }] = procedures;
    expect(await errorOf(call(admin, "junctor.procedures.unregister", { registration }))).toBe(AdminError.notFound);
  });
});

test("alarms are told to those who listen, and listed", async () => {
  const server = await start();
  await using admin = await local();
  const heard: unknown[] = [];
  const both = new Promise<void>((resolve) => {
    void admin.subscribe("junctor.alarm.on_raised", ({ kwargs }) => heard.push(kwargs["message"]));
    void admin
      .subscribe("junctor.alarm.on_cleared", ({ kwargs }) => {
        heard.push(kwargs["subject"]);
        resolve();
      })
      .then(() => {
        server.alarms.raise("service", "critical", "it has failed", "web");
        server.alarms.clear("service", "web");
      });
  });
  await both;
  expect(heard).toEqual(["it has failed", "web"]);
  expect(await call(admin, "junctor.alarms.list")).toMatchObject({ active: [], cleared: [{ name: "service", subject: "web" }] });
  expect(log).toContainEqual({ event: "alarm.raised", name: "service", subject: "web", severity: "critical", message: "it has failed" });
});

describe("sessions that have ended", () => {
  test("are kept with why, the newest first, and found by who they were", async () => {
    const server = await start();
    await using admin = await local();
    const first = await remote(server, undefined, "app");
    const second = await remote(server, undefined, "app");
    await first.leave();
    await call(admin, "junctor.sessions.kill", { session: second.id, reason: "com.app.close.bored" });
    await second.closed;
    const closed = (await call(admin, "junctor.closed", { realm: "app" })) as { sessions: readonly object[] };
    expect(closed).toMatchObject({
      total: 2,
      sessions: [
        { session: second.id, reason: "com.app.close.bored", authrole: "user", address: "127.0.0.1", received: 0, queued: 0 },
        { session: first.id, reason: Uri.closeRealm },
      ],
    });
    expect(closed.sessions[0]).toHaveProperty("durationMs");
    expect(await call(admin, "junctor.closed", { reason: "com.app." })).toMatchObject({ total: 1 });
    expect(await call(admin, "junctor.closed", { authid: first.authid })).toMatchObject({ total: 1 });
  });

  test("are kept in a ring that forgets the oldest", () => {
    const closed = new ClosedSessions();
    const session = (id: number, isTrusted = false) =>
      ({ id, isTrusted, origin: {}, realm: { name: "app", dealer: { now: () => 0 } }, openedAt: 0 }) as unknown as RouterSession;
    for (let id = 1; id <= 10_010; id++) closed.add(session(id), "x");
    closed.add(session(1, true), "x");
    const ids = [...closed].map(({ session }) => session);
    expect([ids.length, ids[0], ids.at(-1)]).toEqual([10_000, 10_010, 11]);
  });
});

test("whoever does not read is told of with the subscription that is to blame", async () => {
  const server = await start({ realms: { app: { ...REALMS.app, roles: { user: { allow: { subscribe: ["*"], publish: ["*"] } } } } } });
  await using admin = await local();
  await using publisher = await remote(server, undefined, "app");
  const address = server.listeners[0]?.address ?? "";
  const socket = connectSocket(Number(address.split(":")[1]), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  const frame = (message: unknown) => {
    const text = Buffer.from(JSON.stringify(message));
    const head = Buffer.alloc(4);
    head.writeUInt32BE(text.length);
    return Buffer.concat([head, text]);
  };
  socket.write(Buffer.from([0x7f, 0xf1, 0, 0]));
  socket.write(frame([1, "app", { roles: { subscriber: {} } }]));
  socket.write(frame([32, 1, {}, "com.app.little"]));
  socket.write(frame([32, 2, {}, "com.app.much"]));
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  const isSubscribed = async () =>
    ((await call(admin, "junctor.subscriptions.list", { prefix: "com.app.much" })) as { total: number }).total;
  while ((await isSubscribed()) === 0);
  const text = "x".repeat(100_000);
  let slow: readonly { queued: number; cause?: { topic: string; bytes: number } }[] = [];
  do {
    for (let i = 0; i < 10; i++) await publisher.publish("com.app.much", [text], {}, { acknowledge: true });
    await publisher.publish("com.app.little", [text], {}, { acknowledge: true });
    slow = ((await call(admin, "junctor.slow")) as { sessions: typeof slow }).sessions;
  } while (slow[0]?.cause === undefined);
  expect(slow[0].cause.topic).toBe("com.app.much");
  expect(slow[0].queued).toBeGreaterThanOrEqual(slow[0].cause.bytes / 2);
});

describe("a trace", () => {
  async function traced(admin: Session, options: Record<string, unknown>, work: () => Promise<unknown>): Promise<readonly TraceRecord[]> {
    const records: TraceRecord[] = [];
    await admin.subscribe("junctor.trace.on_records", ({ kwargs }) => void records.push(...(kwargs["records"] as TraceRecord[])));
    const ended = new Promise<unknown>(
      (resolve) => void admin.subscribe("junctor.trace.on_end", ({ kwargs }) => resolve(kwargs["reason"])),
    );
    const { trace } = (await call(admin, "junctor.trace.start", options)) as { trace: number };
    await work();
    if (options["count"] === undefined) await call(admin, "junctor.trace.stop", { trace });
    expect(await ended).toBe(options["count"] === undefined ? "stopped" : "count");
    return records;
  }

  test("of a URI tells each step of its calls, without arguments, and nothing else", async () => {
    const server = await start();
    await using admin = await local();
    await using callee = await remote(server, undefined, "app");
    await using caller = await remote(server, undefined, "app");
    await callee.register("com.app.a", () => "secret");
    await callee.register("com.app.b", () => 1);
    const records = await traced(admin, { uri: "com.app.a" }, async () => {
      await caller.call("com.app.b");
      await caller.call("com.app.a", ["secret"]);
    });
    expect(records.map(({ direction, type, session }) => [direction, type, session])).toEqual([
      ["in", "CALL", caller.id],
      ["out", "INVOCATION", callee.id],
      ["in", "YIELD", callee.id],
      ["out", "RESULT", caller.id],
    ]);
    expect(records[0]).toMatchObject({ realm: "app", uri: "com.app.a", authid: caller.authid, bytes: expect.any(Number) });
    expect(JSON.stringify(records)).not.toContain("secret");
  });

  test("of a session tells all of it, with arguments for an admin, and ends after as many messages as asked for", async () => {
    const server = await start();
    await using admin = await local();
    await using session = await remote(server, undefined, "app");
    await using other = await remote(server, undefined, "app");
    const records = await traced(admin, { session: session.id, count: 4, payload: true }, async () => {
      await other.register("com.app.a", ({ args }) => args[0]);
      await session.call("com.app.a", ["hello"]);
      await session.call("com.app.none").catch(() => {});
    });
    expect(records.map(({ type, args, error }) => [type, args, error])).toEqual([
      ["CALL", ["hello"], undefined],
      ["RESULT", ["hello"], undefined],
      ["CALL", undefined, undefined],
      ["ERROR", [expect.stringContaining("com.app.none")], Uri.noSuchProcedure],
    ]);
  });

  test("is nothing for operators who want arguments, and is not somebody else's to end", async () => {
    const server = await start({ admin: { auth: [{ method: "ticket" }], users: USERS } });
    await using admin = await local();
    await using operator = await remote(server, "operator");
    expect(await errorOf(call(operator, "junctor.trace.start", { uri: "com.app.a", payload: true }))).toBe(Uri.notAuthorized);
    expect(await errorOf(call(operator, "junctor.trace.start", {}))).toBe(Uri.invalidArgument);
    const { trace } = (await call(admin, "junctor.trace.start", { uri: "com.app.a" })) as { trace: number };
    expect(await errorOf(call(operator, "junctor.trace.stop", { trace }))).toBe(AdminError.operationFailed);
    await call(admin, "junctor.trace.stop", { trace });
  });
});
