// Log-ins: HELLO to WELCOME and GOODBYE in one process, by method. Processor time of the router: what the client's part takes, its
// signature above all, is measured by itself and taken off. node bench/logins.mjs, after npm run build.
import { randomBytes } from "node:crypto";
import { craSignature, fromHex, signChallenge } from "../packages/protocol/dist/auth/index.js";
import { MessageType, NO_OPTIONS } from "../packages/protocol/dist/index.js";
import { nodeCrypto } from "../packages/server/dist/auth/node-crypto.js";
import { parseConfig } from "../packages/server/dist/config/load.js";
import { limitsOf } from "../packages/server/dist/config/schema.js";
import { startServer } from "../packages/server/dist/server.js";
import { measureTurns } from "./measure.mjs";

const PRIVATE_KEY = fromHex("4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510", 32);
const PUBLIC_KEY = "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d";
const users = {
  joe: { role: "user", ticket: "sesame" },
  ann: { role: "user", wampcra: "secret" },
  kim: { role: "user", cryptosign: PUBLIC_KEY },
};
const auth = ["ticket", "wampcra", "cryptosign"].map((method) => ({ method }));
const text = JSON.stringify({
  version: 1,
  listen: [{ type: "rawsocket", port: 0 }],
  realms: { app: { users, roles: { user: {} }, auth: [...auth, { method: "anonymous", role: "user" }] } },
});
const config = parseConfig(text, "bench.json");
const server = await startServer({ listen: config.listen, realms: config.realms, limits: limitsOf(config), log: () => {} });

/** Of HELLO, and the answer to CHALLENGE. */
const METHODS = {
  anonymous: [{}, () => ""],
  ticket: [{ authid: "joe" }, () => "sesame"],
  wampcra: [{ authid: "ann" }, ({ challenge }) => craSignature(nodeCrypto, "secret", challenge)],
  cryptosign: [
    { authextra: { pubkey: PUBLIC_KEY } },
    ({ challenge }) => signChallenge(nodeCrypto, PRIVATE_KEY, fromHex(challenge, 32), undefined),
  ],
};

function login(method) {
  const [details, answer] = METHODS[method];
  return new Promise((resolve, reject) => {
    const router = server.router.attach(
      {
        send(message) {
          if (message.type === MessageType.Challenge) {
            Promise.resolve(answer(message.extra)).then((signature) =>
              router.receive({ type: MessageType.Authenticate, signature, extra: NO_OPTIONS }),
            );
          } else if (message.type === MessageType.Welcome) {
            // WELCOME is sent while the router still makes the session.
            queueMicrotask(() => router.receive({ type: MessageType.Goodbye, details: NO_OPTIONS, reason: "wamp.close.close_realm" }));
          } else if (message.type === MessageType.Goodbye) {
            router.lost("transport.closed");
            resolve();
          } else reject(new Error(JSON.stringify(message)));
          return "sent";
        },
        close() {},
      },
      { transport: "bench" },
    );
    router.receive({ type: MessageType.Hello, realm: "app", details: { roles: { caller: {} }, authmethods: [method], ...details } });
  });
}

const challenges = { wampcra: { challenge: "x".repeat(190) }, cryptosign: { challenge: randomBytes(32).toString("hex") } };
for (const method of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(METHODS)) {
  const whole = await measureTurns(`${method}, both ends`, async (count) => {
    for (let i = 0; i < count; i++) await login(method);
    return count;
  });
  const [, answer] = METHODS[method];
  const own =
    challenges[method] === undefined
      ? 0
      : await measureTurns(`${method}, the client's answer`, async (count) => {
          for (let i = 0; i < count; i++) await answer(challenges[method]);
          return count;
        });
  console.log(`${method}: ${Math.round(1e9 / (whole - own))} log-ins per second and core of the router`);
}
await server.close();
