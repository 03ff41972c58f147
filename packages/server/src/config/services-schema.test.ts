// What services are where the configuration says little, and what cannot be told to whom it is told.
import { describe, expect, test } from "vitest";
import { ConfigError, parseConfig } from "./load.ts";
import { programOf } from "./services-schema.ts";

const config = (services: string) =>
  parseConfig(
    `version: 1
listen: [{type: web, port: 0}]
realms: {app: {auth: [{method: anonymous, role: guest}], roles: {guest: {}, backend: {}}}}
services:
${services}`,
    "/srv/app/config.yaml",
  );

function problems(services: string): string[] {
  try {
    config(services);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ place, path, message }) => `${place.split(":")[1]} ${path}: ${message}`);
    throw error;
  }
  return [];
}

function program(service: string) {
  const { api } = config(`  api: ${service}`).services;
  if (api === undefined) throw new Error("there is no api");
  return programOf("api", api, "/runner.js");
}

test("a service without realm is a process that is ready at once, and is started again when it ends", () => {
  const { launch, ...terms } = program("{command: [./api, -v]}");
  expect(launch).toMatchObject({ kind: "process", cwd: "/srv/app", inherits: true, env: {}, stopSignal: "SIGTERM" });
  expect(terms).toEqual({
    name: "api",
    login: undefined,
    after: [],
    ready: { kind: "started" },
    readyTimeoutMs: 30_000,
    instances: 1,
    restart: { when: "always", delayMs: 500, longestDelayMs: 30_000, attempts: 5, windowMs: 60_000 },
    stopGraceMs: 10_000,
    memoryLimit: undefined,
    watch: [],
    output: { isLogged: true, keep: 500, bytesPerSecond: 1 << 20 },
  });
});

test("what a service says of itself reaches the manager", () => {
  expect(
    program(`{command: "./api | tee log", realm: app, role: backend, instances: 3, cwd: sub, env: {A: 1, B: true}, inheritEnv: [PATH],
      ready: {line: "/^up .*/i"}, restart: {when: on-failure, attempts: unlimited, delay: 1s}, watch: ["src/**/*.py"], memoryLimit: 1MiB,
      stopSignal: SIGINT, stopGrace: 1m, readyTimeout: 2s, log: {write: false, keep: 9, rate: 1KiB}}`),
  ).toMatchObject({
    login: { realm: "app", role: "backend" },
    instances: 3,
    launch: { cwd: "/srv/app/sub", env: { A: "1", B: "true" }, inherits: ["PATH"], stopSignal: "SIGINT" },
    ready: { kind: "line", pattern: /^up .*/i },
    restart: { when: "on-failure", attempts: Number.POSITIVE_INFINITY, delayMs: 1_000, longestDelayMs: 30_000 },
    watch: ["/srv/app/src/**/*.py"],
    memoryLimit: 1 << 20,
    stopGraceMs: 60_000,
    readyTimeoutMs: 2_000,
    output: { isLogged: false, keep: 9, bytesPerSecond: 1_024 },
  });
});

test("a text is a command for the shell; a module is run by our program; who joins is ready when it has joined", () => {
  const command = ({ launch }: ReturnType<typeof program>) =>
    launch.kind === "process" ? launch.command({ instance: 1, socket: "" }) : undefined;
  expect(command(program('{command: "./api | tee log"}'))).toEqual(["/bin/sh", "-c", "./api | tee log"]);
  const file = new URL("../../bin/junctor.mjs", import.meta.url).pathname;
  const module = program(`{module: ${file}, realm: app, role: backend}`);
  expect(command(module)).toEqual([process.execPath, "/runner.js", file]);
  expect(module.ready).toEqual({ kind: "joined" });
});

describe("mistakes", () => {
  test("are told at once, each at its place, with what was meant", () => {
    expect(
      problems(`  none: {}
  both: {command: a, module: /no/such.js, realm: app, role: backend}
  shy: {command: a, role: backend}
  lost: {command: a, realm: ap, role: backend}
  stranger: {command: a, realm: app, role: backnd}
  quiet: {command: a, ready: joined}
  unsure: {command: a, ready: {line: a, port: 1}}
  odd: {command: a, ready: {line: "/(/"}}
  often: {command: a, restart: {attempts: 0}}
  "a b": {command: a, stopSignal: SIGFOO, instances: core}
  late: {command: a, after: [quite]}
`),
    ).toEqual([
      "5 services.none: a service needs either a command or a module",
      "6 services.both: a service needs either a command or a module",
      "7 services.shy.role: a role needs a realm: the one that the service joins",
      '8 services.lost.realm: got "ap", expected a realm of this file, which has app; did you mean app?',
      '9 services.stranger.role: got "backnd", expected a role of its realm, which has guest, backend; did you mean backend?',
      "10 services.quiet.ready: a service without realm and role does not join: use started, line or port",
      "11 services.unsure.ready: ready is one of registered, line and port",
      "12 services.odd.ready.line: /(/ is no regular expression",
      expect.stringMatching(/^13 services\.often\.restart\.attempts: /),
      "14 services.a b: the name of a service consists of letters, digits, - and _",
      expect.stringMatching(/^14 services\.a b\.stopSignal: got "SIGFOO", expected SIGTERM, /),
      expect.stringMatching(/^14 services\.a b\.instances: /),
      expect.stringMatching(/^15 services\.late\.after\[0\]: got "quite", expected a service of this file, .*; did you mean quiet\?$/),
    ]);
  });

  test("services that wait for each other are told once, with the whole way round", () => {
    expect(
      problems(`  a: {command: x, after: [b]}
  b: {command: x, after: [d, c]}
  c: {command: x, after: [a]}
  d: {command: x}
  e: {command: x, after: [a, e]}
`),
    ).toEqual([
      "5 services.a.after[0]: none of them could ever start: a → b → c → a waits for itself",
      "9 services.e.after[1]: none of them could ever start: e → e waits for itself",
    ]);
  });

  test.skipIf("typescript" in process.features && process.features.typescript !== false)(
    "a TypeScript module on a Node.js that cannot run it says what can",
    () => {
      expect(problems(`  a: {module: ${new URL(import.meta.url).pathname}, realm: app, role: backend}`)[0]).toMatch(
        /does not run TypeScript: use Node\.js 22\.18 or newer, or compile it/,
      );
    },
  );
});
