// `npm run docs`: writes the pages of the documentation that are made from the code. Wants a build.
import { writeFileSync } from "node:fs";
import { configReference } from "../packages/server/dist/config/reference.js";

writeFileSync(new URL("../docs/reference/config.md", import.meta.url), configReference());
