import { MessageType, NO_OPTIONS, Uri } from "@junctor/protocol";
import { ALL_ROLES, TestRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import { type Permission, Role } from "./role.ts";

const everything = { call: true, register: true, publish: true, subscribe: true };
const subject = { authid: "ada", authrole: "user", session: 7 };
const allow = (uri: string, match: Permission["match"] = "exact"): Permission => ({ uri, match, allow: everything });
const deny = (uri: string, match: Permission["match"] = "exact"): Permission => ({
  uri,
  match,
  allow: { call: false, register: false, publish: false, subscribe: false },
});
const role = (...permissions: Permission[]) => new Role({ name: "user", permissions }).for(subject);

describe("role", () => {
  test("is closed by default, and the most specific pattern decides (AUTHZ-06)", () => {
    const it = role(
      allow("com.app.", "prefix"),
      deny("com.app.admin.", "prefix"),
      allow("com.app.admin.help"),
      deny("com..secret", "wildcard"),
    );
    const asked = ["com.app.x", "com.app.admin.x", "com.app.admin.help", "com.other", "com.b.secret", "com.app.secret"];
    expect(asked.map((uri) => it.decide("call", uri).allow)).toEqual([true, false, true, false, false, true]);
  });

  test("a denial of the same pattern wins, whichever comes first", () => {
    for (const permissions of [
      [allow("a"), deny("a")],
      [deny("a"), allow("a")],
    ])
      expect(role(...permissions).decide("call", "a").allow).toBe(false);
    for (const permissions of [
      [allow("u.{authid}"), deny("u.ada")],
      [deny("u.{authid}"), allow("u.ada")],
    ])
      expect(role(...permissions).decide("call", "u.ada").allow).toBe(false);
  });

  test("placeholders stand for what the session is", () => {
    const it = role(allow("u.{authid}.", "prefix"), allow("r.{authrole}"), allow("s.{session}"), deny("u.", "prefix"));
    expect(
      ["u.ada.x", "u.bob.x", "u.ada", "r.user", "r.admin", "s.7", "s.8", "u.{authid}.x"].map((uri) => it.decide("publish", uri).allow),
    ).toEqual([true, false, false, true, false, true, false, false]);
  });

  test("a name that is no URI grants nothing: it cannot become a wildcard", () => {
    for (const authid of ["", "a..b", ".", "a b", "#", "a."]) {
      const it = new Role({ name: "user", permissions: [allow("u.{authid}.x", "wildcard"), allow("p.{authid}", "prefix")] }).for({
        ...subject,
        authid,
      });
      expect([it.decide("call", "u.a.c.b.x").allow, it.decide("call", "p.a").allow, it.decide("call", "u..x").allow]).toEqual([
        false,
        false,
        false,
      ]);
    }
  });

  test("a pattern that is asked for lies wholly inside what is granted, and meets nothing that is denied (T30, AUTHZ-07)", () => {
    const it = role(allow("com.app.", "prefix"), deny("com.app.secret.", "prefix"), allow("u.{authid}.", "prefix"));
    const asked = [
      ["com.app.", "prefix"], // reaches com.app.secret.
      ["com.app.news.", "prefix"],
      ["com.app.secret", "prefix"],
      ["com.", "prefix"],
      ["com.app..x", "wildcard"], // so does this
      ["com.app.news.", "wildcard"],
      ["u.ada.a", "prefix"],
      ["u.", "prefix"],
      ["u..a", "wildcard"],
    ] as const;
    expect(asked.map(([uri, match]) => it.decidePattern("subscribe", uri, match).allow)).toEqual([
      false,
      true,
      false,
      false,
      false,
      true,
      true,
      false,
      false,
    ]);
  });
});

test("sessions of one role have each their own part, through the router", () => {
  const router = new TestRouter({
    realms: [
      {
        name: "realm1",
        roles: [{ name: "user", permissions: [allow("u.{authid}.", "prefix")] }],
        authenticate: ({ details }, answer) =>
          answer({ kind: "welcome", authid: details.authid ?? "?", authrole: "user", authmethod: "test", authprovider: "test" }),
      },
    ],
  });
  for (const authid of ["ada", "bob"]) {
    const peer = router.attach();
    peer.send({ type: MessageType.Hello, realm: "realm1", details: { roles: ALL_ROLES, authid } });
    peer.take(MessageType.Welcome);
    peer.subscribe(`u.${authid}.`, { match: "prefix" });
    peer.send({
      type: MessageType.Subscribe,
      request: ++peer.request,
      options: NO_OPTIONS,
      topic: authid === "ada" ? "u.bob.x" : "u.ada.x",
    });
    expect(peer.take(MessageType.Error).error).toBe(Uri.notAuthorized);
  }
});
