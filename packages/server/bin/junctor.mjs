#!/usr/bin/env node
// What `npx junctor` runs. It is not built: npm links commands when it installs, which in a clone is before the build.
import { existsSync } from "node:fs";

const main = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  console.error("✗ junctor is not built yet\n  in a clone, npm start or npm test builds it");
  process.exit(1);
}
