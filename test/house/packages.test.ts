// The packages and the arrows between them (docs/architecture.md): who may import whom, by which door, and what an
// installation brings along.
import { existsSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import { files, read, root } from "./files.ts";

/** Which of our packages each one may use. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  "@junctor/protocol": [],
  "@junctor/admin-api": [],
  "@junctor/router": ["@junctor/protocol"],
  "@junctor/client": ["@junctor/protocol", "@junctor/transport-node"],
  "@junctor/transport-node": ["@junctor/protocol"],
  junctor: ["@junctor/protocol", "@junctor/admin-api", "@junctor/router", "@junctor/client", "@junctor/transport-node"],
  "@junctor/testkit": ["@junctor/protocol", "@junctor/router", "@junctor/client", "@junctor/transport-node", "junctor"],
};

/** Packages that run wherever JavaScript does. The client's entry for Node.js is the one file that does not. */
const PORTABLE = ["@junctor/protocol", "@junctor/admin-api", "@junctor/router", "@junctor/client"];
const SANS_IO = ["@junctor/protocol", "@junctor/admin-api", "@junctor/router"];
const NODE_ENTRY = "packages/client/src/node.ts";

/** Loaded by a dependency, if it is there: no import of ours names it. */
const LOADED_BY_OTHERS = new Set(["bufferutil"]);

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly type?: string;
  readonly license?: string;
  readonly description?: string;
  readonly engines?: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const manifest = (file: string) => JSON.parse(read(file)) as Manifest;
const workspace = manifest("package.json");
const packages = files
  .filter((file) => /^packages\/[^/]+\/package\.json$/.test(file))
  .map((file) => ({ folder: file.slice(0, -"/package.json".length), ...manifest(file) }));
const published = packages.filter((each) => each.private !== true);

const isTest = (file: string) => /\.test\.ts$/.test(file);
const sourcesOf = (folder: string) => files.filter((file) => file.startsWith(`${folder}/src/`) && file.endsWith(".ts") && !isTest(file));
const importsOf = (folder: string) =>
  sourcesOf(folder).flatMap((file) =>
    ts.preProcessFile(read(file), true, true).importedFiles.map(({ fileName }) => ({ file, specifier: fileName })),
  );

/** `@junctor/protocol` of `@junctor/protocol/serializer/json`. */
function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
const isBare = (specifier: string) => !specifier.startsWith(".") && !isBuiltin(specifier);
const isBuiltin = (specifier: string) => specifier.startsWith("node:") || builtinModules.includes(specifier);

test("every package has its place in the table of arrows", () => {
  expect(packages.map(({ name }) => name).sort()).toEqual(Object.keys(ARROWS).sort());
});

describe.each(packages)("$name", ({ name, folder }) => {
  const imports = importsOf(folder);

  test("imports only the packages of ours that lie below it, by their public doors", () => {
    const doors = new Map(packages.map((each) => [each.name, each.exports ?? {}]));
    const wrong = imports.filter(({ file, specifier }) => {
      const target = packageOf(specifier);
      if (!doors.has(target)) return false;
      if (!ARROWS[name]?.includes(target)) return true;
      if (name === "@junctor/client" && target === "@junctor/transport-node" && file !== NODE_ENTRY) return true;
      return !isDoor(`.${specifier.slice(target.length)}`, Object.keys(doors.get(target) ?? {}));
    });
    expect(wrong).toEqual([]);
  });

  test("leaves its own directory by no relative path", () => {
    const wrong = imports.filter(
      ({ file, specifier }) => specifier.startsWith(".") && !join(file, "..", specifier).startsWith(`${folder}/src/`),
    );
    expect(wrong).toEqual([]);
  });
});

test.each(packages.filter(({ name }) => PORTABLE.includes(name)))("$name imports nothing of Node.js", ({ folder }) => {
  const wrong = importsOf(folder).filter(({ file, specifier }) => isBuiltin(specifier) && file !== NODE_ENTRY);
  expect(wrong).toEqual([]);
});

test.each(packages.filter(({ name }) => SANS_IO.includes(name)))(
  "$name reads no clock, owns no timer and draws no randomness",
  ({ folder }) => {
    const forbidden =
      /\b(Date\.now|new Date\(\)|performance\.|set(Timeout|Interval|Immediate)\b|crypto\.(getRandomValues|random)|(?<!options\.random \?\? )Math\.random\b)/;
    expect(sourcesOf(folder).filter((file) => forbidden.test(withoutComments(read(file))))).toEqual([]);
  },
);

describe.each(published)("$name, as it is published", (each) => {
  test("names its licence, its Node.js and what it is, and packs what is built and nothing else", () => {
    expect(each).toMatchObject({ type: "module", license: workspace.license, engines: workspace.engines });
    expect(each.description).toMatch(/\.$/);
    expect(each.files).toEqual(expect.arrayContaining(["dist", "README.md"]));
    expect(each.files?.filter((file) => !file.startsWith("!") && !existsSync(join(root, each.folder, file)) && file !== "dist")).toEqual(
      [],
    );
  });

  test("declares what it imports, and nothing else", () => {
    const used = importsOf(each.folder).flatMap(({ specifier }) => (isBare(specifier) ? [packageOf(specifier)] : []));
    const declared = Object.keys({ ...each.dependencies, ...each.optionalDependencies }).filter((name) => !LOADED_BY_OTHERS.has(name));
    expect([...new Set(used)].sort()).toEqual(declared.sort());
  });

  test("has the version that the packages beside it ask for", () => {
    for (const other of packages) expect(other.dependencies?.[each.name] ?? each.version).toBe(each.version);
  });

  test("every door leads to a source", () => {
    const doors = targetsOf({ ...each.exports, ...each.bin }).filter((target) => target.endsWith(".js"));
    expect(doors.length).toBeGreaterThan(0);
    const missing = doors.filter((target) => {
      const source = target.replace(/^(?:\.\/)?dist\//, `${each.folder}/src/`).replace(/\.js$/, ".ts");
      return !files.includes(source);
    });
    expect(missing).toEqual([]);
  });

  test("has a README with an example", () => {
    expect(read(`${each.folder}/README.md`)).toMatch(/^# .*\n[\s\S]*```/);
  });
});

test("every version that a package.json asks for is exact", () => {
  const loose = files
    .filter((file) => /(^|\/)package\.json$/.test(file))
    .flatMap((file) => {
      const { dependencies, devDependencies, optionalDependencies } = manifest(file);
      return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
        .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))
        .map(([name, version]) => `${file}: ${name}@${version}`);
    });
  expect(loose).toEqual([]);
});

describe("what `npm install junctor` brings along", () => {
  interface Locked {
    readonly resolved?: string;
    readonly link?: boolean;
    readonly hasInstallScript?: boolean;
    readonly engines?: Readonly<Record<string, string>> | readonly string[];
    readonly license?: string;
    readonly dependencies?: Readonly<Record<string, string>>;
    readonly optionalDependencies?: Readonly<Record<string, string>>;
  }
  const lock = (JSON.parse(read("package-lock.json")) as { packages: Readonly<Record<string, Locked>> }).packages;

  /** Where Node.js finds a package from a place in the tree. */
  function place(from: string, name: string): string | undefined {
    for (let folder = from; ; folder = folder.replace(/(^|\/)node_modules\/[^/]+(\/[^/]+)?$/, "")) {
      const candidate = `${folder === "" || folder.startsWith("packages/") ? "" : `${folder}/`}node_modules/${name}`;
      if (lock[candidate] !== undefined) return candidate;
      if (folder === "" || folder.startsWith("packages/")) return undefined;
    }
  }
  const tree = new Map<string, Locked>();
  const visit = (from: string, { dependencies, optionalDependencies }: Locked) => {
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const found = place(from, name);
      if (found === undefined) throw new Error(`${name}, which ${from} needs, is not in package-lock.json`);
      if (tree.has(found)) continue;
      const entry = lock[found] as Locked;
      const target = entry.link === true ? (lock[entry.resolved ?? ""] as Locked) : entry;
      tree.set(found, target);
      visit(entry.link === true ? (entry.resolved ?? "") : found, target);
    }
  };
  visit("packages/server", lock["packages/server"] as Locked);

  test("is at most 80 packages", () => {
    expect(tree.size).toBeGreaterThan(10);
    expect(tree.size).toBeLessThanOrEqual(80);
  });

  test("has lmdb behind the door of a worker, which is opened where a realm is configured to store its events", () => {
    const importers = (of: (specifier: string) => boolean) =>
      importsOf("packages/server")
        .filter(({ specifier }) => of(specifier))
        .map(({ file }) => file.replace("packages/server/src/", ""));
    expect(importers((specifier) => specifier === "lmdb")).toEqual(["store/disk.ts"]);
    expect(importers((specifier) => specifier.endsWith("/disk.ts"))).toEqual(["store/disk-service.ts"]);
    expect(importers((specifier) => specifier.endsWith("/disk-service.ts"))).toEqual(["store/disk-worker.ts"]);
    expect(importers((specifier) => specifier.endsWith("/disk-worker.ts"))).toEqual([]);
  });

  test("runs no script when it is installed, but for prebuilt binaries that work without theirs", () => {
    const scripted = [...tree].filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([name]) => name);
    // Their scripts would only build what is there already: bufferutil's binaries are in its tarball, those of lmdb and
    // msgpackr-extract in packages of their own. Where none fits, ws and msgpackr do without; lmdb is loaded when configured.
    expect(scripted.sort()).toEqual(["node_modules/bufferutil", "node_modules/lmdb", "node_modules/msgpackr-extract"]);
    for (const each of packages) {
      expect(Object.keys(each.scripts ?? {}).filter((name) => /^(pre|post)?(install|prepare)$/.test(name))).toEqual([]);
    }
  });

  test("has licences that an application can live with", () => {
    const others = [...tree].filter(
      ([, { license }]) => !["MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0"].includes(license ?? ""),
    );
    expect(others.map(([name, { license }]) => `${name}: ${license}`)).toEqual([]);
  });
});

function isDoor(path: string, doors: readonly string[]): boolean {
  return doors.some((door) => {
    const [before = "", after] = door.split("*");
    return after === undefined ? path === door : path.startsWith(before) && path.endsWith(after);
  });
}

function targetsOf(value: unknown): string[] {
  if (typeof value === "string") return value.includes("*") ? [] : [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(targetsOf) : [];
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
}
