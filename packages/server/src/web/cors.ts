/** Pages of other origins that may read the answers of a web service (CORS, the Fetch standard, 3.2). */
import type { IncomingMessage, ServerResponse } from "node:http";
import { OriginList } from "@junctor/transport-node";
import type { CorsOptions } from "../config/web-schema.ts";

export class Cors {
  readonly #options: CorsOptions;
  readonly #origins: OriginList;
  readonly #isForAll: boolean;

  constructor(options: CorsOptions) {
    this.#options = options;
    this.#origins = new OriginList(options.origins);
    this.#isForAll = options.origins.includes("*");
  }

  /** Adds what the browser has to know. @returns whether it was the browser's question before the request, which is answered then */
  apply(request: IncomingMessage, response: ServerResponse): boolean {
    const { credentials, exposed, methods, headers, maxAge } = this.#options;
    const { origin } = request.headers;
    if (!this.#isForAll) response.setHeader("Vary", "Origin");
    const isQuestion = request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined;
    if (origin !== undefined && this.#origins.allows(request.headers)) {
      // With credentials the origin has to be named; the schema does not take "*" together with them.
      response.setHeader("Access-Control-Allow-Origin", this.#isForAll ? "*" : origin);
      if (credentials) response.setHeader("Access-Control-Allow-Credentials", "true");
      if (exposed.length > 0 && !isQuestion) response.setHeader("Access-Control-Expose-Headers", exposed.join(", "));
      if (isQuestion) {
        response.setHeader("Access-Control-Allow-Methods", methods.join(", "));
        if (headers.length > 0) response.setHeader("Access-Control-Allow-Headers", headers.join(", "));
        response.setHeader("Access-Control-Max-Age", Math.floor(maxAge / 1_000));
      }
    }
    if (isQuestion) response.writeHead(204).end();
    return isQuestion;
  }
}
