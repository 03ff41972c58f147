import { expect, test } from "vitest";
import { ConfigError, parseConfig } from "../config/load.ts";

const config = (users: string) => `version: 1
listen: [{type: web, port: 0}]
realms:
  app:
    auth: [{method: ticket}]
    roles: {user: {}}
    users:
${users}`;

function problems(users: string): string {
  try {
    parseConfig(config(users), "config.yaml");
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "none";
}

test.each([
  ["      joe: {role: user, ticket: 12345678}\n", "config.yaml:8:25"],
  ["      joe: {role: user, wampcra: {key: [hunter2], salt: x}}\n", "realms.app.users.joe.wampcra"],
  ["      joe: {role: user, cryptosign: hunter2}\n", "expected a public key: 64 hex digits"],
  ["      joe: {role: user, ticket: 'sha256:hunter2:x'}\n", "expected sha256:SALT:DIGEST"],
  ["      joe: {role: user, scram: {kdf: pbkdf2, salt: hunter2, iterations: 1, storedKey: x, serverKey: y}}\n", "storedKey"],
  ["      joe: {ticket: hunter2}\n", "a user has either a role or roles"],
  ["      joe: {role: user, roles: [user], ticket: hunter2}\n", "a user has either a role or roles"],
  ["      joe: {role: user, tiket: hunter2}\n", "did you mean ticket?"],
  [
    `      joe: {role: user, cryptosign: ${"ab".repeat(32)}}\n      kim: {role: user, cryptosign: ${"AB".repeat(32)}}\n`,
    "this key is joe's already",
  ],
])("a mistake in a user is named with its place, and without what stands there: %s", (users, expected) => {
  const text = problems(users);
  expect(text).toContain(expected);
  expect(text).not.toMatch(/hunter2|12345678/);
});

test("an entry of each kind is taken", () => {
  const key = Buffer.alloc(32).toString("base64");
  expect(
    problems(
      `      joe: {roles: [user], ticket: a, wampcra: b, cryptosign: ["${"ab".repeat(32)}"], extra: {a: 1}}\n      sam: {role: user, scram: {kdf: argon2id13, salt: aBc+fx0NAVA=, iterations: 2, memory: 64, storedKey: "${key}", serverKey: "${key}"}}\n`,
    ),
  ).toBe("none");
});
