/**
 * `junctor.trace.*`: tells an operator which messages pass, of one URI or of one session. A trace ends by itself, tells arguments
 * only where an admin asks for them, and drops what comes faster than it can be told. While none runs, it costs nothing:
 * `tapSessions` is installed for the time.
 */
import { ADMIN_REALM, type TraceEnd, type TraceOptions, type TraceRecord } from "@junctor/admin-api";
import { ApplicationError } from "@junctor/client";
import { type Message, MessageType, messageName, type Payload, SerializationError, Uri } from "@junctor/protocol";
import { type Router, type Session, tapSessions } from "@junctor/router";
import { z } from "zod";
import { UserError } from "../user-error.ts";
import type { AdminApi, AdminCaller } from "./admin-api.ts";

const options = z
  .strictObject({
    uri: z.string().min(1).exactOptional(),
    session: z.int().positive().exactOptional(),
    match: z.enum(["exact", "prefix"]).exactOptional(),
    realm: z.string().exactOptional(),
    count: z.int().min(1).max(10_000).exactOptional(),
    durationMs: z.int().min(1).max(600_000).exactOptional(),
    payload: z.boolean().exactOptional(),
  })
  .refine(({ uri, session }) => (uri === undefined) !== (session === undefined), "a trace is of a uri or of a session");

export class Traces {
  readonly #api: AdminApi;
  readonly #router: Router;
  readonly #running = new Map<number, Trace>();
  #last = 0;

  constructor(api: AdminApi, router: Router) {
    this.#api = api;
    this.#router = router;
    api.provide("junctor.trace.start", options, (wanted, caller) => ({ trace: this.#start(wanted, caller) }));
    api.provide("junctor.trace.stop", z.strictObject({ trace: z.int() }), ({ trace }, { session }) => {
      const running = this.#running.get(trace);
      if (running?.owner !== session) throw new UserError(`there is no trace ${trace} of yours`);
      running.end("stopped");
      return null;
    });
  }

  close(): void {
    for (const trace of this.#running.values()) trace.end("stopped");
  }

  #start(wanted: TraceOptions, caller: AdminCaller): number {
    if (wanted.payload === true && caller.authrole !== "admin")
      throw new ApplicationError(Uri.notAuthorized, ["arguments are told to the role admin only"]);
    if (this.#running.size >= MOST_TRACES)
      throw new UserError(`${MOST_TRACES} traces are running already`, { remedy: "wait until one has ended: each does by itself" });
    if (wanted.realm !== undefined && this.#router.realm(wanted.realm) === undefined)
      throw new ApplicationError(Uri.noSuchRealm, [`there is no realm ${wanted.realm}`]);
    const id = ++this.#last;
    const to = { eligible: [caller.session] };
    const trace = new Trace(wanted, caller.session, {
      isThere: () => this.#router.realm(ADMIN_REALM)?.sessions.has(caller.session) === true,
      tell: (records) => this.#api.publish("junctor.trace.on_records", { trace: id, records }, to),
      ended: (end) => {
        this.#running.delete(id);
        this.#api.publish("junctor.trace.on_end", { trace: id, ...end }, to);
      },
    });
    this.#running.set(id, trace);
    trace.begin();
    return id;
  }
}

interface Listener {
  /** It has not left. */
  isThere(): boolean;
  tell(records: readonly TraceRecord[]): void;
  ended(end: Omit<TraceEnd, "trace">): void;
}

class Trace {
  readonly owner: number;
  readonly #wanted: TraceOptions;
  readonly #listener: Listener;
  #left: number;
  #told = 0;
  #missed = 0;
  #waiting: TraceRecord[] = [];
  /** Requests that belong to the URI, whose answers do as well: by session and request id. */
  readonly #requests = new Map<string, string>();
  #untap: (() => void) | undefined = undefined;
  #timers: NodeJS.Timeout[] = [];

  constructor(wanted: TraceOptions, owner: number, listener: Listener) {
    this.#wanted = wanted;
    this.owner = owner;
    this.#listener = listener;
    this.#left = wanted.count ?? 100;
  }

  begin(): void {
    const { durationMs = 60_000 } = this.#wanted;
    this.#untap = tapSessions({
      received: (session, message) => this.#see(session, message, "in", undefined),
      sent: (session, message, outcome) => this.#see(session, message, "out", outcome),
    });
    this.#timers = [setInterval(() => this.#flush(), TELL_MS), setTimeout(() => this.end("time"), durationMs)];
    for (const timer of this.#timers) timer.unref();
  }

  end(reason: TraceEnd["reason"]): void {
    if (this.#untap === undefined) return;
    this.#untap();
    this.#untap = undefined;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#tell();
    this.#listener.ended({ reason, told: this.#told, missed: this.#missed });
  }

  #flush(): void {
    if (!this.#listener.isThere()) this.end("stopped");
    else this.#tell();
  }

  #tell(): void {
    if (this.#waiting.length > 0) this.#listener.tell(this.#waiting);
    this.#waiting = [];
  }

  #see(session: Session, message: Message, direction: "in" | "out", outcome: string | undefined): void {
    const { realm, session: only } = this.#wanted;
    // Telling of a trace is no matter for a trace.
    if (session.realm.name === ADMIN_REALM || (realm !== undefined && session.realm.name !== realm)) return;
    if (only !== undefined && session.id !== only) return;
    const uri = this.#uriOf(session, message, direction);
    if (only === undefined && (uri === undefined || !this.#isWanted(uri))) return;
    if (this.#waiting.length >= MOST_WAITING) {
      this.#missed++;
      return;
    }
    this.#told++;
    this.#waiting.push(this.#record(session, message, direction, uri, outcome));
    if (--this.#left <= 0) this.end("count");
  }

  #isWanted(uri: string): boolean {
    const { uri: wanted = "", match } = this.#wanted;
    return match === "prefix" ? uri.startsWith(wanted) : uri === wanted;
  }

  /** What a message is about; of an answer, what its request was about. */
  #uriOf(session: Session, message: Message, direction: "in" | "out"): string | undefined {
    switch (message.type) {
      case MessageType.Call:
      case MessageType.Register:
        return this.#asked(session, "in", message.request, message.procedure);
      case MessageType.Publish:
      case MessageType.Subscribe:
        return this.#asked(session, "in", message.request, message.topic);
      case MessageType.Invocation: {
        const procedure = message.details.procedure ?? session.realm.dealer.registration(message.registration)?.procedure;
        return procedure === undefined ? undefined : this.#asked(session, "out", message.request, procedure);
      }
      case MessageType.Event:
        return message.details.topic ?? session.realm.broker.subscription(message.subscription)?.topic;
      case MessageType.Result:
      case MessageType.Registered:
      case MessageType.Published:
      case MessageType.Subscribed:
        return this.#requests.get(`${session.id} in ${message.request}`);
      case MessageType.Yield:
        return this.#requests.get(`${session.id} out ${message.request}`);
      case MessageType.Error:
        return this.#requests.get(`${session.id} ${direction === "in" ? "out" : "in"} ${message.request}`);
      case MessageType.Cancel:
        return this.#requests.get(`${session.id} in ${message.request}`);
      case MessageType.Interrupt:
        return this.#requests.get(`${session.id} out ${message.request}`);
      default:
        return undefined;
    }
  }

  /** @param from whose request it is: the session's, or the router's */
  #asked(session: Session, from: "in" | "out", request: number, uri: string): string {
    if (this.#requests.size >= MOST_REQUESTS) for (const oldest of this.#requests.keys()) if (this.#requests.delete(oldest)) break;
    if (this.#wanted.session !== undefined || this.#isWanted(uri)) this.#requests.set(`${session.id} ${from} ${request}`, uri);
    return uri;
  }

  #record(session: Session, message: Message, direction: "in" | "out", uri: string | undefined, outcome: string | undefined): TraceRecord {
    const payload = "payload" in message ? message.payload : undefined;
    const size = payload === undefined ? 0 : payload.end - payload.start;
    return {
      at: Date.now(),
      realm: session.realm.name,
      session: session.id,
      authid: session.authid,
      direction,
      type: messageName(message.type),
      ...("request" in message && { request: message.request }),
      ...(uri !== undefined && { uri }),
      ...(message.type === MessageType.Error && { error: message.error }),
      ...(size > 0 && { bytes: size }),
      ...(outcome !== undefined && outcome !== "sent" && { outcome }),
      ...(this.#wanted.payload === true && payload !== undefined && values(payload)),
    };
  }
}

function values(payload: Payload): Pick<TraceRecord, "args" | "kwargs"> {
  try {
    const { args, kwargs } = payload;
    return { ...(args !== undefined && { args }), ...(kwargs !== undefined && { kwargs }) };
  } catch (error) {
    if (!(error instanceof SerializationError)) throw error;
    return {}; // its receiver will find out
  }
}

const MOST_TRACES = 10;
const TELL_MS = 50;
/** Records that wait to be told, and requests whose answers are awaited. */
const MOST_WAITING = 1_000;
const MOST_REQUESTS = 10_000;
