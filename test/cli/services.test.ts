// `junctor start` with services: modules, reading what they need of their environment, and what a server that is killed leaves.
import { existsSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { processStatus } from "../../packages/server/src/service/process-table.ts";
import { Folder, Running } from "./junctor.ts";

const config = (services: string) => `version: 1
listen: [{ type: universal, port: 0 }]
realms:
  app:
    auth: [{ method: ticket, users: { nobody: { ticket: secret, role: backend } } }]
    roles: { backend: { allow: { call: ["*"], register: ["*"], subscribe: ["*"], publish: ["*"] } } }
services:
${services}
`;

const write = (folder: Folder, name: string, content: string) => writeFileSync(folder.file(name), content);
const isRunning = (pid: number) => processStatus(pid)?.hasEnded === false;

test("a module is handed a session, and a service that comes after it calls it; both end well with the server", async () => {
  using folder = new Folder();
  write(
    folder,
    "adder.mjs",
    `export default async (session, { signal, service }) => {
       await session.register("app.add", ({ args: [a, b] }) => a + b);
       console.log("registered by", service.name, service.instance, process.env.JUNCTOR_TICKET === undefined);
       await new Promise((resolve) => signal.addEventListener("abort", resolve));
       console.log("told to end");
     };`,
  );
  write(
    folder,
    "caller.mjs",
    `export default async (session) => {
       console.log("the sum is", (await session.call("app.add", [2, 3])).value);
       await session.leave();
     };`,
  );
  write(
    folder,
    "config.yaml",
    config(`  adder: { module: adder.mjs, realm: app, role: backend, ready: { registered: [app.add] } }
  caller: { module: caller.mjs, realm: app, role: backend, restart: on-failure, after: [adder] }`),
  );
  const server = new Running(["start", "-c", "config.yaml"], { cwd: folder.path });
  try {
    await server.printed(/"line":"registered by adder 1 true"/);
    await server.printed(/"line":"the sum is 5"/);
    await server.printed(/"service":"caller","instance":1,"state":"stopped","reason":"ended with exit code 0"/);
    server.signal("SIGTERM");
    const { code, out } = await server.ended;
    expect(code).toBe(0);
    expect(out).toContain('"line":"told to end"');
    expect(out).toContain('"service":"adder","instance":1,"state":"stopped","reason":""');
    expect(existsSync(folder.file(".junctor", "services.json"))).toBe(false);
  } finally {
    await server[Symbol.asyncDispose]();
  }
}, 60_000);

test("a module that has no default export, or fails, says so in the log", async () => {
  using folder = new Folder();
  write(folder, "empty.mjs", "export const session = 1;");
  write(folder, "broken.mjs", `export default () => { throw new Error("it is broken") };`);
  const rest = "realm: app, role: backend, restart: never";
  write(folder, "config.yaml", config(`  empty: { module: empty.mjs, ${rest} }\n  broken: { module: broken.mjs, ${rest} }`));
  await using server = new Running(["start", "-c", "config.yaml"], { cwd: folder.path });
  await server.printed(/"line":"[^"]*empty\.mjs has no function as its default export/);
  await server.printed(/"event":"service\.failed","service":"empty","instance":1,"reason":"ended with exit code 1"/);
  await server.printed(/"line":"Error: it is broken"/);
  await server.printed(/"event":"service\.failed","service":"broken","instance":1,"reason":"ended with exit code 1"/);
}, 60_000);

test.skipIf(process.platform !== "linux")(
  "what a killed server leaves behind is ended by the next one, and nothing else",
  async () => {
    using folder = new Folder();
    write(folder, "config.yaml", config(`  sleeper: { command: 'trap "" HUP; sleep 1000 & echo pids $$ $!; wait' }`));
    const first = new Running(["start", "-c", "config.yaml"], { cwd: folder.path });
    const [service = 0, child = 0] = (await first.printed(/"line":"pids (\d+ \d+)"/)).split(" ").map(Number);
    first.signal("SIGKILL");
    await first.ended;
    expect([isRunning(service), isRunning(child)]).toEqual([true, true]);
    await using second = new Running(["start", "-c", "config.yaml"], { cwd: folder.path });
    await second.printed(new RegExp(`"event":"service.stray","pid":${service},"group":${service}`));
    await second.printed(new RegExp(`"event":"service.stray","pid":${child},"group":${service}`));
    const [again = 0] = (await second.printed(/"line":"pids (\d+ \d+)"/)).split(" ").map(Number);
    expect([isRunning(service), isRunning(child), isRunning(again)]).toEqual([false, false, true]);
  },
  60_000,
);

test("a second server with the same state directory is refused, and names the first", async () => {
  using folder = new Folder();
  write(folder, "config.yaml", config("  sleeper: { command: exec sleep 1000 }"));
  await using first = new Running(["start", "-c", "config.yaml"], { cwd: folder.path });
  await first.printed(/server\.ready/);
  await using second = new Running(["start", "-c", "config.yaml"], { cwd: folder.path });
  const { code, err } = await second.ended;
  expect(code).toBe(1);
  expect(err).toMatch(/✗ the state directory .* is in use by the server with process id \d+\n {2}stop that one first/);
}, 60_000);
