// The page of junctor dev, and what it offers to pages of one's own.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Running } from "../cli/junctor.ts";
import { complaintsOf, isMissing, startChromium } from "./chromium.ts";

let browser: Browser;
let dev: Running;
let url: string;
beforeAll(async () => {
  if (isMissing) return;
  dev = new Running(["dev", "--port", "0"]);
  url = await dev.printed(/http:\/\/\S+\//);
  browser = await startChromium();
});
afterAll(async () => {
  if (isMissing) return;
  await browser.close();
  await dev[Symbol.asyncDispose]();
});

describe.skipIf(isMissing)("the page of junctor dev", () => {
  test("connects, shows the ticks and calls the procedure, and nothing it does breaks its own policy", async () => {
    const page = await browser.newPage();
    const complaints = complaintsOf(page);
    await page.goto(url);
    await page.getByRole("status").getByText("connected to realm dev as anonymous").waitFor();
    await page.getByLabel("Last ticks").getByRole("listitem").nth(1).waitFor();
    expect(await page.getByLabel("Last ticks").getByRole("listitem").allInnerTexts()).toEqual(
      expect.arrayContaining([expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)]),
    );
    await page.getByLabel("first number").fill("2.5");
    await page.getByLabel("second number").fill("40");
    await page.getByRole("button", { name: "call" }).click();
    await page.getByText("= 42.5").waitFor();
    await page.getByLabel("first number").fill("");
    await page.getByRole("button", { name: "call" }).click();
    await page.getByText("wamp.error.invalid_argument: demo.add adds numbers").waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("offers a program that works in any page, wherever that comes from", async () => {
    const page = await browser.newPage();
    await page.goto(url);
    const program = await page.locator("#page-snippet").textContent();
    await using elsewhere = await Site.serving(`<!doctype html><title>mine</title>${program}`);
    const complaints = complaintsOf(page);
    const printed: string[] = [];
    const done = new Promise<void>((resolve) => {
      page.on("console", (message) => {
        printed.push(message.text());
        if (printed.length === 2) resolve();
      });
    });
    await page.goto(elsewhere.url);
    await done;
    expect(printed).toEqual(expect.arrayContaining(["5", expect.stringMatching(/^\d{4}-\d\d-\d\dT/)]));
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("is told when the router goes, and works again when it is back and the page is loaded again", async () => {
    await using first = new Running(["dev", "--port", "0"]);
    const address = await first.printed(/http:\/\/(\S+)\//);
    const page = await browser.newPage();
    await page.goto(`http://${address}/`);
    await page.getByText("connected to realm dev").waitFor();
    first.signal("SIGTERM");
    await page.getByText(/the session has ended: wamp\.close\.system_shutdown\. Reload the page/).waitFor();
    expect((await first.ended).code).toBe(0);
    await using _second = new Running(["dev", "--port", address.split(":")[1] ?? ""]);
    await _second.printed(/junctor is ready/);
    await page.reload();
    await page.getByText("connected to realm dev").waitFor();
    await page.close();
  });

  test("shows the name of any realm, and takes none for markup", async () => {
    const realm = `a"><img/src=x>&'\${0}`;
    await using odd = new Running(["dev", "--port", "0", "--realm", realm]);
    const page = await browser.newPage();
    const complaints = complaintsOf(page);
    await page.goto(await odd.printed(/http:\/\/\S+\//));
    await page.getByText(`connected to realm ${realm} as`).waitFor();
    expect(await page.locator("#snippet").textContent()).toContain(`realm: ${JSON.stringify(realm)}`);
    expect(await page.locator("img").count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.close();
  });
});

/** Some other site with one page. */
class Site implements AsyncDisposable {
  readonly #server: ReturnType<typeof createServer>;

  private constructor(html: string) {
    this.#server = createServer((request, response) => {
      response.writeHead(request.url === "/" ? 200 : 204, { "Content-Type": "text/html; charset=utf-8" });
      response.end(request.url === "/" ? html : undefined);
    });
  }

  static async serving(html: string): Promise<Site> {
    const site = new Site(html);
    await new Promise<void>((resolve) => site.#server.listen(0, "127.0.0.1", resolve));
    return site;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
