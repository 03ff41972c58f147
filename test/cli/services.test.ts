// `junctor start` with services: modules, reading what they need of their environment, and what a server that is killed leaves.
import { existsSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { processStatus } from "../../packages/server/src/service/process-table.ts";
import { Folder, junctor, Running } from "./junctor.ts";

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
    const run = async (...args: string[]) => (await junctor(["services", ...args], { cwd: folder.path })).out;
    expect((await run("ls")).replace(/ {2,}/g, " | ").split("\n")).toEqual([
      "SERVICE | # | STATE | FOR | PID | RESTARTS | JOINS | WHY",
      expect.stringMatching(/^adder \| 1 \| ready \| .* \| 0 \| app as backend \| -$/),
      expect.stringMatching(/^caller \| 1 \| stopped \| .* \| - \| 0 \| app as backend \| ended with exit code 0$/),
      "",
    ]);
    expect(await run("logs", "caller")).toMatch(/^\d\d:\d\d:\d\d\.\d{3} 1 the sum is 5\n$/);
    expect(await run("start", "caller")).toMatch(/^caller .* (waiting|starting) /m);
    await using following = new Running(["services", "logs", "caller", "-f", "--json"], { cwd: folder.path });
    await following.printed(/"sequence":2,.*"line":"the sum is 5"/);
    following.signal("SIGINT");
    expect((await following.ended).code).toBe(0);
    const { code: refused, err } = await junctor(["services", "stop", "ader"], { cwd: folder.path });
    expect([refused, err]).toEqual([1, "✗ there is no service ader; did you mean adder?\n"]);
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

test("a module that has no default export, or fails, says so in the log; what does not end is ended with the server", async () => {
  using folder = new Folder();
  write(folder, "empty.mjs", "export const session = 1;");
  write(folder, "broken.mjs", `export default () => { throw new Error("it is broken") };`);
  const rest = "realm: app, role: backend, restart: never";
  write(
    folder,
    "config.yaml",
    config(`  empty: { module: empty.mjs, ${rest} }
  broken: { module: broken.mjs, ${rest} }
  deaf: { command: 'trap "" TERM; echo deaf $$; while :; do sleep 1000; done' }`),
  );
  await using server = new Running(["start", "-c", "config.yaml"], { cwd: folder.path });
  await server.printed(/"line":"[^"]*empty\.mjs has no function as its default export/);
  await server.printed(/"event":"service\.failed","service":"empty","instance":1,"reason":"ended with exit code 1"/);
  await server.printed(/"line":"Error: it is broken"/);
  await server.printed(/"event":"service\.failed","service":"broken","instance":1,"reason":"ended with exit code 1"/);
  const deaf = Number(await server.printed(/"line":"deaf (\d+)"/));
  server.signal("SIGTERM");
  await server.printed(/"service":"deaf","instance":1,"state":"stopping"/);
  server.signal("SIGTERM"); // now
  expect((await server.ended).code).toBe(2);
  expect(isRunning(deaf)).toBe(false);
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

    // A third one is refused as long as the second runs.
    const { code } = await junctor(["start", "-c", "config.yaml"], { cwd: folder.path });
    expect([code, isRunning(again)]).toEqual([1, true]);
  },
  60_000,
);
