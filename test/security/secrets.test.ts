// Secrets are seeded everywhere that one can stand, everything is done with them that one can do, right and wrong; and then
// whatever the server wrote or told is searched for them (AUTH-10, T10, T27, T42).
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { ApplicationError, connect, type Session } from "@junctor/client";
import { cryptosign } from "@junctor/client/auth/cryptosign";
import { scram } from "@junctor/client/auth/scram";
import { ticket } from "@junctor/client/auth/ticket";
import { wampcra } from "@junctor/client/auth/wampcra";
import { craKey, saltedPassword, scramKeys, toHex } from "@junctor/protocol/auth";
import pino from "pino";
import { expect, test } from "vitest";
import { nodeCrypto } from "../../packages/server/src/auth/node-crypto.ts";
import { loadConfig, parseConfig } from "../../packages/server/src/config/load.ts";
import { limitsOf } from "../../packages/server/src/config/schema.ts";
import { type LogEvent, logEvent } from "../../packages/server/src/log.ts";
import { startServer } from "../../packages/server/src/server.ts";

/** No other text has them as a part. */
const SECRETS = {
  ticket: "seeded-ticket-7c1f",
  typo: "seeded-typo-2b9e",
  cra: "seeded-cra-91d4",
  password: "seeded-password-f3a8",
  dynamic: "seeded-dynamic-5e60",
  inError: "seeded-in-error-a2c7",
  privateKey: createHash("sha256").update("seeded private key").digest("hex"),
  routerKey: createHash("sha256").update("seeded router key").digest("hex"),
};

/** In the spellings in which one may leak. */
function spellings(secret: string): string[] {
  const octets = [Buffer.from(secret), ...(/^[0-9a-f]{64}$/.test(secret) ? [Buffer.from(secret, "hex")] : [])];
  return [
    secret,
    encodeURIComponent(secret),
    ...octets.flatMap((bytes) => ["hex", "base64", "base64url"].map((form) => bytes.toString(form as "hex"))),
  ];
}

test("no secret stands in logs, errors, WELCOME, meta results or complaints about files", async () => {
  const folder = mkdtempSync(join(tmpdir(), "junctor-secrets-"));
  const told: string[] = [];
  const tell = (what: unknown) => told.push(typeof what === "string" ? what : JSON.stringify(what, replacer));
  const replacer = (_key: string, value: unknown): unknown =>
    value instanceof Error ? { ...value, inspected: inspect(value, { depth: null }), cause: value.cause } : value;
  try {
    const scramParameters = { kdf: "pbkdf2", salt: "W22ZaJ0SNY7soEsUEjb6gQ==", iterations: 4096 } as const;
    const keys = await scramKeys(nodeCrypto, await saltedPassword(nodeCrypto, SECRETS.password, scramParameters));
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
    const stored = { storedKey: text(keys.storedKey), serverKey: text(keys.serverKey) };
    const salting = { salt: "salt123", iterations: 1_000, keylen: 32 };
    const derived = await craKey(nodeCrypto, SECRETS.cra, salting);
    const users = {
      joe: { role: "user", ticket: SECRETS.ticket },
      ann: { role: "user", wampcra: SECRETS.cra },
      sal: { role: "user", wampcra: { key: derived, ...salting } },
      sam: { role: "user", scram: { ...scramParameters, ...stored } },
      kim: { role: "user", cryptosign: toHex(await nodeCrypto.ed25519PublicKey(Buffer.from(SECRETS.privateKey, "hex"))) },
    };
    const file = join(folder, "users.json");
    writeFileSync(file, JSON.stringify(users));
    writeFileSync(join(folder, "router.key"), SECRETS.routerKey);
    const roles = { user: { allow: { call: ["*", "wamp.*"], subscribe: ["*"], publish: ["*"] } } };
    const dynamic = { authenticator: "com.check", authenticatorRealm: "back" };
    const config = parseConfig(
      JSON.stringify({
        version: 1,
        listen: [{ type: "universal", port: 0 }],
        realms: {
          app: {
            users: file,
            roles,
            auth: [
              { method: "cryptosign", routerKey: join(folder, "router.key") },
              { method: "wamp-scram" },
              { method: "wampcra" },
              { method: "ticket" },
            ],
          },
          asking: {
            roles,
            auth: [
              { method: "wampcra", ...dynamic },
              { method: "ticket", ...dynamic },
            ],
          },
          back: { roles: { backend: { allow: { register: ["com.*"] } } }, auth: [{ method: "anonymous", role: "backend" }] },
        },
      }),
      "test.json",
    );
    const logger = pino({ level: "trace" }, { write: (line: string) => void told.push(line) });
    const server = await startServer({
      listen: config.listen,
      realms: config.realms,
      limits: limitsOf(config),
      log: (event: LogEvent) => logEvent(logger, event),
    });
    const url = `tcp://${server.listeners[0]?.address}`;
    const back = await connect({ url, realm: "back" });
    let answer: () => unknown = () => ({ role: "user", secret: SECRETS.dynamic });
    await back.register("com.check", () => answer());

    const sessions: Session[] = [];
    const join_ = async (auth: NonNullable<Parameters<typeof connect>[0]["auth"]>, realm = "app") => {
      const session = await connect({ url, realm, auth }).catch((error: unknown) => void tell(error));
      if (session === undefined) return;
      sessions.push(session);
      tell(session.details);
    };
    for (const wrong of ["", "x"]) {
      await join_([ticket({ authid: "joe", ticket: SECRETS.ticket + wrong })]);
      await join_([wampcra({ authid: "ann", secret: SECRETS.cra + wrong })]);
      await join_([wampcra({ authid: "sal", secret: SECRETS.cra + wrong })]);
      await join_([scram({ authid: "sam", password: SECRETS.password + wrong })]);
      await join_([cryptosign({ authid: wrong === "" ? "kim" : "joe", privateKey: SECRETS.privateKey })]);
      await join_([wampcra({ authid: "dan", secret: SECRETS.dynamic + wrong })], "asking");
      await join_([ticket({ authid: SECRETS.typo.slice(7), ticket: SECRETS.typo })]);
    }
    expect(sessions.length).toBe(6);
    // An authenticator that answers rubbish with a secret in it, or throws one; and one that is asked with a ticket.
    for (const rubbish of [{ role: 5, secret: SECRETS.inError }, { secret: { key: SECRETS.inError } }, [SECRETS.inError]]) {
      answer = () => rubbish;
      await join_([wampcra({ authid: "dan", secret: "x" })], "asking");
      await join_([ticket({ authid: "dan", ticket: SECRETS.ticket })], "asking");
    }
    answer = () => {
      throw new ApplicationError("com.refused", [SECRETS.inError], { secret: SECRETS.inError });
    };
    await join_([ticket({ authid: "dan", ticket: SECRETS.ticket })], "asking");

    // Whatever the meta API tells.
    const [asker] = sessions;
    const { value: ids } = (await asker?.call("wamp.session.list")) ?? {};
    for (const id of ids as number[]) tell((await asker?.call("wamp.session.get", [id]))?.value);

    // A users file with mistakes beside its secrets, at start and while running.
    const broken = [
      `joe: {role: user, ticket: ${SECRETS.ticket}, tikcet: ${SECRETS.typo}}`,
      `joe: {role: user, ticket: "sha256:${SECRETS.ticket}"}`,
      `joe: {role: user, wampcra: {key: ${SECRETS.cra}, slat: ${SECRETS.typo}}}`,
      `joe: {role: user, cryptosign: ${SECRETS.typo}}`,
      `joe: {role: boss, ticket: ${SECRETS.ticket}}`,
      `joe: {role: user, scram: {kdf: ${SECRETS.typo}, storedKey: ${SECRETS.typo}}}`,
    ];
    for (const text of broken) {
      writeFileSync(file, text);
      server.checkFiles();
      writeFileSync(
        join(folder, "config.yaml"),
        `{version: 1, listen: [], realms: {app: {auth: [{method: ticket}], users: {${text}}, roles: {user: {}}}}}`,
      );
      try {
        loadConfig(join(folder, "config.yaml"));
      } catch (error) {
        tell(error);
      }
    }
    expect(told.filter((line) => line.includes("users.rejected")).length).toBe(broken.length);
    await server.close();

    const everything = told.join("\n");
    expect(everything.length).toBeGreaterThan(10_000);
    const found = [...Object.values(SECRETS), derived, stored.storedKey, stored.serverKey].flatMap((secret) =>
      spellings(secret).filter((spelling) => everything.includes(spelling)),
    );
    expect(found).toEqual([]);
    expect(readFileSync(file, "utf8")).toContain("seeded"); // it was there to be told
  } finally {
    rmSync(folder, { recursive: true });
  }
});
