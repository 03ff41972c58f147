/** Asks the targets of a reverse proxy, again and again, whether they are well: any status below 400 says so. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Target, Targets } from "./targets.ts";

export interface HealthCheckOptions {
  readonly path: string;
  readonly interval: number;
  readonly timeout: number;
}

export class HealthCheck {
  readonly #targets: Targets;
  readonly #options: HealthCheckOptions;
  readonly #running = new Set<Target>();
  readonly #timer: NodeJS.Timeout;

  constructor(targets: Targets, options: HealthCheckOptions) {
    this.#targets = targets;
    this.#options = options;
    this.#timer = setInterval(() => this.check(), options.interval).unref();
    this.check();
  }

  /** Asks those that are not being asked. */
  check(): void {
    for (const target of this.#targets.all) if (!this.#running.has(target)) this.#ask(target);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #ask(target: Target): void {
    const { path, timeout } = this.#options;
    this.#running.add(target);
    let problem: string | undefined = `its health check had no answer within ${timeout} ms`;
    const asked = (target.protocol === "https:" ? httpsRequest : httpRequest)({
      ...target.place,
      agent: false,
      path: `${target.base}${path}`,
      headers: { Host: target.authority, "User-Agent": "Junctor-Health-Check", Connection: "close" },
    });
    const late = setTimeout(() => asked.destroy(), timeout);
    asked.on("response", (answer) => {
      const { statusCode = 0 } = answer;
      problem = statusCode < 400 ? undefined : `its health check was answered with ${statusCode}`;
      asked.destroy(); // the body is of no interest
    });
    asked.on("error", (error) => {
      if ("code" in error && error.code !== "ECONNRESET") problem = error.message;
    });
    asked.on("close", () => {
      clearTimeout(late);
      this.#running.delete(target);
      this.#targets.checked(target, problem);
    });
    asked.end();
  }
}
