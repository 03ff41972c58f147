/** One start of an instance: its process or component, the ticket that it may join with, and when it is ready. */
import { connect } from "node:net";
import type { Router } from "@junctor/router";
import { ComponentHost } from "./component-host.ts";
import { identityOf } from "./identity.ts";
import type { Ending } from "./instance.ts";
import { OutputBudget } from "./output-reader.ts";
import { SERVER_VARIABLE } from "./process-record.ts";
import type { Launch, Program, Readiness } from "./program.ts";
import { ServiceProcess } from "./service-process.ts";
import type { ServiceLogin, ServiceTickets } from "./service-tickets.ts";

export interface RunEnvironment {
  readonly router: Router;
  readonly tickets: ServiceTickets;
  /** Of this server, for finding strays. */
  readonly serverId: string;
  /** UNIX socket at which the router listens for the program's services. */
  readonly door: string;
  /** Where the router listens for WebSockets on this machine, if anywhere. */
  readonly webSocketUrl: string | undefined;
  /** Milliseconds on a scale that never goes back. */
  readonly now: () => number;
}

export interface RunObserver {
  ready(): void;
  exited(ending: Ending, hasRemnants: boolean): void;
  vanished(): void;
  printed(stream: "stdout" | "stderr", line: string): void;
}

export class InstanceRun {
  /** Where it is to listen, of a program that does. */
  readonly socket: string;
  readonly program: Program;
  readonly #environment: RunEnvironment;
  readonly #observer: RunObserver;
  readonly #login: ServiceLogin | undefined;
  readonly #body: ServiceProcess | ComponentHost;
  readonly #looking: NodeJS.Timeout | undefined;
  #isReady = false;
  #isGone = false;

  /** @throws {UserError} it cannot be started as the user that it is to run as */
  constructor(program: Program, instance: number, socket: string, environment: RunEnvironment, observer: RunObserver) {
    const { launch, login, name, output } = program;
    this.program = program;
    this.socket = socket;
    this.#environment = environment;
    this.#observer = observer;
    const identity = launch.kind === "process" ? identityOf(name, launch.user, launch.group) : undefined;
    this.#login = login === undefined ? undefined : environment.tickets.issue(name, instance, login.realm, login.role);
    if (launch.kind === "component") {
      if (this.#login === undefined) throw new TypeError("a component is handed a session: it needs a realm and a role");
      this.#body = new ComponentHost(launch.component, this.#login, environment.router, (ending) => this.#exited(ending, false));
    } else {
      const env = { ...inherited(launch.inherits), ...identity?.env, ...launch.env, ...this.#variables(instance) };
      const budget = new OutputBudget(output.bytesPerSecond, environment.now);
      const command = launch.command({ instance, socket });
      const { cwd, stopSignal } = launch;
      this.#body = new ServiceProcess(
        { command, cwd, env, uid: identity?.uid, gid: identity?.gid, stopSignal, budget },
        {
          exited: (ending, hasRemnants) => this.#exited(ending, hasRemnants),
          vanished: () => this.#gone(() => observer.vanished()),
          printed: (stream, line) => {
            observer.printed(stream, line);
            if (isAnnounced(program.ready, line)) this.#becomeReady();
          },
        },
      );
    }
    this.#looking = program.ready.kind === "line" ? undefined : setInterval(() => void this.#look(), LOOK_AGAIN_MS);
  }

  get pid(): number | undefined {
    return this.#body instanceof ServiceProcess ? this.#body.pid : undefined;
  }

  /** How many sessions it has. */
  get sessions(): number {
    return this.#login === undefined ? 0 : this.#environment.tickets.sessionsOf(this.#login.run).length;
  }

  stop(): void {
    this.#body.stop();
  }

  kill(): void {
    this.#body.kill();
  }

  #exited(ending: Ending, hasRemnants: boolean): void {
    clearInterval(this.#looking);
    if (hasRemnants) this.#observer.exited(ending, true);
    else this.#gone(() => this.#observer.exited(ending, false));
  }

  #gone(tell: () => void): void {
    if (this.#isGone) return;
    this.#isGone = true;
    if (this.#login !== undefined) this.#environment.tickets.revoke(this.#login.run);
    tell();
  }

  #becomeReady(): void {
    if (this.#isReady || this.#isGone) return;
    this.#isReady = true;
    clearInterval(this.#looking);
    this.#observer.ready();
  }

  async #look(): Promise<void> {
    if (await this.#isUp(this.program.ready)) this.#becomeReady();
  }

  #isUp(ready: Readiness): boolean | Promise<boolean> {
    switch (ready.kind) {
      case "started":
        return true;
      case "joined":
        return this.sessions > 0;
      case "registered":
        return ready.procedures.every((procedure) => this.#hasRegistered(procedure));
      case "line":
        return false;
      case "port":
        return isAnswered({ port: ready.port, host: "localhost" });
      case "listens":
        return isAnswered({ path: this.socket });
    }
  }

  #hasRegistered(procedure: string): boolean {
    if (this.#login === undefined) return false;
    const { run } = this.#login;
    const dealer = this.#environment.router.realm(run.realm)?.dealer;
    const registrations = MATCHES.map((match) => dealer?.find(procedure, match));
    return registrations.some((registration) => registration?.callees.some(({ session }) => session.proof === run) === true);
  }

  /** What the process finds in its environment besides its own variables. */
  #variables(instance: number): Record<string, string> {
    const { serverId, door, webSocketUrl } = this.#environment;
    return {
      [SERVER_VARIABLE]: serverId,
      JUNCTOR_SERVICE: this.program.name,
      JUNCTOR_INSTANCE: String(instance),
      ...(this.program.listens === true && { JUNCTOR_LISTEN: this.socket }),
      ...(this.#login !== undefined && {
        JUNCTOR_URL: `unix://${door}`,
        JUNCTOR_SOCKET: door,
        ...(webSocketUrl !== undefined && { JUNCTOR_WS_URL: webSocketUrl }),
        JUNCTOR_REALM: this.#login.run.realm,
        JUNCTOR_AUTHID: this.#login.authid,
        JUNCTOR_TICKET: this.#login.ticket,
      }),
    };
  }
}

function isAnnounced(ready: Readiness, line: string): boolean {
  if (ready.kind !== "line") return false;
  return typeof ready.pattern === "string" ? line.includes(ready.pattern) : ready.pattern.test(line);
}

/** Without what is the server's alone: its own log-in, where it is a service itself, and what systemd has handed to it. */
function inherited(inherits: Extract<Launch, { kind: "process" }>["inherits"]): Record<string, string> {
  const entries = Object.entries(process.env).flatMap(([name, value]) => {
    const isMeant = inherits === true || name === "PATH" || (inherits !== false && inherits.includes(name));
    return value === undefined || !isMeant || OWN.has(name) ? [] : [[name, value] as const];
  });
  return Object.fromEntries(entries);
}

function isAnswered(where: { readonly port: number; readonly host: string } | { readonly path: string }): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ ...where, timeout: LOOK_AGAIN_MS });
    const answer = (isUp: boolean) => {
      probe.destroy();
      resolve(isUp);
    };
    probe.once("connect", () => answer(true));
    probe.once("timeout", () => answer(false));
    probe.once("error", () => answer(false));
  });
}

const LOOK_AGAIN_MS = 100;
const MATCHES = ["exact", "prefix", "wildcard"] as const;
const OWN: ReadonlySet<string> = new Set([
  ...["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"],
  ...["JUNCTOR_LISTEN", "JUNCTOR_URL", "JUNCTOR_SOCKET", "JUNCTOR_WS_URL", "JUNCTOR_REALM", "JUNCTOR_AUTHID", "JUNCTOR_TICKET"],
]);
