// Calls in random order (G4, F29): six clients of different abilities register, call, send chunks, answer, refuse, cancel,
// leave, and let time pass. Whatever the order: one final answer per call and nothing behind it, one callee per call unless it
// refused, and no table that keeps anything. The seed is printed; CALL_SEED repeats a run.
import { type InvocationDetails, type Message, MessageType, NO_OPTIONS, Payload, type RegisterOptions, Uri } from "@junctor/protocol";
import { ALL_ROLES, realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import fc from "fast-check";
import { test } from "vitest";

const seed = Number(process.env["CALL_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
console.log(`calls in random order: seed ${seed}; repeat with CALL_SEED=${seed}`);

const PROCEDURES: readonly RegisterOptions[] = [
  { invoke: "roundrobin" },
  { invoke: "first", concurrency: 1 },
  { invoke: "least_loaded", concurrency: 2, forward_timeout: true },
  { concurrency: 1 },
];
const CALLEES = [ALL_ROLES.callee, {}, { features: { ...ALL_ROLES.callee.features, call_reroute: false, call_timeout: false } }];
const CALLS: readonly object[] = [
  NO_OPTIONS,
  NO_OPTIONS,
  { receive_progress: true },
  { timeout: 4 },
  { timeout: 9, receive_progress: true },
  { runmode: "partition", rkey: "a" },
  { progress: true },
  { progress: true, receive_progress: true, timeout: 6 },
];
const MODES = ["skip", "kill", "killnowait"] as const;

interface Call {
  readonly caller: number;
  readonly number: number;
  readonly procedure: string;
  readonly wantsProgress: boolean;
  isOpen: boolean;
  finals: number;
  /** Who got it, in order. */
  readonly executions: Running[];
}
interface Running {
  readonly call: Call;
  readonly callee: Client;
  readonly request: number;
  readonly wantsProgress: boolean;
  isInterrupted: boolean;
  /** More of it has passed than can be done again elsewhere: a second chunk, or a result (AMB-64). */
  isUnderWay: boolean;
  /** The router wants no answer any more. */
  isForgotten: boolean;
  isAnswered: boolean;
  hasRefused: boolean;
}

class Client {
  readonly peer: TestPeer;
  readonly canStream: boolean;
  readonly canCancel: boolean;
  readonly calls = new Map<number, Call>();
  readonly running = new Map<number, Running>();
  /** What it has not answered, the oldest first. */
  readonly unanswered: Running[] = [];
  readonly registrations: number[] = [];
  readonly #clients: readonly Client[];
  #lastInvocation = 0;
  /** The last plain call of each caller that arrived. */
  readonly #lastOf = new Map<number, number>();

  constructor(router: TestRouter, number: number, clients: readonly Client[]) {
    this.canStream = number % 4 !== 0;
    this.canCancel = number % CALLEES.length !== 1;
    const caller = this.canStream ? ALL_ROLES.caller : {};
    this.peer = router.join({ caller, callee: CALLEES[number % CALLEES.length] });
    this.#clients = clients;
  }

  answer(running: Running, kind: "result" | "progress" | "error" | "refusal"): void {
    const { request } = running;
    if (kind === "progress") running.isUnderWay ||= running.wantsProgress;
    else {
      running.isAnswered = true;
      this.unanswered.splice(this.unanswered.indexOf(running), 1);
    }
    running.hasRefused = kind === "refusal" && !running.isForgotten;
    if (kind === "result") this.peer.yield(request);
    else if (kind === "progress") this.peer.yield(request, [], { progress: true });
    else {
      const error = kind === "error" ? "com.error" : Uri.unavailable;
      const requestType = MessageType.Invocation;
      this.peer.send({ type: MessageType.Error, requestType, request, details: NO_OPTIONS, error, payload: Payload.EMPTY });
    }
  }

  read(): void {
    if (this.peer.inbox.length > 0) for (const message of this.peer.inbox.splice(0)) this.#read(message);
  }

  #read(message: Message): void {
    switch (message.type) {
      case MessageType.Registered:
        this.registrations.push(message.registration);
        return;
      case MessageType.Invocation:
        this.#invoked(message.request, message.details, message.payload.args ?? []);
        return;
      case MessageType.Interrupt: {
        const running = this.running.get(message.request);
        if (running === undefined) throw new Error(`interrupted what it never had: ${message.request}`);
        must(!running.isInterrupted && !running.isAnswered, "interrupts once, what runs", message.request);
        running.isInterrupted = true;
        if (message.options.mode === "killnowait") running.isForgotten = true;
        return;
      }
      case MessageType.Result:
      case MessageType.Error: {
        if (message.type === MessageType.Error && message.requestType !== MessageType.Call) return;
        const call = this.calls.get(message.request);
        if (call === undefined) throw new Error(`answered what was never called: ${message.request}`);
        must(call.finals === 0, "answers nothing behind the final answer", message.request);
        if (message.type === MessageType.Error || message.details.progress !== true) call.finals++;
        else must(call.wantsProgress, "sends progress to who asked for it", message.request);
      }
    }
  }

  #invoked(request: number, details: InvocationDetails, [caller, number]: readonly unknown[]): void {
    const call = this.#clients[Number(caller)]?.calls.get(Number(number));
    if (call === undefined) throw new Error(`invoked by what was never called: ${caller} ${number}`);
    const known = this.running.get(request);
    if (known !== undefined) {
      must(known.call === call && !known.isAnswered && !known.isForgotten, "sends chunks of what runs", request);
      known.isUnderWay = true;
      return;
    }
    must(request === ++this.#lastInvocation, "counts invocations", request); // [ID-06]
    for (const other of call.executions) {
      must(other.hasRefused && !other.isInterrupted && !other.isUnderWay, "gives a call to another callee only if one refused", request);
      must(other.callee !== this, "asks each callee once", request);
    }
    const running: Running = {
      call,
      callee: this,
      request,
      wantsProgress: details.receive_progress === true,
      isInterrupted: false,
      isUnderWay: false,
      isForgotten: false,
      isAnswered: false,
      hasRefused: false,
    };
    this.running.set(request, running);
    this.unanswered.push(running);
    call.executions.push(running);
    // [ORD-03] Where nothing waits and nothing was refused.
    if (call.procedure !== "com.0" || call.executions.length > 1 || details.progress === true) return;
    must(call.number > (this.#lastOf.get(call.caller) ?? 0), "keeps the order of calls", call.number);
    this.#lastOf.set(call.caller, call.number);
  }
}

/** As `expect`, which takes longer than all of what it would look at. */
function must(condition: boolean, rule: string, what: number): void {
  if (!condition) throw new Error(`the router ${rule}: not so for ${what}`);
}

const config = {
  ...realmConfig("realm1"),
  calls: { reroute: true, sharding: true, invoke: ["least_loaded"] as const, queueLength: 3, forwardMarginMs: 2, killTimeoutMs: 3 },
};

// A realm is dear to make, and empty again after each schedule, which is looked at: many share one.
let shared: TestRouter | undefined;

/** @param steps of one schedule: each says who does what, with what */
function run(steps: readonly number[]): void {
  const router = shared ?? new TestRouter({ realms: [config] });
  shared = undefined; // whatever fails leaves it behind
  play(router, steps);
  shared = router;
}

function play(router: TestRouter, steps: readonly number[]): void {
  const realm = router.router.realm("realm1");
  const clients: Client[] = [];
  for (let number = 0; number < CLIENTS; number++) clients.push(new Client(router, number, clients));
  const present = () => clients.filter(({ peer }) => peer.closed === undefined);
  for (const step of steps) {
    const who = step % CLIENTS;
    const what = Math.floor(step / CLIENTS) % 16;
    const choice = Math.floor(step / (16 * CLIENTS));
    const client = clients[who] as Client;
    const { peer } = client;
    if (peer.closed !== undefined) continue;
    client.read();
    const running = client.unanswered[choice % Math.max(1, client.unanswered.length)];
    switch (what) {
      case 0:
      case 1: {
        const index = choice % PROCEDURES.length;
        peer.send({ type: MessageType.Register, request: ++peer.request, options: PROCEDURES[index] ?? {}, procedure: `com.${index}` });
        break;
      }
      case 2:
      case 3:
      case 4:
      case 5: {
        const procedure = `com.${choice % PROCEDURES.length}`;
        const options: { progress?: boolean; receive_progress?: boolean } = CALLS[Math.floor(choice / 4) % CALLS.length] ?? {};
        const isOpen = options.progress === true;
        if (isOpen && !client.canStream) break;
        const number = peer.request + 1;
        const wantsProgress = options.receive_progress === true;
        client.calls.set(number, { caller: who, number, procedure, wantsProgress, isOpen, finals: 0, executions: [] });
        peer.call(procedure, [who, number], options);
        break;
      }
      case 6:
      case 7: {
        const open = [...client.calls.values()].filter(({ isOpen }) => isOpen);
        const call = open[choice % Math.max(1, open.length)];
        if (call === undefined) break;
        call.isOpen = choice % 3 > 0;
        const { procedure, number } = call;
        const options = call.isOpen ? { progress: true } : NO_OPTIONS;
        peer.send({ type: MessageType.Call, request: number, options, procedure, payload: Payload.of([who, number]) });
        break;
      }
      case 8:
      case 9:
        if (running !== undefined) client.answer(running, "result");
        break;
      case 10:
        if (running !== undefined) client.answer(running, "progress");
        break;
      case 11:
        if (running !== undefined) client.answer(running, choice % 3 === 0 ? "error" : "refusal");
        break;
      case 12: {
        const numbers = [...client.calls.keys()];
        const number = numbers[choice % Math.max(1, numbers.length)] ?? 1;
        peer.send({ type: MessageType.Cancel, request: number, options: { mode: MODES[choice % 3] ?? "kill" } });
        break;
      }
      case 13: {
        const registration = client.registrations.shift();
        if (registration === undefined) break;
        if (choice % 2 === 0) peer.send({ type: MessageType.Unregister, request: ++peer.request, registration });
        else router.dealer().revoke(registration, router.session(peer));
        break;
      }
      case 14:
        router.clock.advance(choice % 8);
        break;
      default:
        if (choice % 4 > 0) break;
        peer.close("transport.lost");
        for (const other of present()) {
          other.read();
          const isLeft = ({ call, isInterrupted }: Running) => call.caller === who && call.finals === 0 && !isInterrupted;
          must(!other.canCancel || !other.unanswered.some(isLeft), "interrupts what a caller leaves behind", who); // [RPC-10, AMB-56]
        }
    }
  }
  for (const { callees } of realm?.dealer.registrations() ?? []) {
    for (const callee of callees) {
      let active = 0;
      for (const invocation of callee.session.invocations.values()) if (invocation.callee === callee) active++;
      must(active === callee.active && active <= callee.concurrency, "gives a callee what it takes", active);
    }
  }
  // Whoever still has something to answer does, and gets what has waited for that, until nobody has.
  for (let isBusy = true; isBusy; ) {
    isBusy = false;
    for (const client of present()) {
      client.read();
      for (const running of [...client.unanswered]) {
        isBusy = true;
        client.answer(running, "result");
      }
    }
  }
  for (const client of present()) {
    client.read();
    for (const [number, { finals }] of client.calls) must(finals === 1, "answers every call once", number);
    const { calls, invocations } = router.session(client.peer);
    must(calls.size + invocations.size === 0, "keeps nothing of ended calls", calls.size);
  }
  for (const { peer } of clients) must((peer.closed ?? "transport.lost") === "transport.lost", `ends no session: ${peer.closed}`, 0);
  const { callsInFlight = 1, callsWaiting = 1, heldCallBytes = 1 } = realm?.counters ?? {};
  must(callsInFlight + callsWaiting + heldCallBytes === 0, "counts nothing of ended calls", callsInFlight);
  router.clock.advance(1_000_000);
  for (const { peer } of present()) must(peer.inbox.length === 0, "has no time-out left", peer.inbox.length);
  for (const { peer } of present()) peer.close("transport.lost");
  must(realm?.sessions.size === 0 && realm.dealer.registrationCount === 0, "keeps no session and no registration", 0);
}

const CLIENTS = 6;
/** The number in CI, some thousands for whoever works on it. */
const SCHEDULES = Number(process.env["CALL_SCHEDULES"] ?? (process.env["CI"] === undefined ? 5_000 : 100_000));

test(`one final answer per call, one callee unless it refused, and nothing left behind, in ${SCHEDULES} schedules (RPC-08, RPC-10, AMB-41, AMB-55, AMB-56, AMB-64, ID-06, ORD-03)`, () => {
  const steps = fc.array(fc.nat(16 * CLIENTS * 192 - 1), { maxLength: 80, size: "max" });
  fc.assert(fc.property(steps, run), { numRuns: SCHEDULES, seed });
}, 900_000);
