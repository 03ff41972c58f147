/** The access log: one event for each request, when its answer has left or the client has gone. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestOrigin } from "@junctor/transport-node";
import type { LogEvent } from "../log.ts";
import { splitTarget } from "./request-path.ts";

export function logRequest(
  request: IncomingMessage,
  response: ServerResponse,
  origin: RequestOrigin,
  log: (event: LogEvent) => void,
): void {
  const { method = "", url = "", headers } = request;
  const begun = performance.now();
  response.once("close", () =>
    log({
      event: "http.request",
      method,
      path: splitTarget(url)[0], // a query may hold what is nobody's business
      status: response.statusCode,
      isComplete: response.writableFinished,
      durationMs: Math.round(performance.now() - begun),
      address: origin.address,
      agent: headers["user-agent"],
    }),
  );
}
