/**
 * Whole ways of messages through a router in this process, from the chunk that a socket would have read to what it would have
 * written: calls, progressive results, events, and what permissions and subscriptions that do not match cost. Hot paths 3 and 4
 * of 4, with 1 and 2 around them.
 */
import { measureTurns } from "./measure.mjs";
import { Peer, startRouter, turn } from "./wire.mjs";

const WINDOW = 64;

/** Calls of one caller that one callee answers, 64 in flight. */
function calls(router, options = "{}", answers = 1) {
  const caller = new Peer(router);
  const callee = new Peer(router);
  callee.say('[64,1,{},"com.example.bench.echo0"]');
  callee.flush();
  let request = 0;
  let invocation = 0;
  return async (count) => {
    let done = 0;
    for (; done < count; done += WINDOW * answers) {
      for (let i = 0; i < WINDOW; i++) caller.say(`[48,${++request},${options},"com.example.bench.echo0",["xxxxxxxxxxxxxxxx"]]`);
      caller.flush();
      await turn();
      for (let i = 0; i < WINDOW; i++) {
        invocation++;
        for (let j = 1; j < answers; j++) callee.say(`[70,${invocation},{"progress":true},["xxxxxxxxxxxxxxxx"]]`);
        callee.say(`[70,${invocation},{},["xxxxxxxxxxxxxxxx"]]`);
      }
      callee.flush();
      await turn();
    }
    return done;
  };
}

const rules = (i) => ({ uri: `com.example.part${i}.`, match: "prefix", allow: { call: true, publish: i % 2 === 0 } });
const all = { uri: "com.example.", match: "prefix", allow: { call: true, register: true, publish: true, subscribe: true } };
const strict = { roles: [{ name: "anonymous", permissions: [all, ...Array.from({ length: 1_000 }, (_, i) => rules(i))] }] };
const everything = { uri: "", match: "prefix", allow: all.allow };
const rate = { perSecond: 1e9, burst: 1e9 };
const rated = { roles: [{ name: "anonymous", permissions: [everything], limits: { messageRate: rate, byteRate: rate } }] };
const ways = {
  "a call and its answer": calls(startRouter()),
  "the same, in a role of 1 000 rules": calls(startRouter(strict)),
  "the same, in a role with rates of messages and bytes": calls(startRouter(rated)),
};
for (const way of Object.values(ways)) await way(200_000); // so that neither pays for the compiler
// In turn, because the machine is not the same from one minute to the next.
const best = {};
for (let i = 0; i < 3; i++)
  for (const [name, way] of Object.entries(ways)) best[name] = Math.min(best[name] ?? Infinity, await measureTurns(name, way));
const [plain, ruled, limited] = Object.values(best);
console.log(
  `  ${(100 * (ruled / plain - 1)).toFixed(1)} % more than with one rule, ${(100 * (limited / plain - 1)).toFixed(1)} % with rates`,
);

const progressive = await measureTurns(
  "a progressive result, 64 in flight, 100 each",
  calls(startRouter(), '{"receive_progress":true}', 100),
);
console.log(`  ${(plain / progressive).toFixed(2)} times the rate of calls`);

for (const receivers of [1, 100, 1_000]) {
  const router = startRouter();
  const publisher = new Peer(router);
  for (let i = 0; i < receivers; i++) {
    const subscriber = new Peer(router);
    subscriber.say('[32,1,{},"com.example.bench.topic0"]');
    subscriber.flush();
  }
  await turn();
  const each = Math.max(1, Math.floor(WINDOW / receivers));
  let request = 0;
  await measureTurns(`an event for each of ${receivers} subscribers, per receiver`, async (count) => {
    let done = 0;
    for (; done < count; done += receivers * each) {
      for (let i = 0; i < each; i++) publisher.say(`[16,${++request},{},"com.example.bench.topic0",["xxxxxxxxxxxxxxxx"]]`);
      publisher.flush();
      await turn();
    }
    return done;
  });
}

for (const others of [1, 100, 10_000, 100_000]) {
  const router = startRouter();
  const publisher = new Peer(router);
  const subscriber = new Peer(router);
  subscriber.say('[32,1,{},"com.example.bench.topic0"]');
  subscriber.flush();
  let left = others;
  // Several sessions, because each may have so many patterns only.
  for (let session; left > 0; left--) {
    if (session === undefined || left % 100 === 0) session = new Peer(router);
    const n = left;
    const [uri, match] =
      n % 3 === 0
        ? [`com.example.other${n}`, "exact"]
        : n % 3 === 1
          ? [`com.example.other${n}.`, "prefix"]
          : [`com.example..other${n}`, "wildcard"];
    session.say(`[32,${left},{"match":"${match}"},"${uri}"]`);
    session.flush();
  }
  await turn();
  let request = 0;
  await measureTurns(`an event for one, beside ${others} subscriptions that do not match`, async (count) => {
    let done = 0;
    for (; done < count; done += WINDOW) {
      for (let i = 0; i < WINDOW; i++) publisher.say(`[16,${++request},{},"com.example.bench.topic0",["xxxxxxxxxxxxxxxx"]]`);
      publisher.flush();
      await turn();
    }
    return done;
  });
}
