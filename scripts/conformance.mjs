// `npm run conformance -- --url ws://…`: runs the conformance suite (packages/testkit/src/conformance) against any router.
// Bundled on the way, since Node.js does not run the suite's TypeScript.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = (/** @type {string} */ path) => join(root, "packages", path);
const outfile = join(root, "node_modules/.cache/conformance.mjs");

mkdirSync(join(outfile, ".."), { recursive: true });
await build({
  entryPoints: [source("testkit/src/conformance/main.ts")],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  target: ["node20"],
  alias: {
    "@junctor/protocol": source("protocol/src/index.ts"),
    "@junctor/protocol/serializer": source("protocol/src/serializer"),
    "@junctor/protocol/auth": source("protocol/src/auth/index.ts"),
    "@junctor/router": source("router/src/index.ts"),
    "@junctor/client/longpoll": source("client/src/longpoll.ts"),
    "@junctor/client": source("client/src/node.ts"),
    "@junctor/transport-node": source("transport-node/src/index.ts"),
  },
  external: ["ws", "cborg", "msgpackr"],
  logLevel: "error",
});
await import(pathToFileURL(outfile).href);
