// Bundles the browser client: one ES module, and one script with a global. Fails where something of Node.js sneaked in.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

// Gzip, bytes: what the client may cost a page. Half of it are the messages and their checks, which hold a router to the protocol.
const LIMIT = 20 * 1024;

const common = {
  entryPoints: ["packages/client/src/index.ts"],
  bundle: true,
  minify: true,
  sourcemap: true,
  platform: "browser",
  target: ["es2022"],
  alias: { "@junctor/protocol": "./packages/protocol/src/index.ts" },
  logLevel: "error",
};
const module = "packages/client/dist/browser/junctor-client.min.js";

try {
  await build({ ...common, format: "esm", outfile: module });
  await build({ ...common, format: "iife", globalName: "junctor", outfile: "packages/client/dist/browser/junctor-client.global.js" });
} catch {
  process.exit(1); // esbuild has said why
}

const size = gzipSync(readFileSync(module), { level: 9 }).length;
console.log(`browser client: ${size} bytes gzip`);
if (size > LIMIT) {
  console.error(`✗ the browser client may have ${LIMIT} bytes; see what grew with: npx esbuild --analyze`);
  process.exit(1);
}
