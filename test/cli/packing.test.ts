// The packages as the registry will hand them out: packed, installed into an empty folder, and used from there.
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Folder, junctor, Running } from "./junctor.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
}

const manifests = readdirSync(join(root, "packages"))
  .map((folder) => JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8")) as Manifest & { folder: string })
  .filter((manifest) => manifest.private !== true);
const PORTABLE = ["@junctor/protocol", "@junctor/router", "@junctor/client"];

/** Every door of these packages, but for those that stand for several files. */
const doorsOf = (packages: readonly Manifest[]) =>
  packages.flatMap(({ name, exports }) =>
    Object.keys(exports)
      .filter((door) => !door.includes("*"))
      .map((door) => `${name}${door.slice(1)}`),
  );

const folder = new Folder();
const installed = (name: string, ...parts: readonly string[]) => folder.file("node_modules", name, ...parts);
beforeAll(async () => {
  const workspaces = manifests.flatMap(({ name }) => ["-w", name]);
  const { stdout } = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder.path, ...workspaces], {
    cwd: root,
  });
  const tarballs = (JSON.parse(stdout) as readonly { filename: string }[]).map(({ filename }) => folder.file(filename));
  writeFileSync(folder.file("package.json"), '{"private": true, "type": "module"}');
  // What the packages need besides each other comes out of npm's cache, where the workspace's own installation left it.
  const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
  await run("npm", ["install", ...quiet, ...tarballs], { cwd: folder.path });
});
afterAll(() => folder[Symbol.dispose]());

test("the schema that editors complete configurations by is in the package, and is that of the code", async () => {
  const { out } = await junctor(["config", "schema"], { program: installed("junctor", "bin", "junctor.mjs") });
  expect(JSON.parse(out)).toMatchObject({ required: ["version", "listen", "realms"] });
  expect(readFileSync(installed("junctor", "config.schema.json"), "utf8")).toBe(out);
});

describe.each(manifests)("$name, packed", ({ name, exports, bin }) => {
  const files = () =>
    (readdirSync(installed(name), { recursive: true }) as string[]).filter((file) => statSync(installed(name, file)).isFile());

  test("holds its README and its licence, and nothing of the tests or of the build's own notes", () => {
    expect(files()).toEqual(expect.arrayContaining(["README.md", "LICENSE", "package.json"]));
    expect(files().filter((file) => /\.test\.|\.tsbuildinfo$|(^|\/)tsconfig/.test(file))).toEqual([]);
  });

  test("has a file behind every door, with its types", () => {
    const targets = targetsOf({ ...exports, ...bin });
    expect(targets.filter(({ path }) => !path.includes("*") && !existsSync(installed(name, path)))).toEqual([]);
    expect(
      targets.filter(({ path }) => path.endsWith(".js") && !path.includes("*")).map(({ path }) => path.replace(/\.js$/, ".d.ts")),
    ).toSatisfy((types: readonly string[]) => types.every((type) => existsSync(installed(name, type))));
    for (const { path } of targets.filter(({ path }) => path.includes("*")))
      expect(readdirSync(installed(name, dirname(path)))).not.toEqual([]);
  });

  test("has source maps that lead somewhere", () => {
    const lost = files().flatMap((file) => {
      const at = (path: string) => join(dirname(installed(name, file)), path);
      if (/\.(js|d\.ts)$/.test(file)) {
        const map = /^\/\/# sourceMappingURL=(.+)$/m.exec(readFileSync(installed(name, file), "utf8"))?.[1];
        return map === undefined || existsSync(at(map)) ? [] : [`${file} → ${map}`];
      }
      if (!file.endsWith(".map")) return [];
      const { sources, sourcesContent = [] } = JSON.parse(readFileSync(installed(name, file), "utf8")) as SourceMap;
      return sources.flatMap((source, i) => {
        const isInside = !relative(installed(name), at(source)).startsWith("..");
        return typeof sourcesContent[i] === "string" || (isInside && existsSync(at(source))) ? [] : [`${file} → ${source}`];
      });
    });
    expect(lost).toEqual([]);
  });
});

interface SourceMap {
  readonly sources: readonly string[];
  readonly sourcesContent?: readonly (string | null)[];
}

function targetsOf(value: unknown): { path: string }[] {
  if (typeof value === "string") return [{ path: value }];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(targetsOf) : [];
}

test("every door opens in Node.js", async () => {
  const doors = doorsOf(manifests);
  const program = `const empty = [];
for (const door of ${JSON.stringify(doors)}) if (Object.keys(await import(door)).length === 0) empty.push(door);
console.log(JSON.stringify(empty));`;
  writeFileSync(folder.file("doors.mjs"), program);
  const { stdout, stderr } = await run(process.execPath, ["doors.mjs"], { cwd: folder.path });
  expect({ empty: JSON.parse(stdout) as unknown, stderr }).toEqual({ empty: [], stderr: "" });
});

describe("the types hold, those of what they use included", { timeout: 120_000 }, () => {
  const check = async (name: string, doors: readonly string[], options: object) => {
    const program = doors.map((door, i) => `import * as door${i} from "${door}";\nexport const used${i} = door${i};\n`).join("");
    writeFileSync(folder.file(`${name}.ts`), program);
    const compilerOptions = {
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      target: "ES2022",
      ...options,
    };
    writeFileSync(folder.file(`tsconfig.${name}.json`), JSON.stringify({ compilerOptions, files: [`${name}.ts`] }));
    return run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", `tsconfig.${name}.json`], { cwd: folder.path }).then(
      () => "",
      ({ stdout }: { stdout: string }) => stdout,
    );
  };

  test("in Node.js", async () => {
    const node = {
      module: "NodeNext",
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
      lib: ["ES2023", "ESNext.Disposable"],
    };
    expect(await check("node", doorsOf(manifests), node)).toBe("");
  });

  test("in a browser, without Node.js's types", async () => {
    const browser = { module: "ESNext", moduleResolution: "Bundler", types: [], lib: ["ES2023", "ESNext.Disposable", "DOM"] };
    const portable = manifests.filter(({ name }) => PORTABLE.includes(name));
    expect(await check("browser", doorsOf(portable), browser)).toBe("");
  });
});

test("npx finds the command line", async () => {
  const { stdout } = await run("npx", ["--no-install", "junctor", "version"], { cwd: folder.path });
  expect(stdout).toMatch(/^junctor \d+\.\d+\.\d+ \(Node\.js /);
});

test("junctor dev runs, serves its page and the client, and the program that it prints works", async () => {
  const options = { program: installed("junctor", "dist/cli/main.js"), cwd: folder.path };
  await using dev = new Running(["dev", "--port", "0"], options);
  const address = await dev.printed(/http:\/\/(\S+)\//);
  await dev.printed(/\.value\);\n/);
  for (const path of ["/", "/dev.js", "/dev.css", "/junctor-client.js", "/favicon.ico"])
    expect((await fetch(`http://${address}${path}`)).status).toBe(200);
  expect((await junctor(["--url", `ws://${address}/ws`, "call", "demo.add", "2", "3"], options)).out).toBe("5\n");

  const program = /^ {2}import [\s\S]*\.value\);$/m.exec(dev.out)?.[0] ?? "";
  writeFileSync(folder.file("file.mjs"), program);
  await using pasted = new Running([], { program: folder.file("file.mjs"), cwd: folder.path });
  await pasted.printed(/^5$/m);
  await pasted.printed(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/m);
});
