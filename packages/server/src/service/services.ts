/** The services of a configuration, and the components of a program that starts the server: what the manager is to run of them. */
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { programOf, type ServiceFileConfig, serviceDefaults } from "../config/services-schema.ts";
import type { Component, Program } from "./program.ts";
import type { ServiceManager } from "./service-manager.ts";

/** A service that runs in the server's own process: for programs that start the server. */
export interface ComponentService {
  readonly component: Component;
  readonly realm: string;
  readonly role: string;
  /** Services that have to be ready before. */
  readonly after?: readonly string[];
  /** Procedures that it has to have registered to count as ready. Default: it has to have joined. */
  readonly registered?: readonly string[];
}

export class Services {
  readonly #manager: ServiceManager;
  readonly #runner: string;
  #configured: Readonly<Record<string, ServiceFileConfig>> = {};

  /** @param runner the program that runs modules */
  constructor(manager: ServiceManager, runner: URL = new URL("./runner.js", import.meta.url)) {
    this.#manager = manager;
    this.#runner = fileURLToPath(runner);
  }

  /**
   * Prepares for the services of a configuration; nothing changes yet.
   *
   * @returns what makes the change: those that are not in it stop, new ones start, changed ones are restarted, and all others
   *   are left alone
   * @throws {UserError} they cannot be started on this machine
   */
  async prepare(services: Readonly<Record<string, ServiceFileConfig>>): Promise<() => void> {
    const programs = Object.entries(services).map(([name, config]) => programOf(name, config, this.#runner));
    await this.#manager.prepare(programs);
    return () => {
      const before = this.#configured;
      this.#configured = services;
      for (const name of Object.keys(before)) if (!Object.hasOwn(services, name)) this.#manager.remove(name);
      for (const program of programs) {
        const { name } = program;
        const isSame = Object.hasOwn(before, name) && isDeepStrictEqual(before[name], services[name]);
        if (!isSame) this.#manager.put(program, services[name]?.enabled);
      }
    };
  }

  /** Adds the components of a program. */
  add(components: Readonly<Record<string, ComponentService>>): void {
    for (const [name, config] of Object.entries(components)) this.#manager.put(componentProgram(name, config));
  }
}

function componentProgram(name: string, { component, realm, role, after = [], registered }: ComponentService): Program {
  return {
    ...programOf(name, serviceDefaults(), ""),
    launch: { kind: "component", component },
    login: { realm, role },
    after,
    ready: registered === undefined ? { kind: "joined" } : { kind: "registered", procedures: registered },
  };
}
