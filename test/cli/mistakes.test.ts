// What people do wrong: each mistake gets its cause, a remedy and its exit code, and never a stack trace.
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createConnection, createServer } from "node:net";
import { ApplicationError, connect, type Session } from "@junctor/client";
import { TEST_CERTIFICATE, TEST_KEY } from "@junctor/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Folder, junctor, type Outcome, Running, type RunOptions } from "./junctor.ts";
import { SilentServer } from "./silent-server.ts";

const folder = new Folder();
const file = (...parts: string[]) => folder.file(...parts);
/** Each server has a state directory of its own. */
let states = 0;
const state = () => `state: ${file(`state-${++states}`)}\n`;
const config = (listen: string, more = "log: {level: warn}\n") => `version: 1
listen: [${listen}]
realms:
  open: {auth: [{method: anonymous, role: all}], roles: {all: {allow: {call: ["*"], register: ["*"], publish: ["*"], subscribe: ["*"]}}}}
  narrow: {auth: [{method: anonymous, role: none}], roles: {none: {}}}
  closed: {auth: [{method: ticket}], roles: {all: {}}, users: {kim: {role: all, ticket: open sesame}}}
${state()}${more}`;
const tls = (cert = "cert.pem", key = "key.pem") => `{type: web, port: 0, tls: {cert: ${file(cert)}, key: ${file(key)}}}`;
const stored = (path: string) => `version: 1
listen: [{type: web, port: 0}]
realms: {app: {auth: [{method: anonymous, role: all}], roles: {all: {}}, events: {history: [{topic: a.*}], store: {path: ${path}}}}}
log: {level: warn}
${state()}`;

/** Where the mistakes are made. */
let router: Running;
let dev: Running;
let callee: Session;
let silent: SilentServer;
const taken = createServer();
const places = { web: "", raw: "", tls: "", json: "", silent: "", taken: "", demo: "" };
beforeAll(async () => {
  writeFileSync(file("cert.pem"), TEST_CERTIFICATE);
  writeFileSync(file("key.pem"), TEST_KEY);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  writeFileSync(file("other.pem"), privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(file("plain.txt"), "nothing in particular\n");
  mkdirSync(file("locked"));
  mkdirSync(file("strange", "data.mdb"), { recursive: true });
  mkdirSync(file("damaged"));
  writeFileSync(file("damaged", "data.mdb"), "no longer a store\n");
  mkdirSync(file("emptied"));
  writeFileSync(file("emptied", "data.mdb"), "");
  const listen = `{type: web, port: 0}, {type: rawsocket, port: 0}, ${tls()}, {type: universal, port: 0, serializers: [json]}, {type: rawsocket, path: ${file("raw.sock")}, mode: "0000"}`;
  writeFileSync(file("config.yaml"), config(listen, "log: {format: json}\n"));
  router = new Running(["start", "-c", file("config.yaml")]);
  await router.printed(/server\.ready/);
  const addresses = [...router.out.matchAll(/"address":"([^"]*)"/g)].map(([, address]) => address ?? "");
  [places.web = "", places.raw = "", places.tls = "", places.json = ""] = addresses;
  dev = new Running(["dev", "--port", "0", "--unix", file("dev.sock")]);
  places.demo = await dev.printed(/http:\/\/(\S+)\//);
  callee = await connect({ url: `tcp://${places.raw}`, realm: "open" });
  await callee.register("taken", () => new Promise(() => {}));
  await callee.register("late", () => {
    throw new ApplicationError("wamp.error.timeout", ["the station did not answer"]);
  });
  silent = await SilentServer.start();
  places.silent = silent.address;
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const address = taken.address();
  places.taken = String(typeof address === "object" ? address?.port : "");
  chmodSync(file("locked"), 0);
});
afterAll(async () => {
  chmodSync(file("locked"), 0o700);
  taken.close();
  await callee.leave();
  await silent[Symbol.asyncDispose]();
  await router[Symbol.asyncDispose]();
  await dev[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** Root may open everything, which is no use here: without that right it has those of any owner. */
const unprivileged: RunOptions =
  process.getuid?.() === 0 ? { through: ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] } : {};

interface Mistake {
  readonly args: () => readonly string[];
  readonly code: number;
  readonly cause: RegExp;
  readonly remedy: RegExp;
  /** What it prints all the same. */
  readonly out?: RegExp;
  readonly options?: RunOptions;
}

/** A client's command, to a router or to what somebody takes for one. */
function to(url: () => string, ...args: readonly string[]): Mistake["args"] {
  return () => ["--url", url(), "--realm", "open", ...(args.length === 0 ? ["call", "x"] : args)];
}
const here = (...args: readonly string[]) => to(() => `tcp://${places.raw}`, ...args);
const usage = (args: readonly string[], cause: RegExp, remedy: RegExp): Mistake => ({ args: () => args, code: 2, cause, remedy });

/** `junctor start` with this configuration. */
function start(name: string, text: string, cause: RegExp, remedy: RegExp, options: RunOptions = {}): Mistake {
  return {
    args: () => {
      writeFileSync(file(`${name}.yaml`), text);
      return ["start", "-c", file(`${name}.yaml`)];
    },
    code: 1,
    cause,
    remedy,
    options,
  };
}

const MISTAKES: Readonly<Record<string, Mistake>> = {
  // The command line itself: 2.
  "an unknown command": usage(["cal", "x"], /unknown command 'cal'/, /Did you mean call\?/),
  "an unknown option": usage(["--urll", "x", "call", "y"], /unknown option '--urll'/, /Did you mean --url\?/),
  "an argument that looks like an option": usage(["call", "x", "-y"], /unknown option '-y'/, /junctor call --help/),
  "no procedure": usage(["call"], /missing required argument 'procedure'/, /junctor call --help/),
  "an argument too many": usage(["dev", "now"], /too many arguments/, /junctor dev --help/),
  "an unknown serializer": usage(["--ser", "xml", "call", "x"], /no serializer xml/, /json, msgpack, cbor/),
  "a time that is none": usage(["--timeout", "soon", "call", "x"], /soon is no number of seconds/, /--timeout 2\.5/),
  "a keyword without a value": usage(["call", "x", "-k", "verbose"], /-k verbose is no keyword argument/, /-k name=value/),
  "a keyword twice": usage(["call", "x", "-k", "a=1", "-k", "a=2"], /-k a is given twice/, /-k 'a=\[1, 2\]'/),
  "bytes that are no Base64": usage(["call", "x", '"\\u0000?"'], /cannot be sent: .*Base64/, /^$/),
  "a value nested too deep": usage(["call", "x", "[".repeat(40) + "]".repeat(40)], /cannot be sent: .*nested/, /^$/),
  "a count that is none": usage(["sub", "x", "--count", "0"], /0 is no number of events/, /--count 10/),
  "an unknown match policy": usage(["sub", "x", "--match", "regex"], /no match policy regex/, /exact, prefix or wildcard/),
  "no way to answer": usage(["register", "x"], /one way to answer/, /--echo, --reply JSON and --exec CMD/),
  "two ways to answer": usage(["register", "x", "--echo", "--reply", "1"], /one way to answer/, /--echo, --reply JSON and --exec CMD/),
  "a reply that is no JSON": usage(["register", "x", "--reply", "{ok: 1}"], /--reply is no JSON/, /quote it for the shell/),
  "an unknown invocation policy": usage(["register", "x", "--echo", "--invoke", "all"], /no invocation policy all/, /roundrobin/),
  "a URL of another kind": usage(["--url", "http://127.0.0.1/", "call", "x"], /cannot dial http:\/\/127\.0\.0\.1\//, /ws:\/\/127/),
  "no URL at all": usage(["--url", "localhost", "call", "x"], /cannot dial localhost/, /ws:\/\/127/),
  "a URL without a port": usage(["--url", "tcp://127.0.0.1", "call", "x"], /needs a port/, /tcp:\/\/127\.0\.0\.1:8081/),
  "a URL with a port that is none": usage(["--url", "tcp://127.0.0.1:99999", "call", "x"], /is no URL/, /tcp:\/\/127\.0\.0\.1:8081/),
  "a URL without a path": usage(["--url", "unix:", "call", "x"], /needs the path of a socket/, /for example/),
  "a port that is none": usage(["dev", "--port", "99999"], /99999 is no port/, /from 0 to 65535/),
  "a realm that is no URI": usage(["dev", "--realm", "my realm"], /"my realm" is no name of a realm/, /--realm com\.example\.app/),
  "no configuration": usage(["start"], /start needs a configuration/, /junctor dev/),

  // No connection: 3.
  "no router there": {
    args: to(() => "ws://127.0.0.1:1/ws"),
    code: 3,
    cause: /nothing listens on ws:\/\/127\.0\.0\.1:1/,
    remedy: /junctor dev/,
  },
  "no socket there": { args: to(() => `unix:${file("no.sock")}`), code: 3, cause: /there is no socket at unix:/, remedy: /junctor dev/ },
  "a file that is no socket": {
    args: to(() => `unix:${file("plain.txt")}`),
    code: 3,
    cause: /nothing listens on unix:\S+; .*check the path/,
    remedy: /junctor dev/,
  },
  "a socket that this user may not use": {
    args: to(() => `unix:${file("raw.sock")}`),
    code: 3,
    cause: /no permission to use the socket unix:\S+; ask its owner to set its mode/,
    remedy: /check --url/,
    options: unprivileged,
  },
  "wss to a port without TLS": {
    args: to(() => `wss://${places.web}/ws`),
    code: 3,
    cause: /wss:\S+ does not speak TLS; use ws:\/\//,
    remedy: /check --url/,
  },
  "tls to a port without TLS": {
    args: to(() => `tls://${places.raw}`),
    code: 3,
    cause: /tls:\S+ does not speak TLS; use tcp:\/\//,
    remedy: /check --url/,
  },
  "ws to a port with TLS": { args: to(() => `ws://${places.tls}/ws`), code: 3, cause: /ws:\S+ .*without TLS/, remedy: /check --url/ },
  "ws to the RawSocket port": {
    args: to(() => `ws://${places.raw}/ws`),
    code: 3,
    cause: /speaks WAMP over RawSocket, not HTTP. Use tcp:\/\//,
    remedy: /check --url/,
  },
  "tcp to the WebSocket port": {
    args: to(() => `tcp://${places.web}`),
    code: 3,
    cause: /speaks no RawSocket.*Is this the router's RawSocket port\?/,
    remedy: /check --url/,
  },
  "another path": {
    args: to(() => `ws://${places.web}/wamp`),
    code: 3,
    cause: /status 404: WebSocket clients connect to \/ws here, not to \/wamp/,
    remedy: /check --url/,
  },
  "a subprotocol that the router has not": {
    args: to(() => `ws://${places.json}/ws`, "--ser", "cbor", "call", "x"),
    code: 3,
    cause: /status 400: Offer a WebSocket subprotocol that is supported here: wamp\.2\.json/,
    remedy: /check --url/,
  },
  "a RawSocket serializer that the router has not": {
    args: to(() => `tcp://${places.json}`, "--ser", "cbor", "call", "x"),
    code: 3,
    cause: /serializer/,
    remedy: /check --url/,
  },
  "a certificate that nobody trusts": {
    args: to(() => `wss://${places.tls}/ws`),
    code: 3,
    cause: /self-signed certificate/,
    remedy: /NODE_EXTRA_CA_CERTS=/,
  },

  // Not let in, or not allowed: 4.
  "an unknown realm": {
    args: () => ["--url", `tcp://${places.raw}`, "--realm", "opne", "call", "x"],
    code: 4,
    cause: /the router has no realm opne \(wamp\.error\.no_such_realm\)/,
    remedy: /another realm than opne with --realm/,
  },
  "a realm that wants to know who it is": {
    args: () => ["--url", `tcp://${places.raw}`, "--realm", "closed", "call", "x"],
    code: 4,
    cause: /wamp\.error\.authentication_required/,
    remedy: /--\w+-file|authentication/,
  },
  "something that the role may not do": {
    args: () => ["--url", `tcp://${places.raw}`, "--realm", "narrow", "call", "x"],
    code: 4,
    cause: /wamp\.error\.not_authorized/,
    remedy: /allow it for your role/,
  },

  // No answer: 5.
  "a port that says nothing": {
    args: to(() => `tcp://${places.silent}`, "--timeout", "0.2", "call", "x"),
    code: 5,
    cause: /did not answer within 200 ms/,
    remedy: /--timeout|--url/,
  },
  "a procedure that does not answer": {
    args: here("--timeout", "0.2", "call", "taken"),
    code: 5,
    cause: /CALL taken was not answered within 200 ms/,
    remedy: /--timeout SECONDS/,
  },

  "a procedure that says that its time is over": {
    args: here("call", "late"),
    code: 5,
    cause: /wamp\.error\.timeout: the station did not answer/,
    remedy: /the other side's/,
  },

  // Refused, or failed: 1.
  "a procedure that nobody has registered": {
    args: here("call", "nobody.home"),
    code: 1,
    cause: /wamp\.error\.no_such_procedure: no callee has registered nobody\.home/,
    remedy: /start the program that registers it/,
  },
  "a procedure that is taken": {
    args: here("register", "taken", "--echo"),
    code: 1,
    cause: /wamp\.error\.procedure_already_exists: taken is registered/,
    remedy: /another name/,
  },
  "a URI that is none": { args: here("pub", "a b"), code: 1, cause: /wamp\.error\.invalid_uri: "a b" is no valid URI/, remedy: /./ },
  "arguments that the procedure does not take": {
    args: () => ["--url", `ws://${places.demo}/ws`, "call", "demo.add", "two"],
    code: 1,
    cause: /wamp\.error\.invalid_argument: demo\.add adds numbers/,
    remedy: /./,
  },
  "a port that is in use": {
    args: () => ["dev", "--port", places.taken],
    code: 1,
    cause: /127\.0\.0\.1:\d+ is in use by another process; stop it or choose another/,
    remedy: /junctor dev --port 8090/,
  },
  "a socket that is in use": {
    args: () => ["dev", "--port", "0", "--unix", file("dev.sock")],
    code: 1,
    cause: /dev\.sock is in use by another process/,
    remedy: /--unix/,
  },
  "a socket in place of a file": {
    args: () => ["dev", "--port", "0", "--unix", file("plain.txt")],
    code: 1,
    cause: /plain\.txt exists and is no socket; choose another path/,
    remedy: /--unix/,
  },
  "a socket in a directory that is not there": {
    args: () => ["dev", "--port", "0", "--unix", file("no", "dev.sock")],
    code: 1,
    cause: /the directory of \S+dev\.sock does not exist; create it first/,
    remedy: /--unix/,
  },
  "a socket in a directory that this user may not write": {
    args: () => ["dev", "--port", "0", "--unix", file("locked", "dev.sock")],
    code: 1,
    cause: /no permission to listen on \S+dev\.sock/,
    remedy: /--unix/,
    options: unprivileged,
  },
  "a socket with a path that is too long": {
    args: () => ["dev", "--port", "0", "--unix", file("x".repeat(200))],
    code: 1,
    cause: /is longer than the path of a UNIX socket may be/,
    remedy: /--unix/,
  },
  "a SCRAM option for another entry": {
    args: () => ["keys", "hash", "--cra", "--argon2id"],
    code: 2,
    cause: /--argon2id and --autobahn say how a SCRAM entry is made/,
    remedy: /--scram/,
  },
  "a directory of files that is not there": {
    args: () => ["dev", "--port", "0", "--static", file("public")],
    code: 1,
    cause: /cannot serve the files of \S+public: it does not exist/,
    remedy: /name a directory that exists/,
  },
  "a configuration that is not there": {
    args: () => ["start", "-c", file("no.yaml")],
    code: 1,
    cause: /cannot read \S+no\.yaml: it does not exist/,
    remedy: /-c FILE/,
  },
  "a directory for a configuration": {
    args: () => ["start", "-c", folder.path],
    code: 1,
    cause: /cannot read \S+: it is a directory/,
    remedy: /-c FILE/,
  },
  "a configuration that this user may not read": {
    args: () => ["start", "-c", file("locked", "config.yaml")],
    code: 1,
    cause: /this user may not read it/,
    remedy: /-c FILE/,
    options: unprivileged,
  },
  "a configuration with mistakes": start(
    "mistakes",
    "version: 1\nlistn: []\nlisten:\n  - {type: web, port: 80800}\nrealms: {}\n",
    /mistakes\.yaml has 2 errors:\n.*mistakes\.yaml:2:1 {2}listn: unknown key; did you mean listen\?\n.*:4:17 {2}listen\[0\]\.port: got 80800, expected at most 65535/,
    /^$/,
  ),
  "a store where no directory can be made": start(
    "proc",
    stored("/proc/junctor/store"),
    /event store \/proc\/junctor\/store: no directory can be made/,
    /a local disk/,
  ),
  "a store that is a file": start("file-store", stored(file("plain.txt")), /event store \S+plain\.txt: it is no directory/, /a local disk/),
  "a store in a directory that this user may not write to": start(
    "locked-store",
    stored(file("locked", "store")),
    /locked-store\.yaml:3:\d+ {2}realms\.app\.events\.store\.path: cannot open the event store \S+: this user may not write to \S+locked$/,
    /a local disk/,
    unprivileged,
  ),
  "a store whose file is a directory": start(
    "strange-store",
    stored(file("strange")),
    /its file \S+data\.mdb: it is a directory/,
    /a local disk/,
  ),
  "a store whose file is damaged": start(
    "damaged-store",
    stored(file("damaged")),
    /its file \S+data\.mdb is damaged: it is cut off/,
    /bring back a copy of the directory, or move it away/,
  ),
  "a store whose file is empty": start(
    "emptied-store",
    stored(file("emptied")),
    /its file \S+data\.mdb is damaged: it is empty/,
    /bring back a copy of the directory, or move it away/,
  ),
  "bad YAML": start("bad", "version: 1\nlisten: [\n", /bad\.yaml has an error:\n.*bad\.yaml:3:1/, /^$/),
  "a configuration that is no text": {
    args: () => {
      writeFileSync(file("binary.yaml"), Buffer.from([0xff, 0xfe, 0x00]));
      return ["start", "-c", file("binary.yaml")];
    },
    code: 1,
    cause: /is no text in UTF-8/,
    remedy: /save it as UTF-8/,
  },
  "a certificate that is not there": start(
    "no-cert",
    config(tls("missing.pem")),
    /no-cert\.yaml:2:\d+ {2}listen\[0\]\.tls\.cert: cannot read the certificate \S+missing\.pem: it does not exist/,
    /listen\.tls/,
  ),
  "a listener that is open to everybody for everything": start(
    "open",
    config("{type: web, port: 0, host: 0.0.0.0}"),
    /open\.yaml:2:31 {2}listen\[0\]\.host: other machines reach 0\.0\.0\.0, and whoever comes from there may do everything in open/,
    /listen\[0\]\.host: 127\.0\.0\.1\n.*realms\.open\.auth: \[.*\n.*realms\.open\.roles\.all\.allow: \{.*\n.*--i-know-this-is-open/,
  ),
  "a secret that the environment has not": start(
    "secret",
    `version: 1\nlisten: [{type: web, port: "\${env:NO_SUCH_PORT}"}]\nrealms: {}\n`,
    /secret\.yaml:2:22 {2}listen\[0\]\.port: the environment has no NO_SUCH_PORT\. Set it where the server is started: NO_SUCH_PORT=/,
    /^$/,
  ),
  "a configuration to check that has mistakes": {
    args: () => {
      writeFileSync(file("unchecked.yaml"), "version: 1\nlistn: []\nlisten: [{type: web, port: 0}]\nrealms: {}\n");
      return ["config", "check", "-c", file("unchecked.yaml")];
    },
    code: 1,
    out: /^✗ \S+unchecked\.yaml:2:1 {2}listn\n {2}unknown key; did you mean listen\?\n$/,
    cause: /unchecked\.yaml has an error/,
    remedy: /check again/,
  },
  "a key that no configuration has": usage(
    ["config", "explain", "limits.helloTimeot"],
    /no limits\.helloTimeot; did you mean helloTimeout\?/,
    /known are helloTimeout/,
  ),
  "a certificate that is none": start("bad-cert", config(tls("plain.txt")), /plain\.txt holds no certificate/, /in PEM under listen\.tls/),
  "a key that is none": start("bad-key", config(tls("cert.pem", "plain.txt")), /plain\.txt holds no key/, /in PEM under listen\.tls/),
  "the key of another certificate": start(
    "other-key",
    config(tls("cert.pem", "other.pem")),
    /other\.pem is not the key of \S+cert\.pem/,
    /in PEM under listen\.tls/,
  ),
  "an address that this machine has not": start(
    "address",
    config("{type: web, port: 0, host: 192.0.2.1}").replace(/^ {2}open: .*\n/m, ""),
    /address\.yaml:2:\d+ {2}listen\[0\]\.host: 192\.0\.2\.1:0 is no address of this machine/,
    /under listen in \S+address\.yaml/,
  ),
  "files that are not there": start(
    "static",
    config(`{type: web, port: 0, static: ${file("public")}}`),
    /cannot serve the files of \S+public: it does not exist/,
    /name a directory/,
  ),
  "Node.js too old": {
    args: () => ["dev"],
    code: 1,
    cause: /Node\.js 18\.20\.4 is too old for junctor/,
    remedy: /install Node\.js 20\.19 or newer/,
    options: { node: ["--require", new URL("old-node.cjs", import.meta.url).pathname] },
  },
};

test.each(Object.entries(MISTAKES))("%s", async (_name, { args, code, cause, remedy, out = /^$/, options }) => {
  const outcome = await junctor(args(), options);
  expectExplained(outcome, code, cause, remedy, out);
});

function expectExplained({ code, out, err }: Outcome, wanted: number, cause: RegExp, remedy: RegExp, printed = /^$/): void {
  const [first = "", ...rest] = err.trimEnd().split(/\n(?! {2}\S+\.yaml:)/);
  expect({ code, out, first, rest: rest.join("\n") }).toEqual({
    code: wanted,
    out: expect.stringMatching(printed),
    first: expect.stringMatching(cause),
    rest: expect.stringMatching(remedy),
  });
  expect(err).toMatch(/^✗ /);
  expect(err).not.toMatch(/\n\s+at |bug in junctor|node:internal|Warning:/);
}

test("a router that ends the session makes sub end with 3, and say what to do", async () => {
  writeFileSync(file("own.yaml"), config("{type: rawsocket, port: 0}", "log: {format: json}\n"));
  await using own = new Running(["start", "-c", file("own.yaml")]);
  const address = await own.printed(/"address":"([^"]*)"/);
  await using sub = new Running(["--url", `tcp://${address}`, "--realm", "open", "sub", "news"]);
  await sub.printed(/subscribed to news; Ctrl-C ends/);
  own.signal("SIGTERM");
  const { err, ...rest } = await sub.ended;
  const told = err.replace(/^subscribed.*\n/, "");
  expectExplained({ ...rest, err: told }, 3, /the session has ended: wamp\.close\.system_shutdown/, /start the command again/);
});

test("with --json, what went wrong is JSON as well", async () => {
  const { code, out, err } = await junctor(["--json", ...here("call", "nobody.home")()]);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(JSON.parse(err)).toEqual({ error: expect.stringContaining("nobody.home"), remedy: expect.any(String) });
});

describe("who is no WAMP client is told in his own language", () => {
  const get = (address: string, path: string, headers: Record<string, string> = {}) =>
    new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const asked = request(`http://${address}${path}`, { headers, agent: false }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => {
          body += text;
        });
        response.on("end", () => resolve({ status: response.statusCode, body }));
      });
      asked.on("error", reject).end();
    });
  const upgrade = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
  };

  test("a browser on the RawSocket port", async () => {
    expect(await get(places.raw, "/")).toEqual({ status: 400, body: expect.stringMatching(/RawSocket, not HTTP\. Use tcp:\/\//) });
  });

  test("a browser on a port that serves no page", async () => {
    expect(await get(places.web, "/")).toEqual({ status: 404, body: expect.stringMatching(/WAMP router\. Connect with a WAMP client/) });
  });

  test("a WebSocket client that offers no subprotocol, or another one (AMB-116)", async () => {
    const told = { status: 400, body: expect.stringContaining("wamp.2.json, wamp.2.msgpack, wamp.2.cbor") };
    expect(await get(places.web, "/ws", upgrade)).toEqual(told);
    expect(await get(places.web, "/ws", { ...upgrade, "Sec-WebSocket-Protocol": "mqtt" })).toEqual(told);
  });

  test("a WebSocket client on another path", async () => {
    const asked = await get(places.web, "/", { ...upgrade, "Sec-WebSocket-Protocol": "wamp.2.json" });
    expect(asked).toEqual({ status: 404, body: expect.stringContaining("WebSocket clients connect to /ws here, not to /") });
  });

  test("a client that speaks neither on a port for both", async () => {
    const socket = createConnection({ host: "127.0.0.1", port: Number(places.json.split(":")[1]) }).setEncoding("utf8");
    let heard = "";
    socket.on("data", (text: string) => {
      heard += text;
    });
    socket.write("EHLO example.com\r\n\r\n");
    await once(socket, "close");
    expect(heard).toMatch(/^HTTP\/1\.1 400 .*This port speaks HTTP and WebSocket: Parse Error: .*\n$/s);
  });
});
