/** Runs a component in the server's own process: a session through the router's own door, with no other rights than its role's. */
import { ticket } from "@junctor/client/auth/ticket";
import type { Router } from "@junctor/router";
import { live } from "./component.ts";
import type { Ending } from "./instance.ts";
import type { Component } from "./program.ts";
import type { ServiceLogin } from "./service-tickets.ts";

export class ComponentHost {
  readonly #stopping = new AbortController();
  readonly #exited: (ending: Ending) => void;
  #hasEnded = false;

  constructor(component: Component, login: ServiceLogin, router: Router, exited: (ending: Ending) => void) {
    this.#exited = exited;
    const { realm, service, instance } = login.run;
    const options = { dial: router.dial(), realm, auth: [ticket(login)], agent: "Junctor component" };
    live(component, options, { signal: this.#stopping.signal, service: { name: service, instance } }).then(
      () => this.#end({ code: 0, signal: null }),
      (error: unknown) => this.#end({ code: 1, signal: null, error: `failed: ${error instanceof Error ? error.message : String(error)}` }),
    );
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** There is no process to kill. Its ticket is revoked now, which ends its session; what it does without one, nobody can stop. */
  kill(): void {
    this.#end({ code: null, signal: "SIGKILL" });
  }

  #end(ending: Ending): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#exited(ending);
  }
}
