/** Debian's Chromium, with a profile of its own that goes with the test. */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const PROGRAMS = [process.env["JUNCTOR_CHROMIUM"] ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const program = PROGRAMS.find((path) => path !== "" && existsSync(path));

/** Whether tests that need it are to be skipped; where CI lacks it they fail. */
export const isMissing = program === undefined && process.env["CI"] === undefined;
if (isMissing) console.log("skipped: there is no Chromium. Install it (apt-get install chromium) or name one in JUNCTOR_CHROMIUM");

export function startChromium(): Promise<Browser> {
  if (program === undefined) throw new Error("there is no Chromium: .ci/install installs it");
  const quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  return chromium.launch({ executablePath: program, args: ["--headless", "--no-sandbox", "--disable-gpu", ...quiet] });
}

/** What a page complains about: errors, failed requests, violations of its policy. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  return complaints;
}
