/** `redirect`: sends clients elsewhere. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { RedirectOptions } from "../config/web-schema.ts";
import { refuse } from "./refusal.ts";
import { splitTarget } from "./request-path.ts";
import type { WebService } from "./web-service.ts";

export class Redirect implements WebService {
  readonly #options: RedirectOptions;

  constructor(options: RedirectOptions) {
    this.#options = options;
  }

  handle(request: IncomingMessage, response: ServerResponse, rest: string): void {
    const { to, status, keepPath } = this.#options;
    const location = keepPath ? `${to.replace(/\/$/, "")}${rest}${splitTarget(request.url ?? "")[1]}` : to;
    // What asks for the page is told by the status; the body is for people whose program does not follow.
    refuse(request, response, status, `This has moved to ${location}`, { Location: location, "Cache-Control": "max-age=300" });
  }
}
