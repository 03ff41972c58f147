// junctor keys makes what a users file takes, and the command line joins with it: all as processes.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const cli = fileURLToPath(new URL("../../packages/server/dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "junctor-keys-"));

function run(args: readonly string[], input = ""): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [cli, ...args], { cwd: folder }, (error, out, err) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err }),
    );
    child.stdin?.end(input);
  });
}

let router: ReturnType<typeof spawn>;
let url = "";
beforeAll(async () => {
  const key = await run(["keys", "ed25519"]);
  writeFileSync(join(folder, "kim.key"), key.out);
  const publicKey = (await run(["keys", "public", "kim.key"])).out.trim();
  expect(key.err).toContain(publicKey);
  writeFileSync(join(folder, "secret"), "open sesame\n");
  const entry = async (...options: string[]) => (await run(["keys", "hash", ...options], "open sesame\n")).out.trim();
  writeFileSync(
    join(folder, "users.yaml"),
    `kim: {role: user, cryptosign: "${publicKey}"}
tom:
  role: user
  ${await entry("--ticket")}
cleo:
  role: user
  ${await entry("--cra")}
sam:
  role: user
  ${await entry("--scram")}
ada:
  role: user
  ${await entry("--scram", "--argon2id")}
`,
  );
  writeFileSync(
    join(folder, "config.yaml"),
    `version: 1
listen: [{type: rawsocket, port: 0}]
realms:
  app:
    users: ${join(folder, "users.yaml")}
    auth: [{method: cryptosign}, {method: wamp-scram}, {method: wampcra}, {method: ticket}]
    roles: {user: {allow: {call: ["*"], publish: ["com.{authid}.*"]}}}
log: {format: json}
`,
  );
  router = spawn(process.execPath, [cli, "start", "-c", "config.yaml"], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  if (router.stdout === null) throw new Error("no output");
  for await (const line of createInterface(router.stdout)) {
    const event = JSON.parse(line) as { event: string; address?: string };
    if (event.event === "listener.up") url = `tcp://${event.address}`;
    if (event.event === "server.ready") break;
  }
});
afterAll(async () => {
  const ended = new Promise((resolve) => router.once("exit", resolve));
  router.kill();
  await ended;
  rmSync(folder, { recursive: true });
});

const as = (...options: string[]) => ["--url", url, "--realm", "app", ...options];

describe("the command line joins with what junctor keys made", () => {
  test.each([
    ["cryptosign", ["--key", "kim.key"], "kim"],
    ["ticket", ["--authid", "tom", "--ticket-file", "secret"], "tom"],
    ["ticket from standard input", ["--authid", "tom", "--ticket-file", "-"], "tom"],
    ["WAMP-CRA", ["--authid", "cleo", "--secret-file", "secret"], "cleo"],
    ["WAMP-SCRAM with PBKDF2", ["--authid", "sam", "--password-file", "secret"], "sam"],
    ["WAMP-SCRAM with Argon2id", ["--authid", "ada", "--password-file", "secret"], "ada"],
  ])("%s", async (_name, options, authid) => {
    // Who one is shows in what one may publish.
    expect(await run(as(...options, "pub", `com.${authid}.x`), "open sesame\n")).toMatchObject({ code: 0, err: "" });
    expect(await run(as(...options, "pub", "com.somebody.x"), "open sesame\n")).toMatchObject({
      code: 4,
      err: expect.stringContaining("may not publish"),
    });
  });
});

test.each([
  [["--authid", "tom", "--ticket-file", "kim.key"], 4, "the credentials are not valid"],
  [["--ticket-file", "secret"], 2, "--authid"],
  [["--key", "missing.key"], 1, "cannot read missing.key: it does not exist"],
  [["--key", "secret"], 1, "holds no private key"],
])("a mistake gets cause and remedy: %s", async (options, code, text) => {
  const result = await run(as(...options, "call", "com.x"));
  expect(result).toMatchObject({ code, err: expect.stringContaining(text) });
  expect(result.err).not.toMatch(/ at .*:\d+:\d+/);
  expect(result.err).not.toContain("open sesame");
});
