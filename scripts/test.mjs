// `npm test`: sets everything up and runs all the tests.
import { spawnSync } from "node:child_process";
import { bootstrap } from "./bootstrap.mjs";

bootstrap();
const { status } = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...process.argv.slice(2)], { stdio: "inherit" });
process.exit(status ?? 1);
