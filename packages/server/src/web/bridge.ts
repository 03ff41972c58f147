/**
 * `bridge`: calls and publications by single HTTP requests, for programs that speak no WAMP. `POST` with JSON:
 * `{"procedure": "com.example.add", "args": [2, 3]}` or `{"topic": "com.example.news", "args": ["hello"]}`, at the entry's own
 * path, or at `/call` and `/publish` below it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApplicationError, JoinError, SessionClosedError, TimeoutError } from "@junctor/client";
import { Uri } from "@junctor/protocol";
import type { RequestOrigin } from "@junctor/transport-node";
import { z } from "zod";
import type { BridgeOptions } from "../config/web-schema.ts";
import { CredentialsError, HttpSessions } from "./http-sessions.ts";
import { refuse } from "./refusal.ts";
import { dictJson, listJson, valuesOf } from "./wamp-json.ts";
import type { WebEnvironment, WebService } from "./web-service.ts";

const values = {
  args: z.array(z.unknown()).default([]),
  kwargs: z.record(z.string(), z.unknown()).default({}),
};
const callBody = z.strictObject({ procedure: z.string(), ...values, timeout: z.number().positive().max(600_000).optional() });
const publishBody = z.strictObject({
  topic: z.string(),
  ...values,
  options: z.strictObject({ retain: z.boolean().optional() }).default({}),
});

/** A request that cannot be served, and what its sender is told. */
class BadRequest extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class Bridge implements WebService {
  readonly #sessions: HttpSessions;
  readonly #options: BridgeOptions;
  readonly #longest: number;

  constructor(options: BridgeOptions, { router, limits }: WebEnvironment) {
    this.#sessions = new HttpSessions(router, options.realm);
    this.#options = options;
    this.#longest = limits.messageSize;
  }

  handle(request: IncomingMessage, response: ServerResponse, rest: string, origin: RequestOrigin): void {
    if (!WAYS.has(rest)) return refuse(request, response, 404, "There is nothing at this address.");
    if (request.method !== "POST") return refuse(request, response, 405, "Calls and publications are POSTed.", { Allow: "POST" });
    // A page of another origin would have to ask first, and is told nothing.
    if (!JSON_TYPE.test(request.headers["content-type"] ?? ""))
      return refuse(request, response, 415, "Content-Type: application/json is what it takes.");
    this.#serve(request, response, rest, origin).catch((error: unknown) => answerFailure(request, response, error));
  }

  async #serve(request: IncomingMessage, response: ServerResponse, way: string, origin: RequestOrigin): Promise<void> {
    const body = await readJson(request, this.#longest);
    const isCall = way === "/call" || (way !== "/publish" && body !== null && typeof body === "object" && "procedure" in body);
    const { session, release } = await this.#sessions.lease(request, origin);
    try {
      if (!isCall) {
        const { topic, args, kwargs, options } = checked(publishBody, body);
        const payload = valuesOf(args, kwargs);
        const { retain = false } = options;
        const id = await session.publish(topic, payload.args, payload.kwargs, { acknowledge: true, retain });
        return answer(response, 200, `{"id":${id}}`);
      }
      const { procedure, args, kwargs, timeout = this.#options.timeout } = checked(callBody, body);
      const payload = valuesOf(args, kwargs);
      const gone = new AbortController();
      response.once("close", () => gone.abort(new Error("the client has gone")));
      const result = await session.call(procedure, payload.args, payload.kwargs, { timeout, signal: gone.signal });
      answer(response, 200, `{"args":${listJson(result.args)},"kwargs":${dictJson(result.kwargs)}}`);
    } finally {
      release();
    }
  }

  close(): Promise<void> {
    return this.#sessions.close();
  }
}

function checked<T>(schema: z.ZodType<T>, body: unknown): T {
  const { success, data, error } = schema.safeParse(body);
  if (success) return data;
  const [issue] = error.issues;
  throw new BadRequest(400, `${issue?.path.join(".") || "the body"}: ${issue?.message ?? "not as expected"}`);
}

function readJson(request: IncomingMessage, limit: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else reject(new BadRequest(413, `More than ${limit} bytes are not taken.`));
    });
    request.once("end", () => {
      try {
        resolve(JSON.parse(Buffer.concat(chunks).toString()));
      } catch {
        reject(new BadRequest(400, 'Expected JSON: {"procedure": "com.example.add", "args": [2, 3]} or {"topic": "com.example.news"}'));
      }
    });
    request.once("close", () => reject(new BadRequest(400, "The request was given up.")));
  });
}

/** What went wrong, as a status; an ERROR of WAMP with its URI and arguments besides. Shared with the event stream. */
export function answerFailure(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  if (error instanceof ApplicationError) {
    const body = `{"error":${JSON.stringify(error.uri)},"args":${listJson(error.args)},"kwargs":${dictJson(error.kwargs)}}`;
    return answer(response, STATUS[error.uri] ?? 422, body);
  }
  if (error instanceof BadRequest) return refuse(request, response, error.status, error.message);
  if (error instanceof CredentialsError) return refuse(request, response, 401, error.message, CHALLENGE);
  if (error instanceof JoinError) {
    if (error.reason === Uri.noSuchRealm) return refuse(request, response, 503, "The realm is not there.");
    return refuse(request, response, 401, "The credentials are not valid here.", CHALLENGE);
  }
  if (error instanceof TimeoutError) return refuse(request, response, 504, "The call was not answered in time.");
  if (error instanceof SessionClosedError) return refuse(request, response, 503, "The session has ended; try again.");
  // What is left is the values' own: no Base64, too deep, no form in JSON.
  refuse(request, response, 400, error instanceof Error ? error.message : "The request cannot be served.");
}

function answer(response: ServerResponse, status: number, body: string): void {
  const bytes = Buffer.from(`${body}\n`);
  const headers = { "Content-Type": "application/json", "Content-Length": bytes.length, "Cache-Control": "no-store" };
  response.writeHead(status, { ...headers, "X-Content-Type-Options": "nosniff" }).end(bytes);
}

const WAYS: ReadonlySet<string> = new Set(["", "/", "/call", "/publish"]);
const JSON_TYPE = /^application\/json *(;|$)/i;
const CHALLENGE = { "WWW-Authenticate": 'Basic realm="WAMP", charset="UTF-8"' };
/** Errors of the router. What an application answers with is 422. */
const STATUS: Readonly<Record<string, number>> = {
  [Uri.noSuchProcedure]: 404,
  [Uri.notAuthorized]: 403,
  [Uri.authorizationFailed]: 403,
  [Uri.invalidUri]: 400,
  [Uri.invalidArgument]: 400,
  [Uri.timeout]: 504,
  [Uri.canceled]: 502,
  [Uri.noAvailableCallee]: 503,
  [Uri.unavailable]: 503,
};
