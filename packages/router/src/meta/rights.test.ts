// Who may call what of the meta API: procedures × roles, as one table to read.
import { MessageType } from "@junctor/protocol";
import { ALL_POWERS, ALL_ROLES, ALLOW_ALL, type TestPeer, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";
import type { Permission, RoleConfig } from "../access/role.ts";

const call = (uri: string, match: Permission["match"], isAllowed = true): Permission => ({ uri, match, allow: { call: isAllowed } });

/** Roles as people write them. */
const ROLES: readonly RoleConfig[] = [
  { name: "nothing", permissions: [] },
  { name: "application", permissions: [{ ...ALLOW_ALL, uri: "com.app." }] },
  // What the configuration writes as "*": everything but power over other sessions (AMB-97).
  { name: "everything", permissions: [ALLOW_ALL] },
  {
    name: "reader",
    permissions: ["session", "registration", "subscription"].map((name) => call(`wamp.${name}.`, "prefix")),
  },
  { name: "counter", permissions: [call("wamp..count", "wildcard")] },
  // Of all powers those that are named (AMB-97).
  { name: "meta", permissions: [call("wamp.", "prefix")] },
  { name: "admin", permissions: ALL_POWERS },
];

const TABLE = `
                                    nothing  application  everything  reader  counter  meta  admin
wamp.session.count                  -        -            x           x       x        x     x
wamp.session.list                   -        -            x           x       -        x     x
wamp.session.get                    -        -            x           x       -        x     x
wamp.session.kill                   -        -            -           -       -        -     x
wamp.session.kill_by_authid         -        -            -           -       -        -     x
wamp.session.kill_by_authrole       -        -            -           -       -        -     x
wamp.session.kill_all               -        -            -           -       -        -     x
wamp.session.add_testament          -        -            x           x       -        x     x
wamp.session.flush_testaments       -        -            x           x       -        x     x
wamp.registration.list              -        -            x           x       -        x     x
wamp.registration.lookup            -        -            x           x       -        x     x
wamp.registration.match             -        -            x           x       -        x     x
wamp.registration.get               -        -            x           x       -        x     x
wamp.registration.list_callees      -        -            x           x       -        x     x
wamp.registration.count_callees     -        -            x           x       -        x     x
wamp.registration.remove_callee     -        -            -           -       -        -     x
wamp.subscription.list              -        -            x           x       -        x     x
wamp.subscription.lookup            -        -            x           x       -        x     x
wamp.subscription.match             -        -            x           x       -        x     x
wamp.subscription.get               -        -            x           x       -        x     x
wamp.subscription.list_subscribers  -        -            x           x       -        x     x
wamp.subscription.count_subscribers -        -            x           x       -        x     x
wamp.subscription.remove_subscriber -        -            -           -       -        -     x
wamp.reflect.define                 -        -            x           -       -        x     x
wamp.reflect.describe               -        -            x           -       -        x     x
wamp.reflection.procedure.list      -        -            x           -       -        x     x
wamp.reflection.procedure.describe  -        -            x           -       -        x     x
wamp.reflection.topic.list          -        -            x           -       -        x     x
wamp.reflection.topic.describe      -        -            x           -       -        x     x
wamp.reflection.error.list          -        -            x           -       -        x     x
wamp.reflection.error.describe      -        -            x           -       -        x     x
`;

test("who may call what of the meta API (AMB-97, AUTHZ-04)", () => {
  const [head = [], ...rows] = TABLE.trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  const procedures = rows.map(([procedure = ""]) => procedure);
  const router = new TestRouter({
    realms: [
      {
        name: "realm1",
        roles: ROLES,
        authenticate: ({ details }, answer) =>
          answer({ kind: "welcome", authid: "x", authrole: details.authrole ?? "", authmethod: "ticket", authprovider: "test" }),
      },
    ],
  });
  const columns = ROLES.map(({ name }) => {
    const peer = router.attach();
    peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES, authrole: name } });
    peer.take(MessageType.Welcome);
    return procedures.map((procedure) => (isDenied(peer, procedure) ? "-" : "x"));
  });
  expect(head).toEqual(ROLES.map(({ name }) => name));
  expect(procedures.map((procedure, i) => [procedure, ...columns.map((column) => column[i])])).toEqual(rows);
  expect([...(router.router.realm("realm1")?.dealer.provided ?? [])].sort()).toEqual(procedures.sort()); // none is missing here
});

test("a name that a permission puts in place of {authid} gives no power over others (AMB-97)", () => {
  const personal: Permission = { uri: "{authid}.", match: "prefix", allow: { call: true, subscribe: true } };
  const router = new TestRouter({
    realms: [
      {
        name: "realm1",
        roles: [{ name: "user", permissions: [personal] }],
        authenticate: ({ details }, answer) =>
          answer({ kind: "welcome", authid: details.authid ?? "", authrole: "user", authmethod: "ticket", authprovider: "test" }),
      },
    ],
  });
  for (const authid of ["wamp", "wamp.session"]) {
    const peer = router.attach();
    peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES, authid } });
    peer.take(MessageType.Welcome);
    expect(isDenied(peer, "wamp.session.kill_all")).toBe(true);
    expect(isDenied(peer, "wamp.session.count")).toBe(true);
  }
});

/** Called without arguments: whatever else is wrong is found after the permission. */
function isDenied(peer: TestPeer, procedure: string): boolean {
  return peer.ask(procedure) === "wamp.error.not_authorized";
}
