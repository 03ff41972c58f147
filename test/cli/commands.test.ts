// What the commands do: call, pub, sub and register, over every transport and serializer, as processes.
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { ApplicationError, connect, Result, type Session } from "@junctor/client";
import { POWERS } from "@junctor/router";
import { Inbox, TEST_CERTIFICATE, TEST_KEY } from "@junctor/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Folder, junctor, Running } from "./junctor.ts";
import { SilentServer } from "./silent-server.ts";

const folder = new Folder();
const certificate = folder.file("cert.pem");
writeFileSync(certificate, TEST_CERTIFICATE);
writeFileSync(folder.file("key.pem"), TEST_KEY);
const open =
  "{auth: [{method: anonymous, role: all}], roles: {all: {allow: {call: ['*'], register: ['*'], publish: ['*'], subscribe: ['*']}}}}";
writeFileSync(
  folder.file("config.yaml"),
  `version: 1
listen:
  - {type: universal, port: 0}
  - {type: universal, port: 0, tls: {cert: ${certificate}, key: ${folder.file("key.pem")}}}
  - {type: rawsocket, path: ${folder.file("raw.sock")}}
realms: {app: ${open}}
log: {format: json}
`,
);
writeFileSync(
  folder.file("unread.yaml"),
  `{version: 1, listen: [{type: rawsocket, port: 0}], realms: {app: ${open}}, log: {format: json}, state: unread}`,
);

let router: Running;
let urls: Readonly<Record<string, string>>;
let url: string;
/** Another client of the same router. */
let peer: Session;
beforeAll(async () => {
  router = new Running(["start", "-c", folder.file("config.yaml")]);
  const plain = await router.printed(/"address":"([^"]*)","tls":false/);
  const tls = await router.printed(/"address":"([^"]*)","tls":true/);
  await router.printed(/server\.ready/);
  url = `tcp://${plain}`;
  urls = { ws: `ws://${plain}/ws`, wss: `wss://${tls}/ws`, tcp: url, tls: `tls://${tls}`, unix: `unix:${folder.file("raw.sock")}` };
  peer = await connect({ url, realm: "app" });
  await peer.register("echo", ({ args, kwargs }) => new Result(args, kwargs));
});
afterAll(async () => {
  await peer.leave();
  await router[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

const at = (...args: string[]) => ["--url", url, "--realm", "app", ...args];
/** What a peer may send to take over a terminal: colours, a cleared screen in C0 and C1, a title, text from right to left. */
const HOSTILE = "\u001b[31m\u009b2J\u001b]0;title\u0007\r\u0008\u202eevil";
// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

describe.each(["ws", "wss", "tcp", "tls", "unix"])("over %s", (kind) => {
  test.each(["json", "msgpack", "cbor"])("call speaks %s", async (ser) => {
    const options = ["--url", urls[kind] ?? "", "--realm", "app", "--ser", ser];
    const args = ["call", "echo", "1", "two", '{"three": [3.5, null, "ü"]}'];
    const outcome = await junctor([...options, ...args], { env: { NODE_EXTRA_CA_CERTS: certificate } });
    expect(outcome).toEqual({ code: 0, out: '1 "two" {"three":[3.5,null,"ü"]}\n', err: "" });
  });
});

describe("values on the command line", () => {
  const echoed = async (...args: string[]) => {
    const { code, out, err } = await junctor(at("--json", "call", "echo", ...args));
    expect({ code, err }).toEqual({ code: 0, err: "" });
    return out.trimEnd();
  };

  test("are JSON where they are JSON, and text otherwise", async () => {
    const text = ["x", "01", "1 2", "nul", "[1", "", "a=b", "it's"];
    const json = ["1", "-2.5", "true", "null", '"1"', '["a",{"b":[]}]', " 7 "];
    expect(JSON.parse(await echoed(...text, ...json))).toEqual({
      args: [...text, 1, -2.5, true, null, "1", ["a", { b: [] }], 7],
      kwargs: {},
    });
  });

  test("keep 64-bit integers, and take bytes as WAMP writes them in JSON", async () => {
    expect(await echoed("9007199254740993", "18446744073709551615", '"\\u0000aGVsbG8="')).toBe(
      '{"args":[9007199254740993,18446744073709551615,"\\u0000aGVsbG8="],"kwargs":{}}',
    );
  });

  test("that start with - stand behind --", async () => {
    expect(JSON.parse(await echoed("--", "-x", "--json"))).toEqual({ args: ["-x", "--json"], kwargs: {} });
  });

  test("have names with -k, whatever the name", async () => {
    expect(await echoed("-k", "a=1", "-k", "b=x=y", "--kwarg", "__proto__=[]", "-k", "c=")).toBe(
      '{"args":[],"kwargs":{"a":1,"b":"x=y","__proto__":[],"c":""}}',
    );
  });
});

test("call prints a text as it is, several values as JSON on one line, and nothing for nothing", async () => {
  expect((await junctor(at("call", "echo", "two\nlines"))).out).toBe("two\nlines\n");
  expect((await junctor(at("call", "echo", "two\nlines", "7", "-k", "a=b"))).out).toBe('"two\\nlines" 7 a="b"\n');
  expect((await junctor(at("call", "echo"))).out).toBe("\n");
});

test("call --progress prints progressive results as they come", async () => {
  const registration = await peer.register("count", ({ progress }) => {
    progress?.([1]);
    progress?.([2]);
    return 3;
  });
  expect(await junctor(at("call", "count", "--progress"))).toEqual({ code: 0, out: "1\n2\n3\n", err: "" });
  expect(await junctor(at("call", "count"))).toEqual({ code: 0, out: "3\n", err: "" });
  await registration.unregister();
});

test("an error of the callee is printed with all that came with it", async () => {
  const registration = await peer.register("fail", () => {
    throw new ApplicationError("com.app.error", ["the door is shut", 2n ** 63n], { door: 3 });
  });
  const { code, out, err } = await junctor(at("call", "fail"));
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toMatch(/^✗ com\.app\.error: the door is shut 9223372036854775808 door=3\n {2}\S/);
  await registration.unregister();
});

test("pub publishes, and says nothing but with --json", async () => {
  const events: unknown[] = [];
  const subscription = await peer.subscribe("news", ({ args, kwargs }) => void events.push([args, kwargs]));
  expect(await junctor(at("pub", "news", "1", "x", "-k", "a=2"))).toEqual({ code: 0, out: "", err: "" });
  expect(events).toEqual([[[1, "x"], { a: 2 }]]);
  expect(JSON.parse((await junctor(at("pub", "news", "--json"))).out)).toEqual({ publication: expect.any(Number) });
  await subscription.unsubscribe();
});

describe("sub", () => {
  test("prints one event a line as it comes, and ends on Ctrl-C with 0", async () => {
    await using sub = new Running(at("sub", "news"));
    await sub.printed(/subscribed to news/);
    await peer.publish("news", ["two\nlines"]);
    await sub.printed(/^\d\d:\d\d:\d\d\.\d{3} news two\\nlines\n/);
    await peer.publish("news", [1, "x"], { a: null });
    await sub.printed(/news 1 "x" a=null\n/);
    sub.signal("SIGINT");
    const { code, out } = await sub.ended;
    expect({ code, lines: out.split("\n").length }).toEqual({ code: 0, lines: 3 });
  });

  test("takes patterns, prints all of an event with --json, and ends after --count", async () => {
    await using sub = new Running(at("sub", "news.", "--match", "prefix", "--json", "--count", "2"));
    await sub.printed(/subscribed/);
    await peer.publish("news.a", ["x"]);
    await peer.publish("news.b", [], { n: 1 });
    await peer.publish("news.c", ["one too many"]);
    const { code, out } = await sub.ended;
    expect(code).toBe(0);
    expect(
      out
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { topic: "news.a", publication: expect.any(Number), args: ["x"], kwargs: {}, details: expect.any(Object) },
      { topic: "news.b", publication: expect.any(Number), args: [], kwargs: { n: 1 }, details: expect.any(Object) },
    ]);
  });

  test("ends quietly when nobody reads it any more", async () => {
    await using sub = new Running(at("sub", "news"));
    await sub.printed(/subscribed/);
    sub.stopReading();
    const publishing = setInterval(() => void peer.publish("news", ["x".repeat(1_000)]), 5);
    const { code, err } = await sub.ended;
    clearInterval(publishing);
    expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/^subscribed to news; Ctrl-C ends\n$/) });
  });

  test("ends on SIGTERM with 0 as well, and while it still connects", async () => {
    await using sub = new Running(at("sub", "news"));
    await sub.printed(/subscribed/);
    sub.signal("SIGTERM");
    expect((await sub.ended).code).toBe(0);
    await using silent = await SilentServer.start();
    await using waiting = new Running(["--url", `tcp://${silent.address}`, "sub", "news"]);
    await silent.connected;
    waiting.signal("SIGINT");
    expect(await waiting.ended).toEqual({ code: 0, out: "", err: "" });
  });
});

describe("register", () => {
  test("--echo answers with the arguments, tells of each call, and ends on Ctrl-C with 0", async () => {
    await using callee = new Running(at("register", "mirror", "--echo"));
    await callee.printed(/registered mirror/);
    expect((await junctor(at("--json", "call", "mirror", "1", "-k", "a=2"))).out).toBe('{"args":[1],"kwargs":{"a":2}}\n');
    await callee.printed(/mirror 1 a=2\n/);
    callee.signal("SIGINT");
    expect((await callee.ended).code).toBe(0);
    expect((await junctor(at("call", "mirror"))).err).toContain("wamp.error.no_such_procedure");
  });

  test("--reply answers with a fixed value", async () => {
    await using callee = new Running(at("register", "fixed", "--reply", '{"ok": [true, 9007199254740993]}'));
    await callee.printed(/registered/);
    expect((await junctor(at("call", "fixed"))).out).toBe('{"ok":[true,9007199254740993]}\n');
  });

  test("--exec answers with what a command makes of the arguments, and with an error where it fails", async () => {
    const program = `node -e '
      const { args, kwargs } = JSON.parse(require("fs").readFileSync(0, "utf8"));
      if (kwargs.fail) { console.error("no way"); process.exit(7); }
      console.log(JSON.stringify(args.toReversed()));'`;
    await using callee = new Running(at("register", "reverse", "--exec", program));
    await callee.printed(/registered/);
    expect((await junctor(at("call", "reverse", "1", "2", "3"))).out).toBe("[3,2,1]\n");
    const failed = await junctor(at("call", "reverse", "-k", "fail=true"));
    expect(failed.code).toBe(1);
    expect(failed.err).toContain("junctor.error.command_failed: the command ended with exit code 7 no way");
  });

  test("--exec ends a command with all that it has started when the call is cancelled, and when the callee is stopped", async () => {
    // A child of the shell, which is gone when its connection is.
    const started = new Inbox<Socket>();
    const server = createServer((socket) => started.push(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const program = `node -e 'require("net").connect(${port}, "127.0.0.1").resume()'; true`;
    await using callee = new Running(at("register", "long", "--exec", program));
    await callee.printed(/registered/);
    const gone = async (end: () => void) => {
      const socket = await started.next();
      socket.resume();
      const closed = once(socket, "close");
      end();
      await closed;
    };
    const cancelling = new AbortController();
    const cancelled = expect(peer.call("long", [], {}, { signal: cancelling.signal })).rejects.toThrow();
    await gone(() => cancelling.abort());
    await cancelled;
    const stopped = expect(peer.call("long")).rejects.toThrow();
    await gone(() => callee.signal("SIGINT"));
    await stopped;
    expect((await callee.ended).code).toBe(0);
    server.close();
  });

  test("--invoke shares a procedure among several", async () => {
    const options = ["shared", "--invoke", "roundrobin", "--reply"];
    await using first = new Running(at("register", ...options, "1"));
    await using second = new Running(at("register", ...options, "2"));
    await Promise.all([first.printed(/registered/), second.printed(/registered/)]);
    const answers = [await junctor(at("call", "shared")), await junctor(at("call", "shared"))].map(({ out }) => out);
    expect(answers.sort()).toEqual(["1\n", "2\n"]);
  });
});

test("Ctrl-C cancels a call that waits, and says so with 130", async () => {
  let cancelled: Promise<unknown> = Promise.resolve();
  const called = new Promise<void>((resolve) => {
    void peer.register("slow", ({ signal }) => {
      cancelled = new Promise((cancel) => signal.addEventListener("abort", cancel));
      resolve();
      return new Promise(() => {});
    });
  });
  await using call = new Running(at("call", "slow"));
  await called;
  call.signal("SIGINT");
  expect(await call.ended).toEqual({ code: 130, out: "", err: "✗ interrupted\n" });
  await cancelled;
});

describe("nothing that a peer sends steers the terminal (T34)", () => {
  test.each([[[]], [["--json"]]])("in results %j", async (options) => {
    const { code, out } = await junctor(at(...options, "call", "echo", HOSTILE, "-k", `${HOSTILE}=${HOSTILE}`));
    expect(code).toBe(0);
    expect(out).toContain("evil");
    expect(out).not.toMatch(STEERING);
    if (options.length > 0) expect(JSON.parse(out)).toEqual({ args: [HOSTILE], kwargs: { [HOSTILE]: HOSTILE } });
  });

  test("in errors", async () => {
    const registration = await peer.register("hostile", () => {
      throw new ApplicationError(`com.app.${HOSTILE.replace(/\s/g, "")}`, [HOSTILE], { [HOSTILE]: HOSTILE });
    });
    const { code, err } = await junctor(at("call", "hostile"));
    expect(code).toBe(1);
    expect(err).toContain("evil");
    expect(err).not.toMatch(STEERING);
    await registration.unregister();
  });

  test("in events and their topics, and in what a callee is told", async () => {
    const uri = `a.${HOSTILE.replace(/\s/g, "")}`;
    await using sub = new Running(at("sub", "a.", "--match", "prefix", "--count", "1"));
    await using callee = new Running(at("register", uri, "--echo"));
    await Promise.all([sub.printed(/subscribed/), callee.printed(/registered/)]);
    await peer.publish(uri, [HOSTILE]);
    await peer.call(uri, [HOSTILE]);
    expect((await sub.ended).out).toMatch(/evil.*evil\n$/);
    callee.signal("SIGINT");
    const { out, err } = await callee.ended;
    expect(err).toMatch(/evil.*evil\n$/);
    expect((await sub.ended).out + (await sub.ended).err + out + err).not.toMatch(STEERING);
  });
});

test("start goes on when nobody reads its log any more, and ends on SIGTERM", async () => {
  await using started = new Running(["start", "-c", folder.file("unread.yaml")]);
  const address = await started.printed(/"address":"([^"]*)"/);
  await started.printed(/server\.ready/);
  started.stopReading();
  for (let i = 0; i < 3; i++) {
    const { code, err } = await junctor(["--url", `tcp://${address}`, "--realm", "app", "call", "wamp.session.count"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
  }
  started.signal("SIGTERM");
  expect(await started.ended).toMatchObject({ code: 0, err: "" });
});

test("under dev, whoever joins may use all of the meta API, powers over other sessions among it (AMB-97)", async () => {
  await using dev = new Running(["dev", "--port", "0", "--realm", "app"]);
  const address = await dev.printed(/http:\/\/([^/]+)\//);
  await using anyone = await connect({ url: `ws://${address}/ws`, realm: "app" });
  for (const power of POWERS) {
    const answer = await anyone.call(power, ["nobody"]).catch((error: unknown) => error);
    if (answer instanceof ApplicationError) expect([power, answer.uri]).not.toEqual([power, "wamp.error.not_authorized"]);
    else expect([power, answer]).toEqual([power, expect.any(Result)]);
  }
  expect((await anyone.call("wamp.session.count")).value).toBeGreaterThan(0);
});

test("files are there for GET and HEAD, and for nothing else", async () => {
  mkdirSync(folder.file("public"));
  writeFileSync(folder.file("public", "hello.txt"), "hello\n");
  await using dev = new Running(["dev", "--port", "0", "--static", folder.file("public")]);
  const url = `http://${await dev.printed(/http:\/\/([^/]+)\//)}/hello.txt`;
  const statusOf = async (method: string) => (await fetch(url, { method })).status;
  expect([await statusOf("GET"), await statusOf("HEAD"), await statusOf("POST"), await statusOf("DELETE")]).toEqual([200, 200, 405, 405]);
});

describe.runIf(process.platform === "linux")("where there is no room for it", () => {
  const into = (redirection: string) => ({ through: ["sh", "-c", `exec "$@" ${redirection}`, "sh"] });

  test("output is an error of one line", async () => {
    expect(await junctor(at("call", "echo", "1"), into(">/dev/full"))).toMatchObject({
      code: 1,
      err: "✗ cannot write the output: the disk is full\n",
    });
  });

  test("what is said beside the output is left out", async () => {
    await using sub = new Running(at("sub", "news", "--count", "1"), into("2>/dev/full"));
    const publishing = setInterval(() => void peer.publish("news", ["x"]), 20);
    const { code, out } = await sub.ended;
    clearInterval(publishing);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/x\n$/) });
  });
});

test("register --exec answers many calls at once, without a warning", async () => {
  await using callee = new Running(at("register", "many", "--exec", "cat"));
  await callee.printed(/registered/);
  await Promise.all(Array.from({ length: 12 }, (_, i) => peer.call("many", [i])));
  callee.signal("SIGINT");
  expect((await callee.ended).err).not.toContain("Warning");
});
