// A role from the file to the router's: permissions with a measure of their own, and limits.
import { expect, test } from "vitest";
import { ConfigError, parseConfig } from "../config/load.ts";
import { roleConfig } from "./role-config.ts";

function role(text: string) {
  const config = parseConfig(
    `{version: 1, listen: [{type: web, port: 0}], realms: {app: {auth: [{method: anonymous, role: user}], roles: {user: ${text}}}}}`,
    "config.yaml",
  );
  const found = config.realms["app"]?.roles["user"];
  if (found === undefined) throw new Error("no role");
  return roleConfig("app", "user", found, (path) => path.join("/"));
}

test("permissions keep the role's disclosure unless they have their own, and a rate where they have one", () => {
  const text = `{
    disclose: {caller: deny},
    allow: {call: [com.a, {uri: com.b.*, disclose: force, rate: 0.5}], publish: [{uri: com.c, rate: 10, burst: 3}]},
    deny: {call: [com.b.x]}}`;
  expect(role(text)).toEqual({
    name: "user",
    permissions: [
      { uri: "com.a", match: "exact", allow: { call: true }, disclose: { caller: "deny" }, place: "realms/app/roles/user/allow/call/0" },
      {
        ...{ uri: "com.b.", match: "prefix", allow: { call: true }, disclose: { caller: "force", publisher: "force" } },
        ...{ rate: { perSecond: 0.5, burst: 1 }, place: "realms/app/roles/user/allow/call/1" },
      },
      { uri: "com.b.x", match: "exact", allow: { call: false }, place: "realms/app/roles/user/deny/call/0" },
      {
        ...{ uri: "com.c", match: "exact", allow: { publish: true }, disclose: { caller: "deny" } },
        ...{ rate: { perSecond: 10, burst: 3 }, place: "realms/app/roles/user/allow/publish/0" },
      },
    ],
  });
});

test("limits are those that are given", () => {
  const text = "{limits: {sessions: 5, subscriptions: 7, messages: {rate: 100, burst: 150}, bytes: {rate: 1KiB}}}";
  expect(role(text).limits).toEqual({
    ...{ sessions: 5, subscriptions: 7 },
    ...{ messageRate: { perSecond: 100, burst: 150 }, byteRate: { perSecond: 1_024, burst: 2_048 } },
  });
  expect(role("{}")).not.toHaveProperty("limits");
});

test.each([
  "{allow: {call: [{uri: com.a, rate: 0}]}}",
  "{allow: {call: [{rate: 1}]}}",
  "{limits: {messages: {burst: 5}}}",
  "{limits: {colour: 1}}",
])("%s is an error", (text) => {
  expect(() => role(text)).toThrow(ConfigError);
});
