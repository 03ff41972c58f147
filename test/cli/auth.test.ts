// `junctor auth explain` and `junctor keys tls-self`, as processes.
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Folder, junctor, Running } from "./junctor.ts";

const folder = new Folder();
beforeAll(() =>
  writeFileSync(
    folder.file("c.yaml"),
    `version: 1
listen: [{type: web, port: 0}]
realms:
  app:
    auth:
      - {method: wampcra, also: [{method: ticket}]}
      - {method: ticket}
      - {method: cryptosign, authenticator: com.auth.check}
      - {method: anonymous, role: guest}
    users:
      joe: {role: user, ticket: seeded-secret}
      ann: {roles: [user, admin], wampcra: seeded-secret, ticket: seeded-secret}
    roles:
      user:
        allow: {call: ["com.app.*"], subscribe: ["com.app.user.{authid}.*"]}
        deny: {call: ["com.app.admin.*"]}
      admin: {allow: {call: ["*"]}}
      guest: {authorizer: com.auth.may}
`,
  ),
);
afterAll(() => folder[Symbol.dispose]());

const explain = (...args: readonly string[]) =>
  junctor(["--realm", "app", "auth", "explain", "-c", "c.yaml", ...args], { cwd: folder.path });

describe("junctor auth explain says what decides, and where it stands", () => {
  test.each([
    [["--role", "user", "call", "com.app.x"], "allow  allowed by prefix com.app.  (c.yaml:15:24)"],
    [["--role", "user", "call", "com.app.admin.x"], "deny  denied by prefix com.app.admin.  (c.yaml:16:23)"],
    [["--role", "user", "call", "com.other"], "deny  nothing allows the role user to call com.other  (c.yaml:14:7)"],
    [["--role", "admin", "call", "wamp.session.kill"], "deny  wamp.session.kill acts on other sessions: it has to be granted"],
    [["--role", "guest", "call", "com.x"], "asks  the procedure com.auth.may decides, in the realm app  (c.yaml:18:7)"],
    [
      ["--role", "user", "--authid", "joe", "--match", "prefix", "subscribe", "com.app.user.joe."],
      "allow  allowed by prefix com.app.user.joe.  (c.yaml:15:50)",
    ],
    [
      ["--role", "user", "--match", "prefix", "subscribe", "com.app.user."],
      "deny  nothing allows the role user to subscribe com.app.user.  (c.yaml:14:7)",
    ],
  ])("%s", async (args, text) => {
    expect(await explain(...args)).toMatchObject({ code: 0, err: "", out: expect.stringContaining(text) });
  });

  test.each([
    [{ authmethods: ["ticket"], authid: "joe" }, ["ticket: used  (c.yaml:7:9)", "→ ticket, as user, once proved"]],
    [{ authmethods: ["wampcra"], authid: "ann", authrole: "admin" }, ["used, and then ticket  (c.yaml:6:9)", "→ wampcra, as admin"]],
    [{ authmethods: ["ticket"], authid: "joe", authrole: "admin" }, ["→ ticket, refused with wamp.error.no_such_role"]],
    [{ authmethods: ["wampcra", "ticket"], authid: "joe" }, ["wampcra: knows nobody called joe", "ticket: used"]],
    [{ authmethods: ["wampcra"], authid: "eve" }, ["→ wampcra, which ends with wamp.error.authentication_denied"]],
    [{ authmethods: ["cryptosign", "ticket"] }, ["the procedure com.auth.check is asked  (c.yaml:8:9)", "ticket: not looked at"]],
    [{}, ["→ anonymous, as guest\n"]],
    [{ authmethods: ["tickets"] }, ["tickets: the realm app does not have it", "→ refused"]],
  ])("hello %j", async (details, texts) => {
    const { code, out, err } = await explain("hello", JSON.stringify(details));
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const text of texts) expect(out).toContain(text);
    expect(out).not.toContain("seeded-secret");
  });

  test.each([
    [["--role", "usr", "call", "x"], /there is no role usr\n +did you mean user\?/],
    [["--role", "user", "cal", "x"], /"cal" is nothing that can be explained/],
    [["call", "x"], /which role is it, and which URI/],
    [["hello", "{"], /HELLO's details are no JSON/],
  ])("a mistake gets cause and remedy: %s", async (args, text) => {
    expect(await explain(...args)).toMatchObject({ code: 2, out: "", err: expect.stringMatching(text) });
  });
});

test("junctor keys tls-self writes a certificate for the names given, and its key for nobody else; once", async () => {
  const hosts = ["router.example", "10.0.0.7", "2001:db8::7"];
  const make = () => junctor(["keys", "tls-self", ...hosts.flatMap((host) => ["--host", host])], { cwd: folder.path });
  expect(await make()).toMatchObject({ code: 0, out: "tls: {cert: cert.pem, key: key.pem}\n" });
  const certificate = new X509Certificate(readFileSync(folder.file("cert.pem")));
  expect([certificate.subject, certificate.verify(certificate.publicKey)]).toEqual(["CN=router.example", true]);
  expect([certificate.checkHost("router.example"), certificate.checkHost("evil.example")]).toEqual(["router.example", undefined]);
  expect([certificate.checkIP("10.0.0.7"), certificate.checkIP("2001:db8::7")]).toEqual(["10.0.0.7", "2001:db8::7"]);
  expect(statSync(folder.file("key.pem")).mode & 0o777).toBe(0o600);
  expect(await make()).toMatchObject({ code: 1, err: expect.stringContaining("is there already, and is not overwritten") });
  const realms = "{a: {auth: [{method: anonymous, role: a}], roles: {a: {}}}}";
  const listen = "[{type: web, port: 0, tls: {cert: cert.pem, key: key.pem}}]";
  writeFileSync(folder.file("tls.yaml"), `{version: 1, listen: ${listen}, realms: ${realms}}`);
  await using server = new Running(["start", "-c", "tls.yaml"], { cwd: folder.path });
  await server.printed(/server\.ready/);
});
