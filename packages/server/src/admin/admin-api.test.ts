// A part of the server gives its procedures to the table: how they fail, and when they can be called.
import { ADMIN_REALM, AdminError } from "@junctor/admin-api";
import { ApplicationError, connect, type Session } from "@junctor/client";
import { Router } from "@junctor/router";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { LogEvent } from "../log.ts";
import { UserError } from "../user-error.ts";
import { AdminApi } from "./admin-api.ts";

let log: LogEvent[];
let router: Router;
let api: AdminApi;
beforeEach(() => {
  log = [];
  const clock = { now: () => 0, date: () => 0, wakeAt: () => {} };
  router = new Router({ clock, randomFill: (bytes) => crypto.getRandomValues(bytes) });
  router.addRealm({ name: ADMIN_REALM, roles: [], authenticate: () => {} });
  api = new AdminApi(router, (event) => log.push(event));
});
afterEach(() => router.close());

const joined = (): Promise<Session> => connect({ dial: router.dial(true), realm: ADMIN_REALM });
const kill = z.strictObject({ session: z.int() });

test("before and after the start", async () => {
  api.provide("junctor.sessions.kill", kill, () => null);
  await api.open();
  const session = await joined();
  expect((await session.call("junctor.sessions.kill", [], { session: 1 })).value).toBe(null);
  api.provide("junctor.sessions.get", kill, () => Promise.reject(new ApplicationError("com.app.error", ["x"])));
  await expect(session.call("junctor.sessions.get", [], { session: 1 })).rejects.toMatchObject({ uri: "com.app.error" });
});

test("what the user can mend is told as cause and remedy, and logged", async () => {
  api.provide("junctor.sessions.kill", kill, () => {
    throw new UserError("it is stuck", { remedy: "shake it" });
  });
  await api.open();
  const session = await joined();
  await expect(session.call("junctor.sessions.kill", [], { session: 1 })).rejects.toMatchObject({
    uri: AdminError.operationFailed,
    args: ["it is stuck"],
    kwargs: { remedy: "shake it" },
  });
  expect(log).toEqual([
    expect.objectContaining({ event: "admin.action", procedure: "junctor.sessions.kill", session: session.id, message: "it is stuck" }),
  ]);
});
