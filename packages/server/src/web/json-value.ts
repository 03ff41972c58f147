/** `json`: a value out of the configuration, for pages that need to know where they are. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { refuse } from "./refusal.ts";
import type { WebService } from "./web-service.ts";

export class JsonValue implements WebService {
  readonly #body: () => Buffer;

  /** @param value asked for again with each request where it is a function */
  constructor(value: unknown) {
    const encode = (current: unknown) => Buffer.from(`${JSON.stringify(current)}\n`);
    const fixed = typeof value === "function" ? undefined : encode(value);
    this.#body = () => fixed ?? encode((value as () => unknown)());
  }

  handle(request: IncomingMessage, response: ServerResponse, rest: string): void {
    if (rest !== "" && rest !== "/") return refuse(request, response, 404, "There is nothing at this address.");
    if (request.method !== "GET" && request.method !== "HEAD")
      return refuse(request, response, 405, "This can only be read.", { Allow: "GET, HEAD" });
    const body = this.#body();
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": body.length, "Cache-Control": "no-cache" });
    response.end(request.method === "HEAD" ? undefined : body);
  }
}
