// `junctor init`: what it writes is right, starts, and lets in whom it says.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApplicationError, connect } from "@junctor/client";
import { cryptosign } from "@junctor/client/auth/cryptosign";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { checkConfig } from "../config/check.ts";
import { limitsOf } from "../config/schema.ts";
import { startServer } from "../server.ts";
import { init } from "./init.ts";

let folder = "";
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "junctor-init-")), "app");
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(join(folder, ".."), { recursive: true });
});

test("what it writes has no mistakes and nothing that is hardly meant, and its keys are for this user only", async () => {
  await init(folder, {});
  expect(checkConfig(join(folder, "config.yaml"))).toMatchObject({ errors: [], warnings: [] });
  for (const name of ["users.yaml", "backend.key", "alice.key"]) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(folder, "config.yaml"), "utf8")).toMatch(/^# yaml-language-server: \$schema=\S*config\.schema\.json\n/);
  expect(readFileSync(join(folder, ".gitignore"), "utf8")).toContain("*.key");
});

test("no two have the same keys", async () => {
  await init(folder, {});
  await init(join(folder, "other"), {});
  const key = (...path: string[]) => readFileSync(join(folder, ...path), "utf8");
  const keys = [key("backend.key"), key("alice.key"), key("other", "backend.key"), key("other", "alice.key")];
  expect(new Set(keys).size).toBe(4);
  for (const text of keys) expect(text).toMatch(/^[0-9a-f]{64}\n$/);
});

test("a server starts with it, a program offers what a user calls, and nobody else gets in (G8)", async () => {
  await init(folder, {});
  const { loaded } = checkConfig(join(folder, "config.yaml"));
  if (loaded === undefined) throw new Error("no configuration");
  const { listen, ...rest } = loaded.config;
  const server = await startServer({
    ...rest,
    listen: listen.map((listener) => ({ ...listener, port: 0 })),
    file: join(folder, "config.yaml"),
    limits: limitsOf(rest),
    log: () => {},
  });
  try {
    const url = `ws://${server.listeners[0]?.address}/ws`;
    const as = (authid: string) =>
      connect({
        url,
        realm: "app",
        auth: [cryptosign({ authid, privateKey: readFileSync(join(folder, `${authid}.key`), "utf8").trim() })],
      });
    const [backend, alice] = [await as("backend"), await as("alice")];
    await backend.register("com.app.api.echo", ({ args }) => args[0]);
    expect((await alice.call("com.app.api.echo", ["hello"])).value).toBe("hello");
    await expect(alice.register("com.app.api.mine", () => 1)).rejects.toBeInstanceOf(ApplicationError);
    await expect(connect({ url, realm: "app" })).rejects.toThrow();
    await Promise.all([backend.leave(), alice.leave()]);
  } finally {
    await server.close();
  }
});

test("nothing that is there is overwritten, and where something is, nothing is written", async () => {
  await init(join(folder, "first"), {});
  const before = readFileSync(join(folder, "first", "backend.key"), "utf8");
  await expect(init(join(folder, "first"), {})).rejects.toThrow(/config\.yaml, .*users\.yaml, .* are there already, and not overwritten/);
  expect(readFileSync(join(folder, "first", "backend.key"), "utf8")).toBe(before);
  writeFileSync(join(folder, "users.yaml"), "joe: {role: user, ticket: x}\n");
  writeFileSync(join(folder, ".gitignore"), "mine\n");
  await expect(init(folder, {})).rejects.toThrow(/users\.yaml is there already/);
  expect(() => statSync(join(folder, "config.yaml"))).toThrow();
  rmSync(join(folder, "users.yaml"));
  await init(folder, {});
  expect(readFileSync(join(folder, ".gitignore"), "utf8")).toBe("mine\n");
});
