// `sse`: subscriptions as Server-Sent Events, and what a client that comes again has missed.
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect, type Session } from "@junctor/client";
import { Inbox } from "@junctor/testkit";
import { expect, test } from "vitest";
import { Site } from "./site.ts";

const REALM = {
  auth: [{ method: "anonymous", role: "guest" }],
  roles: { guest: { allow: { subscribe: ["com.open.*", "com.kept.*"], call: ["wamp.subscription.get_events"] } } },
  events: { history: [{ topic: "com.kept.*", events: 3 }] },
};

interface Heard {
  readonly id?: string;
  readonly event?: string;
  readonly data: unknown;
}

class Listening {
  readonly response: IncomingMessage;
  readonly events = new Inbox<Heard>();
  readonly comments = new Inbox<string>();

  constructor(response: IncomingMessage) {
    this.response = response;
    let text = "";
    response.setEncoding("utf8");
    response.on("error", () => {});
    response.on("data", (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        this.#take(text.slice(0, end));
        text = text.slice(end + 2);
      }
    });
  }

  #take(block: string): void {
    if (block.startsWith(":")) return this.comments.push(block);
    const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2)));
    if ("data" in fields) this.events.push({ ...fields, data: JSON.parse(fields["data"] ?? "") });
  }

  async next(): Promise<Heard> {
    return this.events.next();
  }
}

class EventSite extends Site {
  publisher!: Session;

  static async open(options: object = {}): Promise<EventSite> {
    const site = new EventSite();
    await site.start({ "/events": { sse: { realm: "app", ...options } } }, {}, { realms: { app: REALM } });
    site.publisher = await connect({ realm: "app", dial: site.server.router.dial(true) });
    return site;
  }

  async listen(query: string, headers: Record<string, string> = {}): Promise<Listening> {
    const asked = request({ host: "127.0.0.1", port: this.port, path: `/events?${query}`, agent: false, headers });
    asked.on("error", () => {});
    asked.end();
    const [response] = await once(asked, "response");
    expect([response.statusCode, response.headers["content-type"]]).toEqual([200, "text/event-stream"]);
    return new Listening(response);
  }

  publish(topic: string, ...args: unknown[]): Promise<number | undefined> {
    return this.publisher.publish(topic, args, {}, { acknowledge: true }) as Promise<number | undefined>;
  }
}

test("each event comes with its topic and arguments, under the id of its publication", async () => {
  await using site = await EventSite.open();
  const listening = await site.listen("topic=com.open.news");
  const id = await site.publisher.publish("com.open.news", ["hello\nworld"], { n: 1 }, { acknowledge: true });
  expect(await listening.next()).toEqual({ id: String(id), data: { topic: "com.open.news", args: ["hello\nworld"], kwargs: { n: 1 } } });
  listening.response.destroy();
});

test("a pattern hears what it matches", async () => {
  await using site = await EventSite.open();
  const prefix = await site.listen("topic=com.open.&match=prefix");
  const wildcard = await site.listen("topic=com.open..state&match=wildcard");
  await site.publish("com.open.door.state", "shut");
  expect((await prefix.next()).data).toMatchObject({ topic: "com.open.door.state" });
  expect((await wildcard.next()).data).toMatchObject({ args: ["shut"] });
  for (const { response } of [prefix, wildcard]) response.destroy();
});

test("whoever comes again gets what it has missed first, and each event once", async () => {
  await using site = await EventSite.open();
  const first = await site.publish("com.kept.log", 1);
  await site.publish("com.kept.log", 2);
  await site.publish("com.kept.log", 3);
  const listening = await site.listen("topic=com.kept.log", { "Last-Event-ID": String(first) });
  await site.publish("com.kept.log", 4);
  const heard = [await listening.next(), await listening.next(), await listening.next()];
  expect(heard.map(({ data }) => (data as { args: unknown[] }).args[0])).toEqual([2, 3, 4]);
  listening.response.destroy();
});

test.each([
  ["the history does not reach back so far", "com.kept.log"],
  ["there is no history", "com.open.log"],
])("a gap is told where %s", async (_why, topic) => {
  await using site = await EventSite.open();
  const first = await site.publish(topic, 1);
  for (const i of [2, 3, 4, 5]) await site.publish(topic, i);
  const listening = await site.listen(`topic=${topic}&lastEventId=${first}`);
  expect(await listening.next()).toEqual({ event: "gap", data: {} });
  await site.publish(topic, 6);
  expect((await listening.next()).data).toMatchObject({ args: [6] });
  listening.response.destroy();
});

test("comments keep the connection", async () => {
  await using site = await EventSite.open({ keepAlive: "1ms" });
  const listening = await site.listen("topic=com.open.news");
  expect(await listening.comments.next()).toBe(": still here");
  listening.response.destroy();
});

test("a client that goes leaves its subscription", async () => {
  await using site = await EventSite.open();
  const left = new Promise((resolve) => void site.publisher.subscribe("wamp.subscription.on_delete", resolve));
  await site.publisher.call("wamp.session.count");
  const listening = await site.listen("topic=com.open.news");
  listening.response.destroy();
  await left;
});

test.each([
  ["/events", 400],
  ["/events?topic=com.open.news&match=regex", 400],
  ["/events?topic=com.secret", 403],
  ["/events?topic=com%20open", 400],
  ["/events/below?topic=com.open.news", 404],
])("%s is answered with %s", async (path, status) => {
  await using site = await EventSite.open();
  expect((await site.ask(path)).status).toBe(status);
});

test("the server ends streams when it ends", async () => {
  const site = await EventSite.open();
  const listening = await site.listen("topic=com.open.news");
  const over = once(listening.response, "end");
  await site[Symbol.asyncDispose]();
  await over;
});
