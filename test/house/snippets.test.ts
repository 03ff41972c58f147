// What the documentation shows, works. All `ts` and `js` blocks of a page are one program, in their order; it is
// type-checked and run against `junctor dev`. The lines of `sh` blocks are performed one by one. YAML is a configuration
// that loads, JSON parses. A block marked `ts server` is a program of its own, run against a server with the YAML before it.
// `→` in a comment says what is printed, `…` stands for anything:
//
//     console.log(value); // → 5
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "node:util";
import { TEST_CERTIFICATE, TEST_KEY } from "@junctor/testkit";
import { TestAccount, type TestCertificate } from "@junctor/testkit/test-chain";
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from "jose";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parseConfig } from "../../packages/server/src/config/load.ts";
import { limitsOf } from "../../packages/server/src/config/schema.ts";
import { startServer } from "../../packages/server/src/server.ts";
import { Commands, commandsOf } from "./commands.ts";
import { DevRouter } from "./dev-router.ts";
import { pages, read, root } from "./files.ts";
import { LANGUAGES } from "./languages.ts";
import { blocksOf } from "./markdown.ts";

/** Where `junctor dev` listens when nobody says otherwise, as the pages write it. */
const ADDRESS = /\b127\.0\.0\.1:8080\b/g;
const PROGRAMS = join(root, ".cache/snippets");

const blocks = pages.flatMap((page) => blocksOf(read(page)).map((block) => ({ page, name: `${page}:${block.line}`, ...block })));
const inLanguage = (...languages: string[]) => blocks.filter(({ language }) => languages.includes(language));

/** One per page: its blocks at the lines at which they stand there, so that an error names the right one. */
const programs = pages.flatMap((page) => {
  const parts = inLanguage("ts", "js").filter((block) => block.page === page && !block.flags.includes("server"));
  if (parts.length === 0) return [];
  const lines: string[] = [];
  for (const { code, line } of parts) lines.push(...Array<string>(line - 1 - lines.length).fill(""), ...code.split("\n"));
  return [{ page, file: join(PROGRAMS, `${page.replace(/[/.]/g, "-")}.ts`), code: `${lines.join("\n")}\nexport {};\n` }];
});

/** Each with the configuration that stands before it on its page. */
const withServer = inLanguage("ts")
  .filter(({ flags }) => flags.includes("server"))
  .map(({ page, name, line, code }) => {
    const config = inLanguage("yaml").findLast((block) => block.page === page && block.line < line)?.code ?? "";
    const file = join(PROGRAMS, `${name.replace(/[/.:]/g, "-")}.ts`);
    return { page, name, file, config, code: `${"\n".repeat(line - 1)}${code}\nexport {};\n` };
  });
/** What the pages' configurations name, beside them. */
const FILES = join(PROGRAMS, "files");
/** What their references to the environment stand for. */
const ENVIRONMENT = { PORT: "8080", JOE_TICKET: "open sesame" };
const FILE = /(?<=["\s])\.\/(?=[\w.]+)/g;

let router: DevRouter;
beforeAll(async () => {
  router = await DevRouter.start();
  rmSync(PROGRAMS, { recursive: true, force: true });
  mkdirSync(PROGRAMS, { recursive: true });
  for (const { file, code } of programs) writeFileSync(file, code.replace(ADDRESS, router.address));
  mkdirSync(FILES);
  writeFileSync(join(FILES, "server.pem"), TEST_CERTIFICATE);
  writeFileSync(join(FILES, "server.key"), TEST_KEY);
  writeFileSync(join(FILES, "devices.pem"), TEST_CERTIFICATE);
  writeFileSync(join(FILES, "greeter.js"), "");
  writeFileSync(join(FILES, "device.json"), JSON.stringify(deviceCertificates()));
  const { publicKey, privateKey } = await generateKeyPair("EdDSA");
  writeFileSync(join(FILES, "idp.json"), JSON.stringify({ keys: [await exportJWK(publicKey)] }));
  writeFileSync(join(FILES, "token.jwt"), await tokenOf(privateKey));
  for (const { file, code } of withServer) writeFileSync(file, code);
});
afterAll(() => router.stop());

test("every block of code says what language it is in, and it is one that is checked here", () => {
  const known = ["ts", "js", "sh", "yaml", "json", "text", ...Object.keys(LANGUAGES)];
  expect(blocks.filter(({ language }) => !known.includes(language)).map(({ name, language }) => `${name}: ${language}`)).toEqual([]);
});

test("the programs of all pages are type-checked", () => {
  const all = [...programs, ...withServer];
  const { config } = ts.readConfigFile(join(root, "tsconfig.test.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: all.map(({ file }) => file), include: [] }, ts.sys, root);
  const program = ts.createProgram({ rootNames: all.map(({ file }) => file), options });
  const problems = all.flatMap(({ page, file }) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(file)).map(({ start, messageText }) => {
      const line = (program.getSourceFile(file)?.getLineAndCharacterOfPosition(start ?? 0).line ?? 0) + 1;
      return `${page}:${line}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
    }),
  );
  expect(problems).toEqual([]);
});

/** Of the user in docs/guide/authentication.md. */
function tokenOf(key: CryptoKey): Promise<string> {
  const claims = new SignJWT({ sub: "ada", groups: ["staff"] }).setIssuer("https://idp.example.com/").setAudience("app");
  return claims.setExpirationTime("1h").setProtectedHeader({ alg: "EdDSA" }).sign(key);
}

test("each method of the guide takes 15 lines of configuration and 15 of a program at most", () => {
  const page = "docs/guide/authentication.md";
  const tooLong = blocks.filter((block) => block.page === page && block.code.trimEnd().split("\n").length > 15);
  expect(tooLong.map(({ name }) => name)).toEqual([]);
});

/** Of the device in docs/guide/authentication.md. */
function deviceCertificates(): readonly TestCertificate[] {
  const [root, device] = [new TestAccount("root"), new TestAccount("device")];
  const key = "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d";
  return [device.delegate(key, { bootedAt: 1 }), root.authority(device.address, 1 << 6), root.authority(root.address, 0xff)];
}

/** Runs a program and waits until it has printed what it announces. */
async function run({ file, code }: { readonly file: string; readonly code: string }): Promise<void> {
  const printed: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((...values: unknown[]) => void printed.push(format(...values)));
  try {
    await import(file);
    await expect.poll(() => missing(printed.join("\n"), code), { timeout: 10_000 }).toBeUndefined();
  } finally {
    log.mockRestore();
  }
}

describe("programs", () => {
  test.each(programs)("$page", run);

  test.each(withServer)("$name, with the configuration before it", async ({ file, code, config }) => {
    const { realms, listen, ...rest } = parseConfig(config.replace(FILE, `${FILES}/`), "config.yaml");
    const server = await startServer({
      realms,
      listen: listen.map((listener) => ({ ...listener, port: 0 })),
      limits: limitsOf(rest),
      log: () => {},
    });
    try {
      const address = (server.listeners[0]?.address ?? "").replace(
        "127.0.0.1",
        code.includes("localhost:8080") ? "localhost" : "127.0.0.1",
      );
      writeFileSync(file, code.replace(/\b(127\.0\.0\.1|localhost):8080\b/g, address).replace(FILE, `${FILES}/`));
      await run({ file, code });
    } finally {
      await server.close();
    }
  });
});

test.each(inLanguage("sh"))("the commands at $name", async ({ code }) => {
  await using commands = new Commands(router);
  for (const { text, expected } of commandsOf(code)) {
    const printed = await commands.perform(text);
    expect(missing(printed, expected)).toBeUndefined();
  }
});

describe.each(Object.entries(LANGUAGES))("%s", (key, language) => {
  const { name, missing: problem } = language;
  if (problem !== undefined && process.env["CI"] === undefined)
    console.log(`skipped: the programs for ${name} in the documentation. ${problem}`);

  test.skipIf(problem !== undefined && process.env["CI"] === undefined).each(inLanguage(key))(
    "$name",
    { timeout: 180_000 },
    async (block) => {
      if (problem !== undefined) throw new Error(problem);
      const folder = join(PROGRAMS, block.name.replace(/[/.:]/g, "-"));
      let lacking: string | undefined;
      for await (const printed of language.run(block.code.replace(ADDRESS, router.address), folder)) {
        lacking = missing(printed, block.code);
        if (lacking === undefined) break;
      }
      expect(lacking).toBeUndefined();
    },
  );
});

test.each(inLanguage("yaml"))("the configuration at $name loads", ({ page, code }) => {
  expect(() => parseConfig(code, page, ENVIRONMENT)).not.toThrow();
});

test.each(inLanguage("json"))("the JSON at $name parses", ({ code }) => {
  expect(() => JSON.parse(code)).not.toThrow();
});

/** @returns the first line that `→` announces in the code and that was not printed, after those before it */
function missing(printed: string, code: string): string | undefined {
  let lines = printed.split("\n");
  for (const [, announced = ""] of code.matchAll(/(?:\/\/|#) → (.*)$/gm)) {
    const parts = announced.trim().split("…");
    const pattern = new RegExp(`^${parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join(".*")}$`);
    const at = lines.findIndex((line) => pattern.test(line.trimEnd()));
    if (at < 0) return `${announced}, in:\n${lines.join("\n")}`;
    lines = lines.slice(at + 1);
  }
  return undefined;
}
