// The service manager with real processes, short-lived ones: what becomes of those that misbehave.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, JoinError } from "@junctor/client";
import { ticket } from "@junctor/client/auth/ticket";
import { Router } from "@junctor/router";
import { listen, NodeClock } from "@junctor/transport-node";
import { describe, expect, test } from "vitest";
import type { LogEvent } from "../log.ts";
import { UserError } from "../user-error.ts";
import { groupMembers, processStatus } from "./process-table.ts";
import type { Component, Program } from "./program.ts";
import { ServiceManager } from "./service-manager.ts";

/** A router with a realm `app` that lets nobody in but services, and a manager. */
class Host implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "junctor-test-"));
  readonly log: LogEvent[] = [];
  readonly router: Router;
  readonly manager: ServiceManager;
  #heard: (() => void)[] = [];

  constructor() {
    const clock = new NodeClock();
    this.router = new Router({ clock, randomFill: (bytes) => crypto.getRandomValues(bytes) });
    clock.wake = () => this.router.wake();
    this.manager = new ServiceManager({
      router: this.router,
      log: (event) => {
        this.log.push(event);
        for (const heard of this.#heard.splice(0)) heard();
      },
      stateDirectory: this.directory,
      listen: (path, mode) => listen({ kind: "universal", path, mode, accept: (connection, info) => this.router.attach(connection, info) }),
      webSocketUrl: () => undefined,
      measureAgainMs: 50,
    });
    const everything = { call: true, register: true, publish: true, subscribe: true };
    for (const name of ["app", "other"])
      this.router.addRealm({
        name,
        roles: [{ name: "backend", permissions: [{ uri: "", match: "prefix", allow: everything }] }],
        authenticate: this.manager.authenticator(name, (_request, answer) =>
          answer({ kind: "abort", reason: "wamp.error.no_matching_auth_method", message: "nobody" }),
        ),
      });
  }

  async run(...programs: readonly Program[]): Promise<void> {
    await this.manager.prepare(programs);
    for (const program of programs) this.manager.put(program);
  }

  /** Waits until it has come to this state. @returns why */
  async state(service: string, state: string, instance = 1): Promise<string> {
    for (;;) {
      const found = this.manager.instances(service).find((each) => each.instance === instance && each.state === state);
      if (found !== undefined) return found.reason ?? "";
      await new Promise<void>((resolve) => this.#heard.push(resolve));
    }
  }

  /** Waits until it has printed a line with this in it. @returns what follows it */
  async printed(text: string): Promise<string> {
    for (;;) {
      const found = this.log.find((event) => event.event === "service.output" && event.line.includes(text));
      if (found?.event === "service.output") return found.line.slice(found.line.indexOf(text) + text.length);
      await new Promise<void>((resolve) => this.#heard.push(resolve));
    }
  }

  pid(service: string): number {
    return this.manager.instances(service)[0]?.pid ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.manager.close();
    this.router.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const LOGIN = { realm: "app", role: "backend" };
const RESTART = { when: "never", delayMs: 1, longestDelayMs: 10, attempts: 3, windowMs: 60_000 } as const;

function program(name: string, command: string | readonly string[], rest: Partial<Program> = {}): Program {
  const words = typeof command === "string" ? ["/bin/sh", "-c", command] : command;
  return {
    name,
    launch: {
      kind: "process",
      command: () => words,
      cwd: tmpdir(),
      inherits: false,
      env: {},
      user: undefined,
      group: undefined,
      stopSignal: "SIGTERM",
    },
    login: undefined,
    after: [],
    ready: { kind: "line", pattern: "up" },
    readyTimeoutMs: 20_000,
    instances: 1,
    restart: RESTART,
    stopGraceMs: 5_000,
    memoryLimit: undefined,
    watch: [],
    output: { isLogged: true, keep: 100, bytesPerSecond: 1 << 20 },
    ...rest,
  };
}

const component = (name: string, run: Component, rest: Partial<Program> = {}): Program =>
  program(name, [], { launch: { kind: "component", component: run }, login: LOGIN, ready: { kind: "joined" }, ...rest });

const WAITING = "while :; do sleep 1000; done";

test("a service that ignores its stop signal is killed after its grace, with all that it has started", async () => {
  await using host = new Host();
  await host.run(program("deaf", `trap "" TERM; (${WAITING}) & echo up; ${WAITING}`, { stopGraceMs: 100 }));
  await host.state("deaf", "ready");
  const pid = host.pid("deaf");
  expect(groupMembers(pid).length).toBeGreaterThan(1);
  host.manager.stop("deaf");
  await host.state("deaf", "stopped");
  expect(groupMembers(pid)).toEqual([]);
});

test("children of children end with a service that ends on its own, before it is started again", async () => {
  await using host = new Host();
  await host.run(program("parent", `sh -c '${WAITING}' & echo up $!; read -r line < /dev/null; exit 3`, { stopGraceMs: 2_000 }));
  const child = Number(await host.printed("up "));
  expect(await host.state("parent", "failed")).toBe("ended with exit code 3");
  expect(processStatus(child)?.hasEnded ?? true).toBe(true);
});

test("a crash loop is given up, and the router has its turns meanwhile", async () => {
  await using host = new Host();
  let turns = 0;
  const turning = setInterval(() => turns++, 1);
  await host.run(program("crash", "exit 1", { restart: { ...RESTART, when: "always" } }));
  expect(await host.state("crash", "failed")).toBe("ended with exit code 1; started again 3 times within 60 s");
  clearInterval(turning);
  expect(host.log.filter((event) => event.event === "service.state" && event.state === "starting")).toHaveLength(4);
  expect(host.log.at(-1)).toMatchObject({ event: "service.failed", service: "crash", instance: 1 });
  expect(turns).toBeGreaterThan(20);
});

test("one that cannot be started says why", async () => {
  await using host = new Host();
  const { launch } = program("here", "");
  const elsewhere = { ...launch, cwd: "/no/such/directory" };
  const file = join(host.directory, "notes.txt");
  writeFileSync(file, "", { mode: 0o600 });
  await host.run(program("missing", ["/no/such/program"]), program("homeless", "true", { launch: elsewhere }), program("text", [file]));
  expect(await host.state("missing", "failed")).toBe("cannot be started: there is no program /no/such/program");
  expect(await host.state("homeless", "failed")).toBe("cannot be started: its directory /no/such/directory does not exist");
  expect(await host.state("text", "failed")).toBe(`cannot be started: ${file} may not be executed`);
});

test("one that is not ready in time is stopped, and has failed", async () => {
  await using host = new Host();
  await host.run(program("slow", `echo soon; ${WAITING}`, { readyTimeoutMs: 100 }));
  expect(await host.state("slow", "failed")).toBe("was not ready within 0.1 s");
});

test.skipIf(process.platform !== "linux")("one whose descendants take more memory than it may have is ended", async () => {
  await using host = new Host();
  const grow = `const kept = Buffer.alloc(150 << 20, 1); console.log("up"); setInterval(() => kept, 1000)`;
  await host.run(program("big", `"${process.execPath}" -e '${grow}' & wait`, { memoryLimit: 120 << 20 }));
  expect(await host.state("big", "failed")).toMatch(/^had \d+ MiB of memory, above its limit of 120 MiB$/);
});

test("a flood without a newline comes in pieces, no faster than it may, and the service can be stopped", async () => {
  await using host = new Host();
  await host.run(program("flood", "yes | tr -d '\\n'", { output: { isLogged: true, keep: 10, bytesPerSecond: 50_000 } }));
  await host.printed("yyy");
  host.manager.stop("flood");
  await host.state("flood", "stopped");
  const printed = host.log.flatMap((event) => (event.event === "service.output" ? [event.line.length] : []));
  expect(Math.max(...printed)).toBe(8_192);
  expect(printed.length).toBeLessThan(50); // some gigabytes a second otherwise
  expect(host.manager.lines("flood", 0, 1_000).length).toBeLessThanOrEqual(10);
});

describe("a service is ready", () => {
  test("when the port is open that it is to open", async () => {
    await using host = new Host();
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
    await host.run(program("web", WAITING, { ready: { kind: "port", port } }));
    await host.state("web", "ready");
    await new Promise((resolve) => server.close(resolve));
  });

  test("when it listens on the socket that it was given, of which nothing is left from before", async () => {
    await using host = new Host();
    const serve = `require("net").createServer().listen(process.env.JUNCTOR_LISTEN)`;
    await host.run(program("web/app", [process.execPath, "-e", serve], { listens: true, ready: { kind: "listens" } }));
    await host.state("web/app", "ready");
    const [before] = host.manager.instances("web/app");
    expect(before?.socket).toBe(join(host.directory, "web_app-1/listen.sock"));
    process.kill(before?.pid ?? 0, "SIGKILL"); // its socket stays
    await host.state("web/app", "failed");
    expect(existsSync(before?.socket ?? "")).toBe(true);
    host.manager.start("web/app");
    await host.state("web/app", "ready");
  });

  test("when its own session has registered what it is to register", async () => {
    await using host = new Host();
    let register = () => {};
    const asked = new Promise<void>((resolve) => {
      register = resolve;
    });
    const ready = { kind: "registered", procedures: ["app.add"] } as const;
    const other = component("other", async (session) => void (await session.register("app.add", () => 0, { invoke: "roundrobin" })));
    await host.run(
      other,
      component(
        "adder",
        async (session) => {
          await asked;
          await session.register("app.add", () => 5, { invoke: "roundrobin" });
        },
        { ready, after: ["other"] },
      ),
    );
    await host.state("other", "ready");
    await host.state("adder", "starting");
    await until(() => host.manager.instances("adder")[0]?.sessions === 1);
    expect(host.manager.instances("adder")[0]?.state).toBe("starting");
    register();
    await host.state("adder", "ready");
  });
});

describe("its ticket", () => {
  const enter = (door: string, realm: string, authid: string, secret: string) =>
    connect({ url: `unix:${door}`, realm, auth: [ticket({ authid, ticket: secret })] });

  test("lets a process in as often as it likes, into its realm and role only, and is worth nothing when it has ended", async () => {
    await using host = new Host();
    await host.run(program("api", `env; echo up; ${WAITING}`, { login: LOGIN, ready: { kind: "joined" } }));
    const authid = await host.printed("JUNCTOR_AUTHID=");
    const secret = await host.printed("JUNCTOR_TICKET=");
    const url = await host.printed("JUNCTOR_URL=");
    const door = await host.printed("JUNCTOR_SOCKET=");
    expect([authid, url, await host.printed("JUNCTOR_REALM=")]).toEqual(["service:api", `unix://${door}`, "app"]);
    expect(host.manager.instances("api")[0]?.state).toBe("starting");

    const session = await enter(door, "app", authid, secret);
    expect(session.details).toMatchObject({
      authid,
      authrole: "backend",
      authmethod: "ticket",
      authprovider: "service",
      authextra: { service: "api", instance: 1 },
    });
    await host.state("api", "ready");
    await (await enter(door, "app", authid, secret)).leave(); // it connects again

    await expect(enter(door, "other", authid, secret)).rejects.toThrow(JoinError);
    await expect(enter(door, "app", "service:other", secret)).rejects.toThrow("wamp.error.authentication_denied");
    await expect(enter(door, "app", authid, "guessed")).rejects.toThrow("wamp.error.authentication_denied");
    await expect(connect({ url: `unix:${door}`, realm: "app" })).rejects.toThrow("wamp.error.no_matching_auth_method");

    host.manager.stop("api");
    expect((await session.closed).reason).toBe("wamp.error.authentication_required");
    await expect(enter(door, "app", authid, secret)).rejects.toThrow("wamp.error.authentication_denied");
  });

  test("is another one after each start, and stands in no command line, log or file", async () => {
    await using host = new Host();
    const { output } = program("", "");
    await host.run(
      program("api", `echo $JUNCTOR_TICKET > ${host.directory}/seen; ${WAITING}`, {
        login: LOGIN,
        ready: { kind: "started" },
        output: { ...output, isLogged: false },
      }),
    );
    const seen = async () => {
      await until(() => existsSync(join(host.directory, "seen")) && readFileSync(join(host.directory, "seen"), "utf8").length > 1);
      const secret = readFileSync(join(host.directory, "seen"), "utf8").trim();
      rmSync(join(host.directory, "seen"));
      return secret;
    };
    const first = await seen();
    expect(first).toMatch(/^[\w-]{43}$/);
    await host.state("api", "ready");
    const told = [JSON.stringify(host.log), readFileSync(join(host.directory, "services.json"), "utf8")];
    if (process.platform === "linux") told.push(readFileSync(`/proc/${host.pid("api")}/cmdline`, "utf8"));
    expect(told.filter((text) => text.includes(first))).toEqual([]);
    host.manager.restart("api", "asked for");
    expect(await seen()).not.toBe(first);
  });
});

test("a component has its role's rights, ends when it is asked to, and has failed when its session ends otherwise", async () => {
  await using host = new Host();
  let ended = 0;
  const run: Component = async (session, { signal, service }) => {
    await session.register("app.who", () => `${service.name} ${service.instance}`);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    ended++;
  };
  await host.run(
    component("who", run),
    component("asker", async (session) => void (await session.call("app.nobody"))),
  );
  await host.state("who", "ready");
  expect(await host.state("asker", "failed")).toMatch(/^failed: .*no_such_procedure/);
  const asker = await connect({ dial: host.router.dial(true), realm: "app" });
  expect((await asker.call("app.who")).value).toBe("who 1");
  const [session] = [...(host.router.realm("app")?.sessions.values() ?? [])].filter(({ authid }) => authid === "service:who");
  if (session !== undefined) host.router.realm("app")?.kill(session, "app.error.sorry");
  expect(await host.state("who", "failed")).toBe("failed: the session has ended: app.error.sorry");
  host.manager.start("who");
  await host.state("who", "ready");
  host.manager.stop("who");
  await host.state("who", "stopped");
  expect(ended).toBe(1);
});

test("parts of the server that need processes at the same time make ready for them one after another", async () => {
  await using host = new Host();
  const web = program("web/app", WAITING, { listens: true, ready: { kind: "started" } });
  await Promise.all([host.run(program("api", WAITING, { login: LOGIN, ready: { kind: "started" } })), host.run(web)]);
  await Promise.all([host.state("api", "ready"), host.state("web/app", "ready")]);
});

test("a service is restarted when a file changes that it watches, and not for hidden ones", async () => {
  await using host = new Host();
  const folder = mkdtempSync(join(host.directory, "src-"));
  await host.run(program("dev", `echo up; ${WAITING}`, { watch: [`${folder}/**/*.py`] }));
  await host.state("dev", "ready");
  writeFileSync(join(folder, ".swap.py"), "");
  writeFileSync(join(folder, "notes.txt"), "");
  writeFileSync(join(folder, "app.py"), "");
  await until(() => host.log.some((event) => event.event === "service.state" && event.state === "stopping"));
  expect(host.log.find((event) => event.event === "service.state" && event.state === "stopping")).toMatchObject({
    reason: `${folder}/app.py has changed`,
  });
});

test("a service can run as somebody else only where the server is root, and says so before anything is started", async () => {
  await using host = new Host();
  const { launch } = program("", "");
  const other = program("other", "true", { launch: { ...launch, user: "no-such-user" } as Program["launch"] });
  const expected = process.getuid?.() === 0 ? "there is no user no-such-user" : "which only root can arrange";
  const error = await host.run(other).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UserError);
  expect(String(error)).toContain(expected);
});

test.skipIf(process.getuid?.() !== 0)("as somebody else it has that user's rights, and reaches the router all the same", async () => {
  await using host = new Host();
  const { launch } = program("", "");
  const dial = `require("net").connect(process.env.JUNCTOR_SOCKET, () => { console.log("up", process.getuid(), process.env.HOME); setInterval(() => {}, 1e6) })`;
  await host.run(
    program("other", "", {
      launch: { ...launch, user: "65534", command: () => [process.execPath, "-e", dial] } as Program["launch"],
      login: LOGIN,
    }),
  );
  expect(await host.printed("up ")).toMatch(/^65534 \//);
});

/** For what nobody tells of. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
