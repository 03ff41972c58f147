// HTTP long-poll by raw requests: what each is answered with, in what order, and how a client is missed.
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { Router, type RouterEvent } from "@junctor/router";
import { CODECS, Inbox, joinBatch, realmConfig, splitBatch, VirtualClock } from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import { type Listener, LongPoll, type LongPollOptions, listen, type TransportEvent } from "./index.ts";

const HELLO = [1, "realm1", { roles: { subscriber: {}, publisher: {}, caller: {}, callee: {} } }];

/** A router behind long-poll alone. Time moves when the test moves it. */
class Rig implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly log = new Inbox<RouterEvent | TransportEvent>();
  /** Requests that are over, answered or not. */
  readonly closed = new Inbox<string>();
  readonly #waiting: { readonly verb: string; readonly resolve: () => void }[] = [];
  readonly router: Router;
  readonly polls: LongPoll;
  listener!: Listener;
  /** Where requests come from, as a proxy would say it. */
  from: string | undefined = undefined;

  private constructor(options: Partial<LongPollOptions>) {
    this.router = new Router({
      clock: this.clock,
      randomFill: (bytes) => crypto.getRandomValues(bytes),
      log: (event) => this.log.push(event),
    });
    this.clock.wake = () => this.router.wake();
    this.router.addRealm(realmConfig("realm1"));
    this.polls = new LongPoll({
      accept: (connection, info) => this.router.attach(connection, info),
      log: (event) => this.log.push(event),
      now: () => this.clock.now(),
      ...options,
    });
  }

  static async start(options: Partial<LongPollOptions> = {}): Promise<Rig> {
    const rig = new Rig(options);
    rig.listener = await listen({
      kind: "web",
      port: 0,
      accept: () => ({ receive: () => {}, violated: () => {}, lost: () => {} }),
      onRequest: (message, response) => {
        const origin = rig.from === undefined ? undefined : { address: rig.from, isSecure: false, isProxied: true };
        rig.polls.handle(message, response, message.url?.slice(3) ?? "", origin);
        rig.#begun(verbOf(message));
        response.once("close", () => rig.closed.push(verbOf(message)));
      },
    });
    return rig;
  }

  get url(): string {
    return `http://${this.listener.address}/lp`;
  }

  /** Resolves when the server has taken up the next request of this kind: `open`, `receive`, `send`, `close`. */
  until(verb: string): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push({ verb, resolve }));
  }

  #begun(verb: string): void {
    const at = this.#waiting.findIndex((waiting) => waiting.verb === verb);
    if (at >= 0) this.#waiting.splice(at, 1)[0]?.resolve();
  }

  async logged(event: string): Promise<object> {
    for (;;) {
      const entry = await this.log.next();
      if (entry.event === event) return entry;
    }
  }

  advance(ms: number): void {
    this.clock.advance(ms);
    this.polls.tick();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.router.close();
    await this.polls.close(0);
    await this.listener.close(0);
  }
}

function verbOf({ url = "" }: IncomingMessage): string {
  return url.split("?", 1)[0]?.split("/").at(-1) ?? "";
}

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
  readonly body: Buffer;
}

async function post(url: string, body: string | Uint8Array = "", headers: Record<string, string> = {}, method = "POST"): Promise<Answer> {
  const sent = request(url, { method, headers: { Connection: "close", ...headers } });
  sent.end(body);
  const [response] = await once(sent, "response");
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return { status: response.statusCode, type: response.headers["content-type"], text: bytes.toString(), body: bytes };
}

function messageOf({ text }: Answer): unknown[] {
  return JSON.parse(text);
}

class Client {
  readonly base: string;
  readonly headers: Record<string, string>;

  constructor(base: string, headers: Record<string, string>) {
    this.base = base;
    this.headers = headers;
  }

  static async open(rig: Rig, protocol = "wamp.2.json", headers: Record<string, string> = {}): Promise<Client> {
    const { status, text } = await post(`${rig.url}/open`, JSON.stringify({ protocols: [protocol] }), headers);
    expect(status).toBe(200);
    const answer = JSON.parse(text);
    expect(answer.protocol).toBe(protocol);
    return new Client(`${rig.url}/${answer.transport}`, headers);
  }

  static async join(rig: Rig): Promise<Client> {
    const client = await Client.open(rig);
    expect((await client.send(HELLO)).status).toBe(204);
    expect(await client.next(1)).toEqual([2]);
    return client;
  }

  receive(): Promise<Answer> {
    return post(`${this.base}/receive`, "", this.headers);
  }

  /** The first elements of the next message. */
  async next(count: number): Promise<unknown[]> {
    return messageOf(await this.receive()).slice(0, count);
  }

  /** A request to receive; `isHeld` resolves when the server has it. */
  hold(rig: Rig): { readonly answer: Promise<Answer>; readonly isHeld: Promise<void> } {
    return { answer: this.receive(), isHeld: rig.until("receive") };
  }

  send(message: unknown): Promise<Answer> {
    return post(`${this.base}/send`, JSON.stringify(message), this.headers);
  }

  close(): Promise<Answer> {
    return post(`${this.base}/close`, "", this.headers);
  }
}

describe("open (TRN-LP-01, TRN-LP-02)", () => {
  test.each([
    ["wamp.2.json"],
    ["wamp.2.msgpack"],
    ["wamp.2.cbor"],
    ["wamp.2.json.batched"],
    ["wamp.2.msgpack.batched"],
    ["wamp.2.cbor.batched"],
  ])("takes %s", async (protocol) => {
    await using rig = await Rig.start();
    const client = await Client.open(rig, protocol);
    expect(client.base).toMatch(/\/[A-Za-z0-9_-]{32}$/); // [TRN-LP-07]
    expect((await client.close()).status).toBe(204);
  });

  test("takes the first of the client's list that there is", async () => {
    await using rig = await Rig.start();
    const { text } = await post(`${rig.url}/open?x=1`, '{"protocols": ["wamp.2.ubjson", "wamp.2.cbor", "wamp.2.json"]}'); // [TRN-LP-03]
    expect(JSON.parse(text).protocol).toBe("wamp.2.cbor");
    await post(`${rig.url}/${JSON.parse(text).transport}/close?x=2`);
  });

  test.each([
    ["no protocol that there is", '{"protocols": ["wamp.2.flatbuffers"]}', 400],
    ["no protocols", "{}", 400],
    ["protocols that are no list", '{"protocols": "wamp.2.json"}', 400],
    ["protocols that are no names", '{"protocols": [2]}', 400],
    ["no JSON", "wamp.2.json", 400],
    ["nothing", "", 400],
    ["too much", `{"protocols": ["${"x".repeat(5_000)}"]}`, 413],
  ])("refuses %s", async (_what, body, status) => {
    await using rig = await Rig.start();
    expect((await post(`${rig.url}/open`, body)).status).toBe(status);
  });

  test.each<[what: string, path: string, method: string, headers: Record<string, string>, status: number]>([
    ["another method", "/open", "GET", {}, 405],
    ["another path", "/opened", "POST", {}, 404],
    ["the path of a directory", "/open/", "POST", {}, 404],
    ["a form of another page", "/open", "POST", { "Content-Type": "text/plain" }, 415],
    ["a page of another host", "/open", "POST", { Origin: "https://evil.example" }, 403],
    ["a transport that there is not", `/${"A".repeat(32)}/receive`, "POST", {}, 404],
    ["another verb", `/${"A".repeat(32)}/steal`, "POST", {}, 404],
  ])("and refuses %s", async (_what, path, method, headers, status) => {
    await using rig = await Rig.start();
    expect((await post(rig.url + path, method === "POST" ? '{"protocols": ["wamp.2.json"]}' : "", headers, method)).status).toBe(status);
  });

  test("no more of them than the limits of connections say", async () => {
    await using rig = await Rig.start({ limits: { unjoinedPerAddress: 2, limitLoopback: true } });
    const first = await Client.open(rig);
    await Client.open(rig);
    const refused = await post(`${rig.url}/open`, '{"protocols": ["wamp.2.json"]}');
    expect([refused.status, refused.text]).toEqual([503, "Too many connections; try again later (limit.unjoinedPerAddress)"]);
    await first.close();
    await Client.open(rig);
  });
});

test("a page of an origin that is named may use it, and the browser may ask so first (T8)", async () => {
  await using rig = await Rig.start({ origins: ["https://app.example"] });
  const page = { Origin: "https://app.example" };
  const asked = request(`${rig.url}/open`, { method: "OPTIONS", headers: { ...page, Connection: "close" } });
  asked.end();
  const [answer] = await once(asked, "response");
  expect(answer.statusCode).toBe(204);
  expect(answer.headers).toMatchObject({
    "access-control-allow-origin": "https://app.example",
    "access-control-allow-credentials": "true",
    "access-control-allow-headers": "Content-Type",
    vary: "Origin",
  });
  answer.resume();
  const client = await Client.open(rig, "wamp.2.json", page);
  expect((await client.send(HELLO)).status).toBe(204);
  expect((await post(`${rig.url}/open`, "", { Origin: "https://other.example" }, "OPTIONS")).status).toBe(403);
});

test("where requests have to come from one address, others are told nothing (AMB-124)", async () => {
  await using rig = await Rig.start({ bindsAddress: true });
  const client = await Client.join(rig);
  rig.from = "192.0.2.7";
  expect((await client.receive()).status).toBe(404);
  rig.from = undefined;
  expect((await client.send([32, 1, {}, "com.example"])).status).toBe(204);
});

test("a transport is nobody else's: not by another page, not by another browser (T11, AMB-124)", async () => {
  await using rig = await Rig.start();
  const headers = { Origin: `http://${rig.listener.address}`, "User-Agent": "Mozilla/5.0 (Alice)" };
  const alice = await Client.open(rig, "wamp.2.json", headers);
  for (const changed of [{ "User-Agent": "Mozilla/5.0 (Mallory)" }, { Origin: "" }])
    expect((await post(`${alice.base}/receive`, "", { ...headers, ...changed })).status).not.toBe(200);
  expect((await alice.send(HELLO)).status).toBe(204);
  expect(JSON.parse((await alice.receive()).text)[0]).toBe(2);
});

describe("receive", () => {
  test("hands over one message at a time, or all that there are in a batch (TRN-LP-04, TRN-LP-05)", async () => {
    await using rig = await Rig.start();
    const client = await Client.join(rig);
    for (const i of [1, 2, 3]) await client.send([32, i, {}, `com.example.${i}`]);
    for (const i of [1, 2, 3]) expect(await client.next(2)).toEqual([33, i]);

    const batched = await Client.open(rig, "wamp.2.json.batched");
    await post(`${batched.base}/send`, joinBatch([Buffer.from(JSON.stringify(HELLO))], "text"));
    expect(splitBatch((await batched.receive()).body, "text")).toHaveLength(1);
    const requests = [1, 2, 3].map((i) => Buffer.from(JSON.stringify([32, i, {}, `com.example.${i}`])));
    expect((await post(`${batched.base}/send`, joinBatch(requests, "text"))).status).toBe(204);
    const replies = splitBatch((await batched.receive()).body, "text").map((message) => JSON.parse(message.toString()).slice(0, 2));
    expect(replies).toEqual([
      [33, 1],
      [33, 2],
      [33, 3],
    ]);
  });

  test.each(["msgpack", "cbor"] as const)("the same in %s", async (name) => {
    await using rig = await Rig.start();
    const { encode, decode } = CODECS[name];
    const client = await Client.open(rig, `wamp.2.${name}`);
    await post(`${client.base}/send`, encode(HELLO));
    expect(decode((await client.receive()).body)).toMatchObject([2, expect.anything(), {}]);
    const batched = await Client.open(rig, `wamp.2.${name}.batched`);
    await post(`${batched.base}/send`, joinBatch([encode(HELLO)], "binary"));
    await post(`${batched.base}/send`, joinBatch([encode([32, 1, {}, "com.example"]), encode([32, 2, {}, "com.example"])], "binary"));
    const all: unknown[] = [];
    while (all.length < 3) all.push(...splitBatch((await batched.receive()).body, "binary").map((message) => decode(message)));
    expect(all.map((message) => (message as unknown[]).slice(0, 2))).toEqual([
      [2, expect.anything()],
      [33, 1],
      [33, 2],
    ]);
  });

  test("is held for ten seconds, then answered with nothing (AMB-122)", async () => {
    await using rig = await Rig.start();
    const client = await Client.join(rig);
    const empty = client.hold(rig);
    await empty.isHeld;
    rig.advance(9_999);
    rig.advance(1);
    expect(await empty.answer).toMatchObject({ status: 204, text: "" });
  });

  test("a second one completes the first with nothing (AMB-123)", async () => {
    await using rig = await Rig.start();
    const client = await Client.join(rig);
    const first = client.hold(rig);
    await first.isHeld;
    const second = client.hold(rig);
    expect((await first.answer).status).toBe(204);
    await second.isHeld;
    await client.send([32, 1, {}, "com.example"]);
    expect(messageOf(await second.answer).slice(0, 2)).toEqual([33, 1]);
  });

  test("whoever leaves none for thirty seconds is gone; one that is held is a sign of life (AMB-122)", async () => {
    await using rig = await Rig.start({ holdMs: 60_000 });
    const client = await Client.join(rig);
    const held = client.hold(rig);
    await held.isHeld;
    for (let i = 0; i < 6; i++) rig.advance(10_000);
    expect((await held.answer).status).toBe(204);
    rig.advance(29_000);
    rig.advance(1_000);
    expect(await rig.logged("connection.close")).toMatchObject({ reason: "timeout.ping", hadSession: true });
    expect((await client.receive()).status).toBe(404);
  });

  test("one that is given up while it is held takes nothing along", async () => {
    await using rig = await Rig.start();
    const client = await Client.join(rig);
    await rig.closed.until((verb) => verb === "receive");
    const sent = request(`${client.base}/receive`, { method: "POST" });
    sent.on("error", () => {});
    sent.end();
    await rig.until("receive");
    sent.destroy();
    await rig.closed.until((verb) => verb === "receive");
    await client.send([32, 1, {}, "com.example"]);
    expect(await client.next(2)).toEqual([33, 1]);
  });

  test("one that breaks off within its messages ends the connection: nobody knows which arrived", async () => {
    await using rig = await Rig.start({ limits: { messageSize: 32 << 20, queueHard: 64 << 20 } });
    const client = await Client.join(rig);
    await client.send([32, 1, {}, "com.example"]);
    await client.receive();
    await client.send([16, 2, { exclude_me: false }, "com.example", ["x".repeat(16 << 20)]]); // more than sockets hold
    const sent = request(`${client.base}/receive`, { method: "POST" });
    sent.end();
    const [response] = await once(sent, "response");
    response.destroy();
    expect(await rig.logged("connection.close")).toMatchObject({ reason: "transport.lost", hadSession: true });
  });
});

describe("send", () => {
  test("is answered with 202 where that is wanted (AMB-121)", async () => {
    await using rig = await Rig.start({ status: 202 });
    const client = await Client.open(rig);
    expect((await client.send(HELLO)).status).toBe(202);
    expect((await client.close()).status).toBe(202);
  });

  test("is dealt with in the order of the requests, whichever body is there first (TRN-LP-06)", async () => {
    await using rig = await Rig.start();
    const client = await Client.join(rig);
    const slow = request(`${client.base}/send`, { method: "POST" });
    slow.write("[32, 1, {}, ");
    await rig.until("send");
    const quick = client.send([32, 2, {}, "com.example.two"]);
    await rig.until("send");
    slow.end('"com.example.one"]');
    expect((await quick).status).toBe(204);
    expect(await client.next(2)).toEqual([33, 1]);
    expect(await client.next(2)).toEqual([33, 2]);
  });

  test("ends the session over what is no message, after what came before it (AMB-123)", async () => {
    await using rig = await Rig.start();
    const client = await Client.open(rig, "wamp.2.json.batched");
    const batch = [HELLO, [32, 1, {}, "com.example"], [32]].map((message) => Buffer.from(JSON.stringify(message)));
    expect((await post(`${client.base}/send`, joinBatch(batch, "text"))).status).toBe(400);
    const answers = splitBatch((await client.receive()).body, "text").map((message) => JSON.parse(message.toString()));
    expect(answers).toMatchObject([
      [2, expect.anything(), {}],
      [33, 1, expect.anything()],
      [3, {}, "wamp.error.protocol_violation"],
    ]);
    expect((await client.receive()).status).toBe(410); // [AMB-122]
    expect((await client.send([32, 2, {}, "com.example"])).status).toBe(410);
    expect((await client.close()).status).toBe(204);
    expect((await client.receive()).status).toBe(404);
  });

  test("takes no message that is too long", async () => {
    await using rig = await Rig.start();
    const client = await Client.open(rig);
    expect((await post(`${client.base}/send`, Buffer.alloc(20_000))).status).toBe(413); // before WELCOME
    expect((await client.send(HELLO)).status).toBe(204);
    expect((await client.send([16, 1, {}, "com.example", ["x".repeat(20_000)]])).status).toBe(204);
    expect((await post(`${client.base}/send`, Buffer.alloc((1 << 20) + 1))).status).toBe(413);
  });

  test("waits while the client leaves its replies (G6)", async () => {
    await using rig = await Rig.start({ limits: { replyHighMark: 4_000, queueHard: 1 << 20 } });
    const client = await Client.join(rig);
    let answered = 0;
    const sends: Promise<void>[] = [];
    for (let i = 1; i <= 60; i++) {
      sends.push(
        client.send([32, i, {}, `com.example.${i}`]).then(() => {
          answered++;
        }),
      );
      await rig.until("send");
    }
    const replies: number[] = [];
    while (replies.length < 60) replies.push(JSON.parse((await client.receive()).text)[1]);
    await Promise.all(sends);
    expect(answered).toBe(60);
    expect(replies).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
  });

  test("refuses a crowd of requests at once", async () => {
    await using rig = await Rig.start();
    const client = await Client.join(rig);
    const slow = request(`${client.base}/send`, { method: "POST" });
    slow.on("error", () => {});
    slow.write("[");
    await rig.until("send");
    for (let i = 1; i < 64; i++) {
      void client.send([32, i, {}, "com.example"]).catch(() => {});
      await rig.until("send");
    }
    expect((await client.send([32, 64, {}, "com.example"])).status).toBe(429);
    slow.destroy();
  });
});

describe("the end (TRN-LP-08)", () => {
  test("GOODBYE is answered, and then the client closes", async () => {
    await using rig = await Rig.start();
    const client = await Client.join(rig);
    await client.send([6, {}, "wamp.close.close_realm"]);
    expect(await client.next(3)).toEqual([6, {}, "wamp.close.goodbye_and_out"]);
    expect((await client.close()).status).toBe(204);
    expect(await rig.logged("connection.close")).toMatchObject({ hadSession: true });
  });

  test("a client that closes at once leaves its session, and what it held is over", async () => {
    await using rig = await Rig.start();
    const client = await Client.join(rig);
    const held = client.hold(rig);
    await held.isHeld;
    expect((await client.close()).status).toBe(204);
    expect((await held.answer).status).toBe(410);
    expect(await rig.logged("session.close")).toMatchObject({ reason: "transport.closed" });
  });

  test("the router's own is fetched like anything else, and what is not fetched is cut", async () => {
    await using rig = await Rig.start();
    const client = await Client.join(rig);
    rig.router.close();
    expect(await client.next(3)).toMatchObject([6, {}, "wamp.close.system_shutdown"]);
    const closed = rig.polls.close(0);
    await closed;
    expect([...rig.polls.connections]).toEqual([]);
    expect((await post(`${rig.url}/open`, '{"protocols": ["wamp.2.json"]}')).status).toBe(503);
  });
});
