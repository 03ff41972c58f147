/** Our client logs in to Crossbar.io by every method that both have, as its configuration has them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AuthMethod, connect, JoinError } from "@junctor/client";
import { cryptosign } from "@junctor/client/auth/cryptosign";
import { scram } from "@junctor/client/auth/scram";
import { ticket } from "@junctor/client/auth/ticket";
import { wampcra } from "@junctor/client/auth/wampcra";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { commandOf } from "./peers/install.mjs";

const KIM = "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510";
const OTHER_KEY = "d511fe78e23934b3dadb52fcd022974b80bd92bccc7c5cf404e46cc0a8a2f5cd";
const hex = (base64: string) => Buffer.from(base64, "base64").toString("hex");

const role = "user";
const AUTH = {
  anonymous: { type: "static", role },
  ticket: { type: "static", principals: { joe: { ticket: "sesame", role } } },
  wampcra: {
    type: "static",
    users: {
      ann: { secret: "secret1", role },
      peter: { secret: "secret1", salt: "salt123", iterations: 1000, keylen: 32, role }, // it derives the key itself
    },
  },
  scram: {
    type: "static",
    principals: {
      // What `junctor keys hash --scram --autobahn` printed for the password pencil.
      sam: {
        ...{ kdf: "argon2id-13", iterations: 3, memory: 65_536, role },
        salt: hex("aFNZQYxxw13b/4ml4NLPww=="),
        "stored-key": hex("vYruxH32wn3B4juABFYBh1GG2j8Dyj2yCLB2f2nn06Q="),
        "server-key": hex("2sd7sqryA5TjyLx3Z/sSbiQ1Tm+dB1c7Us1DgRu7n1M="),
      },
    },
  },
  cryptosign: {
    type: "static",
    principals: { kim: { authorized_keys: ["1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d"], role } },
  },
};

const folder = mkdtempSync(join(tmpdir(), "junctor-crossbar-"));
const socket = join(folder, "raw.sock");
const web = join(folder, "web.sock");
const permissions = [{ uri: "", match: "prefix", allow: { call: true, register: true, publish: true, subscribe: true } }];
const CONFIG = {
  version: 2,
  workers: [
    {
      type: "router",
      realms: [{ name: "app", roles: [{ name: role, permissions }] }],
      transports: [
        { type: "rawsocket", endpoint: { type: "unix", path: socket }, auth: AUTH },
        { type: "websocket", endpoint: { type: "unix", path: web }, auth: AUTH },
      ],
    },
  ],
};

const program = commandOf("crossbar", "crossbar");
/** Where CI runs, what is missing is a failure. */
const isSkipped = program === undefined && process.env["CI"] === undefined;
let stop = () => Promise.resolve();

const joining = (auth: readonly AuthMethod[] | undefined, protocol: "unix" | "ws+unix" = "unix") =>
  connect({ url: protocol === "unix" ? `unix:${socket}` : `ws+unix:${web}:/ws`, realm: "app", ...(auth && { auth }) });

beforeAll(async () => {
  if (isSkipped) return;
  if (program === undefined) throw new Error("Crossbar.io is not installed, or not in the version asked for. To get it: bash .ci/install");
  writeFileSync(join(folder, "config.json"), JSON.stringify(CONFIG));
  const [command, ...args] = program;
  const child = spawn(command, [...args, "start", "--cbdir", folder], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-4_000)));
  const closed = once(child, "close");
  const ended = closed.then(() => Promise.reject(new Error(`Crossbar.io has ended:\n${said}`)));
  stop = async () => {
    ended.catch(() => {}); // as it should now
    child.kill("SIGTERM"); // its workers go with it
    const timer = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, "SIGKILL"), 10_000);
    await closed;
    clearTimeout(timer);
  };
  const up = vi.waitFor(async () => (await joining(undefined)).leave(), { timeout: 60_000, interval: 250 });
  await Promise.race([up, ended]);
}, 90_000);
afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(isSkipped)("our client logs in to Crossbar.io", () => {
  test.each<[string, AuthMethod, string]>([
    ["ticket", ticket({ authid: "joe", ticket: "sesame" }), "joe"],
    ["wampcra", wampcra({ authid: "ann", secret: "secret1" }), "ann"],
    ["wampcra, salted", wampcra({ authid: "peter", secret: "secret1" }), "peter"],
    ["scram (AMB-103)", scram({ authid: "sam", password: "pencil", dialect: "autobahn" }), "sam"],
    ["cryptosign", cryptosign({ authid: "kim", privateKey: KIM }), "kim"],
    ["cryptosign, without a name", cryptosign({ privateKey: KIM }), "kim"],
  ])("by %s, and calls", async (_name, auth, authid) => {
    await using session = await joining([auth]);
    expect([session.authid, session.authrole, session.details.authmethod]).toEqual([authid, role, auth.method]);
    await session.register(`com.example.${authid}`, ({ args: [x] }) => x);
    expect((await session.call(`com.example.${authid}`, [1])).value).toBe(1);
  });

  test("over a WebSocket, and as nobody", async () => {
    await using session = await joining([wampcra({ authid: "peter", secret: "secret1" })], "ws+unix");
    expect(session.authid).toBe("peter");
    await using nobody = await joining(undefined);
    expect([nobody.authrole, nobody.details.authmethod]).toEqual([role, "anonymous"]);
  });

  test.each<[string, AuthMethod]>([
    ["ticket", ticket({ authid: "joe", ticket: "sesam" })],
    ["secret", wampcra({ authid: "ann", secret: "secret2" })],
    ["password of a salted user", wampcra({ authid: "peter", secret: "secret2" })],
    ["password", scram({ authid: "sam", password: "pen", dialect: "autobahn" })],
    ["key", cryptosign({ authid: "kim", privateKey: OTHER_KEY })],
  ])("not with a wrong %s: the error is a JoinError with Crossbar.io's reason", async (_name, auth) => {
    const error = await joining([auth]).catch((error: unknown) => error);
    expect(error instanceof JoinError ? error.reason : error).toMatch(/^wamp\.error\./);
  });
});
