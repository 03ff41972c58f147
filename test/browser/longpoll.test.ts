// HTTP long-poll in a browser: Autobahn|JS's own transport and our client's, against the router (requirements 9.4, AMB-121).
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect, Result, type Session } from "@junctor/client";
import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Folder, Running } from "../cli/junctor.ts";
import { commandOf } from "../interop/peers/install.mjs";
import { isMissing, startChromium } from "./chromium.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const hasNoPeers = commandOf("node.js", "autobahn") === undefined && process.env["CI"] === undefined;
if (hasNoPeers) console.log("skipped: Autobahn|JS in a browser. Install it with: bash .ci/install interop_peers");
const isSkipped = isMissing || hasNoPeers;

/** What both clients do in the page, and what came of it. */
interface Story {
  readonly sum: unknown;
  readonly answered: unknown;
  readonly events: readonly unknown[];
}
declare const stories: Readonly<Record<string, (url: string) => Promise<Story>>>;

const PAGE = `
import autobahn from "autobahn";
import { connect } from "@junctor/client";
import { longPoll } from "@junctor/client/longpoll";

const seven = (heard) => new Promise((resolve) => { const events = []; heard((value) => events.push(value) === 7 && resolve(events)); });

globalThis.stories = {
  autobahn: (url) => new Promise((resolve, reject) => {
    const connection = new autobahn.Connection({ realm: "app", max_retries: 0, transports: [{ type: "longpoll", url }] });
    let story;
    connection.onopen = async (session) => {
      try {
        await session.register("page.echo", (args) => args[0]);
        let heard;
        const events = seven((each) => { heard = each; });
        await session.subscribe("test.ticks", (args) => heard(args[0]));
        const sum = await session.call("test.add", [2, 3]);
        const answered = await session.call("test.ask", [{ of: "the page" }]);
        await session.call("test.tick", [7]);
        story = { sum, answered, events: await events };
      } catch (error) { reject(new Error(JSON.stringify(error))); }
      connection.close();
    };
    connection.onclose = (reason, details) => { if (story) resolve(story); else reject(new Error(reason + " " + JSON.stringify(details))); };
    connection.open();
  }),
  junctor: async (url) => {
    const session = await connect({ realm: "app", dial: longPoll(url) });
    await session.register("page.echo", ({ args }) => args[0]);
    let heard;
    const events = seven((each) => { heard = each; });
    await session.subscribe("test.ticks", ({ args }) => heard(args[0]));
    const sum = (await session.call("test.add", [2, 3])).value;
    const answered = (await session.call("test.ask", [{ of: "the page" }])).value;
    await session.call("test.tick", [7]);
    const story = { sum, answered, events: await events };
    await session.leave();
    return story;
  },
};
`;

const folder = new Folder();
let browser: Browser;
let router: Running;
let address = "";
let peer: Session;

beforeAll(async () => {
  if (isSkipped) return;
  mkdirSync(folder.file("public"));
  writeFileSync(folder.file("app.mjs"), PAGE);
  // Of Node.js, and unused with JSON: left out of the page.
  writeFileSync(folder.file("nothing.cjs"), "");
  const nothing = Object.fromEntries(["cbor", "msgpack5", "fs"].map((name) => [name, folder.file("nothing.cjs")]));
  await build({
    entryPoints: [folder.file("app.mjs")],
    outfile: folder.file("public", "app.js"),
    bundle: true,
    format: "esm",
    platform: "browser",
    alias: nothing,
    define: { global: "globalThis" },
    nodePaths: [join(root, "node_modules"), join(root, "test/interop/peers/js/node_modules")],
    logLevel: "error",
  });
  writeFileSync(folder.file("public", "index.html"), '<!doctype html><title>test</title><script type="module" src="/app.js"></script>');
  const everything = 'call: ["*"], register: ["*"], publish: ["*"], subscribe: ["*"]';
  writeFileSync(
    folder.file("config.yaml"),
    `version: 1
listen: [{type: universal, port: 0}]
web: {/: {static: ./public}, /lp: {longpoll: true}}
realms: {app: {auth: [{method: anonymous, role: all}], roles: {all: {allow: {${everything}}}}}}
log: {format: json}
`,
  );
  router = new Running(["start", "-c", folder.file("config.yaml")]);
  address = await router.printed(/"address":"([^"]*)","tls":false/);
  peer = await connect({ url: `tcp://${address}`, realm: "app" });
  await peer.register("test.add", ({ args: [a, b] }) => Number(a) + Number(b));
  await peer.register("test.ask", async ({ args }) => new Result([(await peer.call("page.echo", args)).value]));
  await peer.register("test.tick", ({ args: [count] }) => {
    for (let i = 1; i <= Number(count); i++) peer.publish("test.ticks", [i]);
  });
  browser = await startChromium();
});

afterAll(async () => {
  if (isSkipped) return;
  await browser?.close();
  await peer?.leave();
  await router?.[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function open(): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(`http://${address}/`);
  await page.waitForFunction(() => "stories" in globalThis);
  return page;
}

describe.skipIf(isSkipped)("over HTTP long-poll", () => {
  test.each(["autobahn", "junctor"])("%s calls, is called, and hears events in their order (TRN-LP-01, TRN-LP-06)", async (client) => {
    const page = await open();
    const story = await page.evaluate(([name, url]) => stories[name as string]?.(url as string), [client, `http://${address}/lp`]);
    expect(story).toEqual({ sum: 5, answered: { of: "the page" }, events: [1, 2, 3, 4, 5, 6, 7] });
    await page.close();
  });
});
