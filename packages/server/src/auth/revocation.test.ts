// A users file that changes: who is gone, or is somebody else now, has no session any more; all others notice nothing (T31, G13).
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, JoinError, type Session } from "@junctor/client";
import { cryptosign } from "@junctor/client/auth/cryptosign";
import { ticket } from "@junctor/client/auth/ticket";
import { wampcra } from "@junctor/client/auth/wampcra";
import { Uri } from "@junctor/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseConfig } from "../config/load.ts";
import { limitsOf } from "../config/schema.ts";
import type { LogEvent } from "../log.ts";
import { type RunningServer, startServer } from "../server.ts";

const privateKey = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510";
const publicKey = "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d";
const otherKey = "6ed32739ff04a6074044ff0b0e3bfc7c856bc9d5f1d25efc57363bda0af3a8b0";

interface Users {
  [authid: string]: { role?: string; roles?: string[]; ticket?: string; wampcra?: string; cryptosign?: string[] };
}
const USERS = (): Users => ({
  ada: { role: "user", ticket: "sesame" },
  bob: { roles: ["user", "admin"], ticket: "apple", wampcra: "secret" },
  kim: { role: "user", cryptosign: [publicKey, otherKey] },
});

let folder: string;
let file: string;
let server: RunningServer;
let log: LogEvent[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "junctor-users-"));
  file = join(folder, "users.yaml");
  writeFileSync(file, JSON.stringify(USERS()));
  log = [];
  const roles = { user: {}, admin: {}, guest: {} };
  const text = JSON.stringify({
    version: 1,
    listen: [{ type: "rawsocket", port: 0 }],
    realms: {
      app: {
        users: file,
        roles,
        auth: [
          { method: "cryptosign" },
          { method: "ticket" },
          { method: "wampcra", also: [{ method: "ticket" }] },
          { method: "anonymous", role: "guest" },
        ],
      },
      own: { users: USERS(), roles, auth: [{ method: "ticket" }] },
    },
  });
  const config = parseConfig(text, "test.json");
  server = await startServer({ listen: config.listen, realms: config.realms, limits: limitsOf(config), log: (event) => log.push(event) });
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** Puts another file in its place, as editors do. */
function write(users: Users | string): void {
  writeFileSync(`${file}.new`, typeof users === "string" ? users : JSON.stringify(users));
  renameSync(`${file}.new`, file);
  server.checkFiles();
}

const joining = (auth: NonNullable<Parameters<typeof connect>[0]["auth"]> = [], realm = "app") =>
  connect({ url: `tcp://${server.listeners[0]?.address}`, realm, auth });
const ada = (secret = "sesame", realm?: string) => joining([ticket({ authid: "ada", ticket: secret })], realm);
const bob = () => joining([ticket({ authid: "bob", ticket: "apple" })]);
const kim = () => joining([cryptosign({ privateKey })]);
const reasonOf = (joining: Promise<Session>) =>
  joining.then(
    () => "joined",
    (error: unknown) => (error instanceof JoinError ? error.reason : String(error)),
  );

test("a user who is removed loses the sessions that there are, and gets no new ones", async () => {
  await using gone = await ada();
  await using stays = await bob();
  await using guest = await joining();
  await using elsewhere = await ada("sesame", "own");
  const { ada: _, ...rest } = USERS();
  write(rest);
  expect(await gone.closed).toMatchObject({ reason: Uri.authenticationRequired });
  expect(await reasonOf(ada())).toBe(Uri.authenticationDenied);
  expect([stays.isOpen, guest.isOpen, elsewhere.isOpen]).toEqual([true, true, true]);
  expect(log).toContainEqual({ event: "users.reloaded", realm: "app", file, users: 2, ended: 1 });
});

describe("a session ends", () => {
  test.each<[what: string, join: () => Promise<Session>, change: (users: Users) => Users, ends: boolean]>([
    ["when its role is another", ada, (users) => ({ ...users, ada: { ...users["ada"], role: "admin" } }), true],
    ["when its role is taken away", bob, (users) => ({ ...users, bob: { roles: ["admin"], ticket: "apple" } }), true],
    ["not when another role is taken away", bob, (users) => ({ ...users, bob: { roles: ["user"], ticket: "apple" } }), false],
    ["when its ticket is another", ada, (users) => ({ ...users, ada: { role: "user", ticket: "new" } }), true],
    [
      "not when a credential is another that it did not use",
      bob,
      (users) => ({ ...users, bob: { ...users["bob"], wampcra: "new" } }),
      false,
    ],
    ["when its key is taken away", kim, (users) => ({ ...users, kim: { role: "user", cryptosign: [otherKey] } }), true],
    ["not when another key is taken away", kim, (users) => ({ ...users, kim: { role: "user", cryptosign: [publicKey] } }), false],
    ["not when somebody else changes", ada, (users) => ({ ...users, bob: { role: "admin", ticket: "x" } }), false],
  ])("%s", async (_what, join, change, ends) => {
    await using session = await join();
    write(change(USERS()));
    if (ends) expect((await session.closed).reason).toBe(Uri.authenticationRequired);
    else expect(await reasonOf(join())).toBe("joined");
    expect([session.isOpen, log.find(({ event }) => event === "users.reloaded")]).toMatchObject([!ends, { ended: ends ? 1 : 0 }]);
  });

  test("when the second of its two factors changes", async () => {
    await using session = await joining(
      [wampcra({ authid: "bob", secret: "secret" }), ticket({ authid: "bob", ticket: "apple" })].slice(0, 2),
    );
    expect(session.details.authmethod).toBe("wampcra+ticket");
    write({ ...USERS(), bob: { roles: ["user", "admin"], ticket: "new", wampcra: "secret" } });
    expect((await session.closed).reason).toBe(Uri.authenticationRequired);
  });
});

test("somebody who is just logging in when the file changes is not let in", async () => {
  let answer: (secret: string) => void = () => {};
  const asked = new Promise<void>((resolve) => {
    void reasonOf(
      joining([
        ticket({
          authid: "ada",
          ticket: () => {
            resolve();
            return new Promise<string>((settle) => (answer = settle));
          },
        }),
      ]),
    ).then((reason) => reasons.push(reason));
  });
  const reasons: string[] = [];
  await asked;
  const { ada: _, ...rest } = USERS();
  write(rest);
  answer("sesame");
  while (reasons.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(reasons).toEqual([Uri.authenticationDenied]);
});

test.each([
  ["is no YAML", "ada: [", /has an error/],
  [
    "names a role that there is not",
    JSON.stringify({ ada: { role: "boss", ticket: "x" } }),
    /ada\.role: got "boss", expected a role of this realm/,
  ],
  [
    "has an entry with an error, which is told without its secrets",
    "ada: {role: user, ticket: 'sha256:seeded-secret'}",
    /expected sha256:SALT:DIGEST/,
  ],
])("a file that %s changes nothing, and the log says why (G13)", async (_what, text, message) => {
  await using session = await ada();
  write(text);
  await using again = await ada();
  expect([session.isOpen, again.isOpen]).toEqual([true, true]);
  const told = log.filter(({ event }) => event.startsWith("users."));
  expect(told).toMatchObject([{ event: "users.rejected", realm: "app", file, message: expect.stringMatching(message) }]);
  expect(JSON.stringify(told)).not.toContain("seeded-secret");
  write(USERS());
  expect(log.filter(({ event }) => event === "users.reloaded")).toMatchObject([{ users: 3, ended: 0 }]);
});

test("a file that is gone changes nothing until it is there again", async () => {
  await using session = await ada();
  rmSync(file);
  server.checkFiles();
  expect([session.isOpen, await reasonOf(ada())]).toEqual([true, "joined"]);
  const { ada: _, ...rest } = USERS();
  write(rest);
  expect((await session.closed).reason).toBe(Uri.authenticationRequired);
});

test("nobody has to tell the server that a file has changed", async () => {
  await using session = await ada();
  writeFileSync(file, "{}");
  expect((await session.closed).reason).toBe(Uri.authenticationRequired);
});

test("nothing is read again while the file is the same", () => {
  for (let i = 0; i < 3; i++) server.checkFiles();
  expect(log.filter(({ event }) => event.startsWith("users."))).toEqual([]);
});
