// Does the time that a refusal takes tell a name that exists from one that does not, or how much of a secret was right? Welch's t
// over interleaved tries, of the built packages: node test/security/timing.mjs [TRIES]. Not part of the tests: it measures time.

import { Decoy } from "../../packages/server/dist/auth/decoy.js";
import { PrincipalTable } from "../../packages/server/dist/auth/principal.js";
import { ticket } from "../../packages/server/dist/auth/ticket.js";
import { wampcra } from "../../packages/server/dist/auth/wampcra.js";

const TRIES = Number(process.argv[2] ?? 100_000);
const SECRET = "correct horse battery staple";
const table = new PrincipalTable("static", [
  { authid: "joe", roles: ["user"], ticket: { plain: SECRET }, wampcra: { key: SECRET, salting: undefined } },
]);
const decoy = new Decoy();

const cases = {
  "ticket: a wrong first letter, a wrong last one": [
    ticket(table, decoy),
    ["joe", `x${SECRET.slice(1)}`],
    ["joe", `${SECRET.slice(0, -1)}x`],
  ],
  "ticket: a short one, one of the right length": [ticket(table, decoy), ["joe", "x"], ["joe", "x".repeat(SECRET.length)]],
  "ticket: a user, nobody": [ticket(table, decoy), ["joe", "x".repeat(44)], ["eve", "x".repeat(44)]],
  "wampcra: a user, nobody": [wampcra(table, decoy, () => new Date(0)), ["joe", "x".repeat(44)], ["eve", "x".repeat(44)]],
};

async function attempt(method, authid, signature) {
  const request = { realm: "r", session: 1, details: { roles: {}, authid }, origin: { transport: "test" } };
  const start = process.hrtime.bigint();
  const found = await method.find(request);
  const step = await method.begin(request, found);
  const { kind } = await step.verify({ type: 5, signature, extra: {} });
  const ns = Number(process.hrtime.bigint() - start);
  if (kind !== "denied") throw new Error(`${authid} was let in`);
  return ns;
}

let failed = false;
for (const [name, [method, ...both]] of Object.entries(cases)) {
  const times = [[], []];
  for (let i = 0; i < TRIES; i++) {
    const which = Math.random() < 0.5 ? 0 : 1;
    const ns = await attempt(method, ...both[which]);
    if (i > TRIES / 10) times[which].push(ns);
  }
  // The slowest tenth is the collector's and the machine's.
  const cut = [...times[0], ...times[1]].sort((a, b) => a - b)[Math.floor(0.9 * (times[0].length + times[1].length))];
  const t = welch(...times.map((list) => list.filter((ns) => ns <= cut)));
  failed ||= Math.abs(t) >= 4.5;
  console.log(`${name}: t = ${t.toFixed(2)}${Math.abs(t) < 4.5 ? "" : "  differs"}`);
}
process.exitCode = failed ? 1 : 0;

function welch(a, b) {
  const [ma, mb] = [mean(a), mean(b)];
  return (ma - mb) / Math.sqrt(variance(a, ma) / a.length + variance(b, mb) / b.length);
}

function mean(list) {
  return list.reduce((sum, x) => sum + x, 0) / list.length;
}

function variance(list, m) {
  return list.reduce((sum, x) => sum + (x - m) ** 2, 0) / (list.length - 1);
}
