/**
 * `metrics`: what a server counts, for Prometheus (docs/reference/metrics.md). Nothing is counted for it on the way of a message:
 * realms have their counters anyway, and the rest is made of what is logged.
 *
 *     web: {/metrics: {metrics: true}}
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Realm, Router } from "@junctor/router";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { LogEvent } from "../log.ts";
import { VERSION } from "../version.ts";
import type { Condition } from "./health.ts";
import { refuse } from "./refusal.ts";
import type { WebService } from "./web-service.ts";

export interface MetricsSource {
  readonly router: Router;
  readonly condition: () => Condition;
  /** Tells of everything that is logged, from now on. @returns what ends that */
  readonly observe: (observer: (event: LogEvent) => void) => () => void;
}

export class Metrics implements WebService {
  readonly #registry = new Registry();
  readonly #unobserve: () => void;

  constructor({ router, condition, observe }: MetricsSource) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    new Gauge({ name: "wamp_build_info", help: "The version that runs.", labelNames: ["version"], registers }).set({ version: VERSION }, 1);

    for (const [name, help, value] of REALM_GAUGES)
      new Gauge({
        name,
        help,
        labelNames: ["realm"],
        registers,
        collect() {
          this.reset();
          for (const realm of router.realms) this.set({ realm: realm.name }, value(realm));
        },
      });
    for (const [name, help, value] of REALM_COUNTERS)
      new Counter({
        name,
        help,
        labelNames: ["realm"],
        registers,
        collect() {
          this.reset();
          for (const realm of router.realms) this.inc({ realm: realm.name }, value(realm));
        },
      });
    new Gauge({
      name: "wamp_alarms",
      help: "Alarms that are raised.",
      labelNames: ["name", "severity"],
      registers,
      collect() {
        this.reset();
        for (const { name, severity } of condition().alarms) this.inc({ name, severity });
      },
    });
    const reloaded = new Gauge({
      name: "wamp_config_last_reload_successful",
      help: "Whether the last configuration that was to be taken was taken: 1, or 0.",
      registers,
    });
    reloaded.set(1);
    const reloadedAt = new Gauge({
      name: "wamp_config_last_reload_timestamp_seconds",
      help: "When the configuration in force was taken.",
      registers,
    });
    reloadedAt.setToCurrentTime();

    const counted = (name: string, help: string, ...labelNames: string[]) => new Counter({ name, help, labelNames, registers });
    const sessionsClosed = counted("wamp_sessions_ended_total", "Sessions that ended, by reason.", "reason");
    const joinsRefused = counted("wamp_auth_failures_total", "Clients that were not let in, by reason.", "reason");
    const closed = counted("wamp_connections_closed_total", "Connections that ended, by reason.", "reason");
    const refused = counted("wamp_connections_refused_total", "Connections that were refused, by reason.", "reason");
    const slow = counted("wamp_slow_consumers_total", "Times that a peer's queue was over its limit, by what was done.", "action");
    const violations = counted("wamp_protocol_violations_total", "Peers that broke the protocol, by code.", "code");
    const limits = counted("wamp_limit_hits_total", "Requests over a limit.", "limit");
    this.#unobserve = observe((event) => {
      switch (event.event) {
        case "session.close":
          return sessionsClosed.inc({ reason: labelOf(event.reason) });
        case "join.refused":
          return joinsRefused.inc({ reason: labelOf(event.reason) });
        case "connection.close":
          return closed.inc({ reason: labelOf(event.reason) });
        case "connection.refused":
          return refused.inc({ reason: event.reason });
        case "slow.consumer":
          return slow.inc({ action: event.action });
        case "proto.violation":
          return violations.inc({ code: event.code });
        case "limit.hit":
          return limits.inc({ limit: event.limit });
        case "config.reloaded":
          reloaded.set(1);
          return reloadedAt.setToCurrentTime();
        case "config.rejected":
          return reloaded.set(0);
      }
    });
  }

  handle(request: IncomingMessage, response: ServerResponse, rest: string): void {
    if (rest !== "" && rest !== "/") return refuse(request, response, 404, "There is nothing at this address.");
    if (request.method !== "GET") return refuse(request, response, 405, "Metrics can only be read.", { Allow: "GET" });
    this.#registry.metrics().then(
      (text) => {
        const headers = {
          "Content-Type": this.#registry.contentType,
          "Content-Length": Buffer.byteLength(text),
          "Cache-Control": "no-store",
        };
        response.writeHead(200, headers).end(text);
      },
      () => refuse(request, response, 500, "The metrics cannot be read."),
    );
  }

  async close(): Promise<void> {
    this.#unobserve();
    this.#registry.clear();
  }
}

/**
 * A reason as a label. A part of some is the peer's own word, of which there are as many as it likes: it is left out.
 * `abort.com.example.why` is `abort`, `transport.error.ECONNRESET` stays.
 */
function labelOf(reason: string): string {
  if (reason.startsWith("abort")) return "abort";
  return OWN.test(reason) ? reason : "other";
}

const OWN =
  /^(closed|aborted|shutdown|slow_consumer|timeout\.\w+|limit\.\w+|protocol_violation\.\w+|transport\.\w+(\.\w{1,20})?|wamp\.(close|error)\.\w+)$/;

type RealmValue = readonly [name: string, help: string, value: (realm: Realm) => number];

const REALM_GAUGES: readonly RealmValue[] = [
  ["wamp_sessions", "Sessions.", ({ sessions }) => sessions.size],
  ["wamp_subscriptions", "Subscriptions.", ({ broker }) => broker.subscriptionCount],
  ["wamp_registrations", "Registrations.", ({ dealer }) => dealer.registrationCount],
  ["wamp_calls_inflight", "Calls that have no final answer yet.", ({ counters }) => counters.callsInFlight],
  ["wamp_calls_waiting", "Calls that wait until a callee is free.", ({ counters }) => counters.callsWaiting],
  ["wamp_held_call_bytes", "Payloads that are kept for calls.", ({ counters }) => counters.heldCallBytes],
];

const REALM_COUNTERS: readonly RealmValue[] = [
  ["wamp_sessions_opened_total", "Sessions that joined.", ({ counters }) => counters.sessionsOpened],
  ["wamp_sessions_closed_total", "Sessions that left.", ({ counters }) => counters.sessionsClosed],
  ["wamp_publications_total", "Publications.", ({ counters }) => counters.publications],
  ["wamp_publications_refused_total", "Publications refused without an answer.", ({ counters }) => counters.publicationsRefused],
  ["wamp_events_sent_total", "Events handed to subscribers' connections.", ({ counters }) => counters.eventsSent],
  ["wamp_events_dropped_total", "Events dropped by the policy for slow consumers.", ({ counters }) => counters.eventsDropped],
  ["wamp_events_undeliverable_total", "Events that a receiver could not be sent.", ({ counters }) => counters.eventsUndeliverable],
  ["wamp_calls_total", "Calls.", ({ counters }) => counters.calls],
  ["wamp_call_timeouts_total", "Calls that ended by their time-out.", ({ counters }) => counters.callsTimedOut],
  ["wamp_call_reroutes_total", "Calls that a callee refused, and another got.", ({ counters }) => counters.callsRerouted],
  ["wamp_late_answers_total", "Answers to invocations that had ended, or of somebody else.", ({ counters }) => counters.lateAnswers],
];
