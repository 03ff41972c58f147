import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(`packages/${path}`, import.meta.url));

// Tests run on the sources, without a build; only test/cli and test/browser run what was built.
const alias = [
  { find: /^@junctor\/protocol\/serializer\/(.*)$/, replacement: source("protocol/src/serializer/$1.ts") },
  { find: /^@junctor\/protocol\/auth$/, replacement: source("protocol/src/auth/index.ts") },
  { find: /^@junctor\/protocol$/, replacement: source("protocol/src/index.ts") },
  { find: /^@junctor\/router$/, replacement: source("router/src/index.ts") },
  { find: /^@junctor\/client\/(msgpack|cbor|meta|longpoll|(?:auth|passthru)\/.*)$/, replacement: source("client/src/$1.ts") },
  { find: /^@junctor\/client$/, replacement: source("client/src/node.ts") },
  { find: /^@junctor\/admin-api$/, replacement: source("admin-api/src/index.ts") },
  { find: /^@junctor\/transport-node$/, replacement: source("transport-node/src/index.ts") },
  { find: /^@junctor\/testkit\/conformance$/, replacement: source("testkit/src/conformance/index.ts") },
  { find: /^@junctor\/testkit\/test-chain$/, replacement: source("testkit/src/test-chain.ts") },
  { find: /^@junctor\/testkit\/event-store-suite$/, replacement: source("testkit/src/event-store-suite.ts") },
  { find: /^@junctor\/testkit$/, replacement: source("testkit/src/index.ts") },
];
const project = (name: string, include: string[], rest: object = {}) => ({
  resolve: { alias },
  test: { name, include, testTimeout: 30_000, hookTimeout: 120_000, ...rest },
});

export default defineConfig({
  test: {
    reporters:
      process.env["CI"] === undefined
        ? ["default", "./test/skipped-reporter.ts"]
        : ["dot", ["json", { outputFile: ".cache/test-results.json" }]],
    projects: [
      project("unit", ["packages/*/src/**/*.test.ts"]),
      project("story", [
        "test/story/**/*.test.ts",
        "test/cli/**/*.test.ts",
        "test/security/**/*.test.ts",
        "test/web/**/*.test.ts",
        "test/conformance/**/*.test.ts",
        "test/house/**/*.test.ts",
      ]),
      project("interop", ["test/interop/**/*.test.ts"], { testTimeout: 60_000 }),
      project("browser", ["test/browser/**/*.test.ts"]),
      project("websocket", ["test/websocket/**/*.test.ts"], { testTimeout: 240_000 }),
    ],
  },
});
