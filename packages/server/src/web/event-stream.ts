/**
 * `sse`: subscriptions as Server-Sent Events, for pages and programs that only listen:
 * `new EventSource("/events?topic=com.example.news")`, with `match=prefix` or `match=wildcard` for patterns. Whoever comes again
 * with the id of the last event that it has got first gets what the topic's history has of the time between.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApplicationError, type Event, type Session, type Subscription } from "@junctor/client";
import type { RequestOrigin } from "@junctor/transport-node";
import type { EventStreamOptions } from "../config/web-schema.ts";
import { answerFailure } from "./bridge.ts";
import { HttpSessions } from "./http-sessions.ts";
import { refuse } from "./refusal.ts";
import { dictJson, listJson } from "./wamp-json.ts";
import type { WebEnvironment, WebService } from "./web-service.ts";

const MATCH = ["exact", "prefix", "wildcard"] as const;

export class EventStream implements WebService {
  readonly #sessions: HttpSessions;
  /** Bytes that may wait for a client that does not read; it may come again. */
  readonly #most: number;
  readonly #open = new Set<ServerResponse>();
  readonly #keepAlive: NodeJS.Timeout;

  constructor({ realm, keepAlive }: EventStreamOptions, { router, limits }: WebEnvironment) {
    this.#sessions = new HttpSessions(router, realm);
    this.#most = limits.queueSoft;
    this.#keepAlive = setInterval(() => {
      for (const response of this.#open) response.write(": still here\n\n");
    }, keepAlive);
    this.#keepAlive.unref();
  }

  handle(request: IncomingMessage, response: ServerResponse, rest: string, origin: RequestOrigin): void {
    if (rest !== "" && rest !== "/") return refuse(request, response, 404, "There is nothing at this address.");
    if (request.method !== "GET") return refuse(request, response, 405, "Events can only be read.", { Allow: "GET" });
    const query = new URL(request.url ?? "", "http://localhost").searchParams;
    const topic = query.get("topic");
    if (topic === null) return refuse(request, response, 400, "Which topic? Expected ?topic=com.example.news");
    const match = MATCH.find((name) => name === (query.get("match") ?? "exact"));
    if (match === undefined) return refuse(request, response, 400, `match is one of ${MATCH.join(", ")}.`);
    const last = request.headers["last-event-id"] ?? query.get("lastEventId") ?? "";
    if (typeof last !== "string" || !/^\d{0,16}$/.test(last)) return refuse(request, response, 400, "Last-Event-ID is the id of an event.");
    this.#serve(request, response, origin, { topic, match, last: last === "" ? undefined : Number(last) }).catch((error: unknown) =>
      response.headersSent ? response.end() : answerFailure(request, response, error),
    );
  }

  async #serve(request: IncomingMessage, response: ServerResponse, origin: RequestOrigin, wanted: Wanted): Promise<void> {
    const gone = new Promise<void>((resolve) => response.once("close", resolve));
    const { session, release } = await this.#sessions.lease(request, origin);
    try {
      const stream = new Stream(response, this.#most);
      const subscription = await session.subscribe(wanted.topic, (event) => stream.hear(event), { match: wanted.match });
      try {
        const missed = wanted.last === undefined ? [] : await missedSince(wanted.last, subscription);
        response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no" });
        stream.begin(missed);
        this.#open.add(response);
        await Promise.race([gone, ended(session, subscription)]);
        response.end();
      } finally {
        this.#open.delete(response);
        await subscription.unsubscribe().catch(() => {});
      }
    } finally {
      release();
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#keepAlive);
    for (const response of this.#open) response.end();
    await this.#sessions.close();
  }
}

interface Wanted {
  readonly topic: string;
  readonly match: (typeof MATCH)[number];
  readonly last: number | undefined;
}

/** One response, and what waits until the events before it have been sent. */
class Stream {
  readonly #response: ServerResponse;
  readonly #most: number;
  #waiting: Event[] | undefined = [];

  constructor(response: ServerResponse, most: number) {
    this.#response = response;
    this.#most = most;
  }

  hear(event: Event): void {
    if (this.#waiting !== undefined) this.#waiting.push(event);
    else this.#send(event);
  }

  /** @param missed what comes before all that has been heard; `undefined`: nobody can tell */
  begin(missed: readonly Event[] | undefined): void {
    const response = this.#response;
    response.write(`retry: ${RETRY_MS}\n\n`);
    if (missed === undefined) response.write("event: gap\ndata: {}\n\n");
    const sent = new Set<number>();
    for (const event of missed ?? []) {
      sent.add(event.publication);
      this.#send(event);
    }
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const event of waiting) if (!sent.has(event.publication)) this.#send(event);
  }

  #send({ publication, topic, args, kwargs }: Event): void {
    if (this.#response.writableLength > this.#most) {
      this.#response.destroy(); // a client that does not read: it comes again with the last id that it has read
      return;
    }
    const data = `{"topic":${JSON.stringify(topic)},"args":${listJson(args)},"kwargs":${dictJson(kwargs)}}`;
    this.#response.write(`id: ${publication}\ndata: ${data}\n\n`);
  }
}

/** What was published after an event. @returns `undefined` where nobody knows: no history, or the event is not in it any more */
async function missedSince(last: number, subscription: Subscription): Promise<Event[] | undefined> {
  const missed: Event[] = [];
  try {
    // From the event itself, which tells whether the history still reaches so far.
    let page = await subscription.history({ fromPublication: last });
    if (page.events[0]?.publication !== last) return undefined;
    for (;;) {
      missed.push(...page.events);
      const end = page.events.at(-1);
      if (!page.more || end === undefined || missed.length > MOST_MISSED) break;
      page = await subscription.history({ afterPublication: end.publication });
    }
  } catch (error) {
    if (error instanceof ApplicationError) return undefined;
    throw error;
  }
  return missed.length > MOST_MISSED ? undefined : missed.slice(1);
}

function ended(session: Session, { revoked }: Subscription): Promise<unknown> {
  return Promise.race([session.closed, revoked]);
}

/** After which a browser comes again. */
const RETRY_MS = 2_000;
const MOST_MISSED = 10_000;
