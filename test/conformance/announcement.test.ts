// WELCOME announces what the conformance suite has a requirement for, each feature under its role, and nothing else
// (requirements 11); and the rows of the suite are requirements of the catalogue, one each.
import { MessageType } from "@junctor/protocol";
import { ANNOUNCED, type RealmConfig } from "@junctor/router";
import { ALL_ROLES, realmConfig, TestRouter } from "@junctor/testkit";
import { announcedIn, fullRealm, requirements } from "@junctor/testkit/conformance";
import { expect, test } from "vitest";
import { read } from "../house/files.ts";
import { rowsOf } from "../house/markdown.ts";

const tested = [...new Set<string>(requirements.flatMap(({ needs }) => needs))].sort();

function announced(config: RealmConfig) {
  const peer = new TestRouter({ realms: [config] }).attach();
  peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES } });
  const { roles } = peer.take(MessageType.Welcome).details;
  return { roles, flags: [...announcedIn({ roles })].sort() };
}

test("with everything on, a realm announces the features that the conformance suite tests, and no other (FEAT-01, FEAT-05, AMB-130)", () => {
  expect(announced(fullRealm).flags).toEqual(tested);
});

test.each<[string, Partial<RealmConfig>, readonly string[]]>([
  ["as it comes", {}, ["broker.event_retention"]],
  ["with history", { events: { history: [{ uri: "com.", match: "prefix" }] } }, ["broker.event_history", "broker.event_retention"]],
  ["without retention", { events: { retention: false } }, []],
])(
  "a realm %s announces what it has (SES-02, SES-03, RPC-PCR-01, RPC-CANCEL-01, PS-HIST-01, PS-RETAIN-07)",
  (_what, config, configured) => {
    const { roles, flags } = announced({ ...realmConfig("realm1"), ...config });
    expect(Object.keys(roles).sort()).toEqual(["broker", "dealer"]);
    const always = (["broker", "dealer"] as const).flatMap((role) => [...ANNOUNCED[role], "reflection"].map((flag) => `${role}.${flag}`));
    expect(flags).toEqual([...always, ...configured].sort());
  },
);

test("each row of the suite is a requirement of its own, in the table of requirements", () => {
  const ids = requirements.map(({ id }) => id);
  expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  const known = rowsOf(read("docs/reference/features.md")).map(([id]) => id);
  expect(ids.filter((id) => !known.includes(id))).toEqual([]);
});
