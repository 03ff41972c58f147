// Log-ins on the disk: what survives a restart, and what must not.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { CookieJar } from "./cookie.ts";
import { LoginRecord } from "./login-record.ts";
import type { Grant } from "./method.ts";
import { grantTo, PrincipalTable } from "./principal.ts";

const folder = mkdtempSync(join(tmpdir(), "junctor-logins-"));
afterAll(() => rmSync(folder, { recursive: true }));

const digest = (i: number) => i.toString(16).padStart(64, "0").repeat(2);
const grant: Grant = { authid: "ada", roles: ["user"], authprovider: "dynamic" };
const warrants = { providers: new Set(["dynamic", "static"]), proofsOf: () => [] };

/** A server that starts at a time of the wall clock, and whose own clock begins then. */
function startAt(name: string, wallMs: number, clock = { now: 0 }) {
  const failed = vi.fn<(file: string, message: string) => void>();
  const wall = () => wallMs + clock.now;
  const record = new LoginRecord(join(folder, name), { now: wall, failed });
  const jar = new CookieJar({ now: () => clock.now, wallClock: () => new Date(wall()), record });
  return { jar, failed, clock };
}

test("a log-in ends when it would have without the restart, and so does what a token stands for", () => {
  const first = startAt("expiry", 1_000_000);
  first.jar.login(digest(1), "app", grant, 60_000);
  first.jar.login(digest(2), "app", { ...grant, lifetimeMs: 20_000 }, 60_000);
  first.jar.close();
  const second = startAt("expiry", 1_010_000);
  expect(second.jar.find(digest(1), "app", warrants)).toEqual({ ...grant, proofs: [] });
  expect(second.jar.find(digest(2), "app", warrants)).toEqual({ ...grant, proofs: [], lifetimeMs: 10_000 });
  second.clock.now = 10_000;
  expect([second.jar.has(digest(1)), second.jar.has(digest(2))]).toEqual([true, false]);
  second.jar.close();
  const third = startAt("expiry", 1_060_000);
  expect(third.jar.size).toBe(0);
});

test("what authenticators add to a log-in comes back as it was, bytes and large integers too", () => {
  const authextra = { team: 2n ** 60n, key: new Uint8Array([1, 2]), "": [null, true, 1.5] };
  const first = startAt("values", 0);
  first.jar.login(digest(1), "app", { ...grant, authextra }, 60_000);
  first.jar.close();
  expect(startAt("values", 0).jar.find(digest(1), "app", warrants)?.authextra).toEqual(authextra);
});

test("it holds for the half of the cookie that is not on the disk, and for the one who vouched for it", () => {
  const table = new PrincipalTable("static", [{ authid: "ada", roles: ["user"], ticket: { plain: "sesame" } }]);
  const principal = table.byAuthid("ada") ?? expect.fail("no ada");
  const step = grantTo(principal, table, "ticket");
  const first = startAt("proofs", 0);
  if (step.kind === "granted") for (const i of [1, 2, 3]) first.jar.login(digest(i), "app", step.grant, 60_000);
  first.jar.close();
  const { jar } = startAt("proofs", 0);
  const today = { ...warrants, proofsOf: (authid: string) => table.proofsOf(authid, "ticket") };
  expect(jar.find(digest(1).slice(0, 64) + digest(2).slice(64), "app", today)).toBeUndefined();
  expect(jar.find(digest(2), "app", { ...today, providers: new Set(["dynamic"]) })).toBeUndefined();
  expect(jar.find(digest(3), "app", today)).toMatchObject({ authid: "ada", roles: ["user"] });
});

test("the file does not grow with log-ins that are over, and log-outs during the tidying hold", async () => {
  const { jar, clock, failed } = startAt("growth", 0);
  jar.login(digest(0), "app", grant, 1e9);
  const line = statSync(join(folder, "growth")).size;
  for (let i = 1; i <= 600; i++) {
    jar.login(digest(i), "app", grant, 1e9);
    if (i > 200) jar.forget(digest(i));
  }
  jar.forget(digest(150));
  await vi.waitFor(() => expect(readdirSync(folder)).not.toContain("growth.new"));
  for (let i = 601; i <= 1_500; i++) {
    jar.login(digest(i), "app", grant, 1);
    clock.now += 2;
    if (jar.find(digest(i), "app", warrants) !== undefined) expect.fail("it is over");
  }
  await vi.waitFor(() => expect(readdirSync(folder)).not.toContain("growth.new"));
  expect(statSync(join(folder, "growth")).size).toBeLessThan(line * 2_500);
  jar.close();
  expect(failed).not.toHaveBeenCalled();
  const again = startAt("growth", clock.now);
  expect([again.jar.has(digest(0)), again.jar.has(digest(200)), again.jar.has(digest(150)), again.jar.has(digest(201))]).toEqual([
    ...[true, true, false, false],
  ]);
  expect(again.jar.size).toBe(200);
});

test("what cannot be written is taken back from the disk: a log-out is never undone by the next start", () => {
  const { jar, failed } = startAt("full", 0);
  jar.login(digest(1), "app", grant, 60_000);
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic; // stands for a disk that is full: the line cannot be made
  jar.login(digest(2), "app", { ...grant, authextra: cyclic }, 60_000);
  expect(failed).toHaveBeenCalledExactlyOnceWith(join(folder, "full"), expect.stringContaining("it cannot be written"));
  expect([jar.has(digest(1)), jar.has(digest(2))]).toEqual([true, true]);
  expect(() => readFileSync(join(folder, "full"))).toThrow("ENOENT");
  jar.login(digest(3), "app", grant, 60_000);
  jar.close();
  const { jar: again } = startAt("full", 0);
  expect([again.has(digest(1)), again.has(digest(3))]).toEqual([false, true]);
});

test("a directory that cannot be made keeps nobody from logging in", () => {
  writeFileSync(join(folder, "file"), "no directory");
  const { jar, failed } = startAt("file/logins", 0);
  jar.login(digest(1), "app", grant, 60_000);
  expect(jar.find(digest(1), "app", warrants)).toMatchObject({ authid: "ada" });
  expect(failed).toHaveBeenCalledWith(join(folder, "file/logins"), expect.stringContaining("a part of its path is no directory"));
});
