// Writes the JSON Schema of the configuration, which the package brings along for editors. Wants a build.
import { writeFileSync } from "node:fs";
import { publishedSchema } from "../packages/server/dist/config/json-schema.js";

writeFileSync(new URL("../packages/server/config.schema.json", import.meta.url), publishedSchema());
