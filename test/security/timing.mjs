// Does the time that a refusal takes tell a name that exists from one that does not, or how much of a secret was right? Welch's t
// over interleaved tries, of the built packages: node test/security/timing.mjs [TRIES [METHOD …]]. Not part of the tests: it measures
// time.

import { randomBytes } from "node:crypto";
import { saltedPassword, scramKeys, signChallenge, toHex } from "../../packages/protocol/dist/auth/index.js";
import { cryptosign } from "../../packages/server/dist/auth/cryptosign.js";
import { Decoy } from "../../packages/server/dist/auth/decoy.js";
import { nodeCrypto } from "../../packages/server/dist/auth/node-crypto.js";
import { PrincipalTable } from "../../packages/server/dist/auth/principal.js";
import { scram } from "../../packages/server/dist/auth/scram.js";
import { ticket } from "../../packages/server/dist/auth/ticket.js";
import { wampcra } from "../../packages/server/dist/auth/wampcra.js";

const TRIES = Number(process.argv[2] ?? 100_000);
const SECRET = "correct horse battery staple";
const parameters = { kdf: "pbkdf2", salt: randomBytes(16).toString("base64"), iterations: 4096 };
const keys = await scramKeys(nodeCrypto, await saltedPassword(nodeCrypto, SECRET, parameters));
const [known, unknown, foreign] = [1, 2, 3].map(() => randomBytes(32));
const [knownKey, unknownKey] = await Promise.all([known, unknown].map(async (key) => toHex(await nodeCrypto.ed25519PublicKey(key))));
const table = new PrincipalTable("static", [
  {
    ...{ authid: "joe", roles: ["user"], cryptosign: [knownKey] },
    ...{ ticket: { plain: SECRET }, wampcra: { key: SECRET, salting: undefined }, scram: { parameters, keys } },
  },
]);
const decoy = new Decoy();

/** HELLO's details, and what is answered to CHALLENGE.Extra. */
const saying = (authid, signature) => [{ authid }, () => ({ signature })];
const proving = (authid) => [
  { authid, authextra: { nonce: randomBytes(16).toString("base64") } },
  ({ nonce }) => ({ signature: PROOF, extra: { nonce } }),
];
const signing = (pubkey) => [
  { authextra: { pubkey } },
  // A signature over the right message, by a key that is neither.
  async ({ challenge }) => ({ signature: await signChallenge(nodeCrypto, foreign, Buffer.from(challenge, "hex"), undefined) }),
];
const PROOF = randomBytes(32).toString("base64");

const cases = {
  "ticket: a wrong first letter, a wrong last one": [
    ticket(table, decoy),
    saying("joe", `x${SECRET.slice(1)}`),
    saying("joe", `${SECRET.slice(0, -1)}x`),
  ],
  "ticket: a short one, one of the right length": [ticket(table, decoy), saying("joe", "x"), saying("joe", "x".repeat(SECRET.length))],
  "ticket: a user, nobody": [ticket(table, decoy), saying("joe", "x".repeat(44)), saying("eve", "x".repeat(44))],
  "wampcra: a user, nobody": [wampcra(table, decoy, () => new Date(0)), saying("joe", "x".repeat(44)), saying("eve", "x".repeat(44))],
  "wamp-scram: a user, nobody": [scram(table, decoy), proving("joe"), proving("eve")],
  "scram: a user, nobody": [scram(table, decoy, true), proving("joe"), proving("eve")],
  "cryptosign: a user's key, nobody's": [cryptosign(table), signing(knownKey), signing(unknownKey)],
};

/** Without the client's part, which is done in between. */
async function attempt(method, [details, answer]) {
  const request = { realm: "r", session: 1, details: { roles: {}, ...details }, origin: { transport: "test" } };
  const start = process.hrtime.bigint();
  const found = await method.find(request);
  const step = await method.begin(request, found);
  const challenged = process.hrtime.bigint();
  const response = { type: 5, extra: {}, ...(await answer(step.extra)) };
  const answered = process.hrtime.bigint();
  const { kind } = await step.verify(response);
  const ns = Number(process.hrtime.bigint() - answered + (challenged - start));
  if (kind !== "denied") throw new Error(`${JSON.stringify(details)} was let in`);
  return ns;
}

const wanted = process.argv.slice(3);
let failed = false;
for (const [name, [method, ...both]] of Object.entries(cases)) {
  if (wanted.length > 0 && !wanted.some((word) => name.startsWith(word))) continue;
  const times = [[], []];
  for (let i = 0; i < TRIES; i++) {
    const which = Math.random() < 0.5 ? 0 : 1;
    const ns = await attempt(method, both[which]);
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
