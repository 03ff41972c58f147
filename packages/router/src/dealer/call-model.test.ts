// Calls in random order (G4, F29): ten clients of different abilities register, call, send chunks, answer, refuse, cancel,
// leave, and let time pass. Whatever the order: one final answer per call and nothing behind it, one callee per call unless it
// refused, and no table that keeps anything. The seed is printed; CALL_SEED repeats a run.
import { type InvocationDetails, type Message, MessageType, NO_OPTIONS, Payload, type RegisterOptions, Uri } from "@junctor/protocol";
import { ALL_ROLES, realmConfig, type TestPeer, TestRouter } from "@junctor/testkit";
import fc from "fast-check";
import { expect, test } from "vitest";

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
  readonly procedure: string;
  readonly wantsProgress: boolean;
  isOpen: boolean;
  finals: number;
}
interface Running {
  readonly key: string;
  /** The router wants no answer any more. */
  isForgotten: boolean;
  isAnswered: boolean;
  hasRefused: boolean;
}

class Client {
  readonly peer: TestPeer;
  readonly canStream: boolean;
  readonly calls = new Map<number, Call>();
  readonly running = new Map<number, Running>();
  readonly registrations: number[] = [];
  readonly #executions: Map<string, Running[]>;
  #lastInvocation = 0;
  /** The last plain call of each caller that arrived. */
  readonly #lastOf = new Map<number, number>();

  constructor(router: TestRouter, number: number, executions: Map<string, Running[]>) {
    this.canStream = number % 4 !== 0;
    const caller = this.canStream ? ALL_ROLES.caller : {};
    this.peer = router.join({ caller, callee: CALLEES[number % CALLEES.length] });
    this.#executions = executions;
  }

  /** What it has not answered, the oldest first. */
  get unanswered(): [number, Running][] {
    return [...this.running].filter(([, { isAnswered }]) => !isAnswered);
  }

  answer(request: number, kind: "result" | "progress" | "error" | "refusal"): void {
    const running = this.running.get(request);
    if (running === undefined) return;
    if (kind !== "progress") running.isAnswered = true;
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
    for (const message of this.peer.inbox.splice(0)) this.#read(message);
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
        must(!running.isForgotten && !running.isAnswered, "interrupts while it runs", message.request);
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

  #invoked(request: number, details: InvocationDetails, [caller, number, procedure]: readonly unknown[]): void {
    const key = `${caller} ${number}`;
    const known = this.running.get(request);
    if (known !== undefined) {
      must(known.key === key && !known.isAnswered && !known.isForgotten, "sends chunks of what runs", request);
      return;
    }
    must(request === ++this.#lastInvocation, "counts invocations", request); // [ID-06]
    const running = { key, isForgotten: false, isAnswered: false, hasRefused: false };
    this.running.set(request, running);
    const others = this.#executions.get(key) ?? [];
    for (const other of others) must(other.hasRefused, "gives a call to another callee only if one refused", request);
    this.#executions.set(key, [...others, running]);
    // [ORD-03] Where nothing waits and nothing was refused.
    if (procedure !== "com.0" || others.length > 0 || details.progress === true) return;
    must(Number(number) > (this.#lastOf.get(Number(caller)) ?? 0), "keeps the order of calls", Number(number));
    this.#lastOf.set(Number(caller), Number(number));
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

/** @param steps of one schedule: each says who does what, with what */
function run(steps: readonly number[]): void {
  const router = new TestRouter({ realms: [config] });
  const realm = router.router.realm("realm1");
  const executions = new Map<string, Running[]>();
  const clients = Array.from({ length: 10 }, (_, number) => new Client(router, number, executions));
  const present = () => clients.filter(({ peer }) => peer.closed === undefined);
  for (const step of steps) {
    const who = step % 10;
    const what = Math.floor(step / 10) % 16;
    const choice = Math.floor(step / 160);
    const client = clients[who] as Client;
    const { peer } = client;
    if (peer.closed !== undefined) continue;
    client.read();
    const [request] = client.unanswered[choice % Math.max(1, client.unanswered.length)] ?? [0];
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
        client.calls.set(peer.request + 1, { procedure, wantsProgress: options.receive_progress === true, isOpen, finals: 0 });
        peer.call(procedure, [who, peer.request + 1, procedure], options);
        break;
      }
      case 6:
      case 7: {
        const open = [...client.calls].filter(([, { isOpen }]) => isOpen);
        const [number, call] = open[choice % Math.max(1, open.length)] ?? [];
        if (number === undefined || call === undefined) break;
        call.isOpen = choice % 3 > 0;
        const { procedure } = call;
        const options = call.isOpen ? { progress: true } : NO_OPTIONS;
        peer.send({ type: MessageType.Call, request: number, options, procedure, payload: Payload.of([who, number, procedure]) });
        break;
      }
      case 8:
      case 9:
        client.answer(request, "result");
        break;
      case 10:
        client.answer(request, "progress");
        break;
      case 11:
        client.answer(request, choice % 3 === 0 ? "error" : "refusal");
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
        if (choice % 4 === 0) peer.close("transport.lost");
    }
  }
  for (const { callees } of realm?.dealer.registrations() ?? []) {
    for (const callee of callees) {
      const own = [...callee.session.invocations.values()].filter((invocation) => invocation.callee === callee);
      must(own.length === callee.active && callee.active <= callee.concurrency, "gives a callee what it takes", callee.active);
    }
  }
  // Whoever still has something to answer does, and gets what has waited for that, until nobody has.
  for (let isBusy = true; isBusy; ) {
    isBusy = false;
    for (const client of present()) {
      client.read();
      for (const [request] of client.unanswered) {
        isBusy = true;
        client.answer(request, "result");
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
  expect(realm?.counters).toMatchObject({ callsInFlight: 0, callsWaiting: 0, heldCallBytes: 0 });
  router.clock.advance(1_000_000);
  for (const { peer } of present()) must(peer.inbox.length === 0, "has no time-out left", peer.inbox.length);
  for (const { peer } of present()) peer.close("transport.lost");
  expect([realm?.sessions.size, realm?.dealer.registrationCount]).toEqual([0, 0]);
}

// CI looks at ten thousand schedules, whoever works on it at some thousands.
const SCHEDULES = process.env["CI"] === undefined ? 3_000 : 10_000;

test("one final answer per call, one callee unless it refused, and nothing left behind (RPC-08, AMB-41, AMB-64, ID-06, ORD-03)", () => {
  fc.assert(fc.property(fc.array(fc.nat(160 * 192 - 1), { maxLength: 100, size: "max" }), run), { numRuns: SCHEDULES, seed });
}, 600_000);
