// `npm start`: sets everything up and starts the router with its demo.
import { bootstrap } from "./bootstrap.mjs";

bootstrap();
process.argv = [process.argv[0], process.argv[1], "dev", ...process.argv.slice(2)];
await import("../packages/server/dist/cli/main.js");
