/** `junctor log level`: more or less in the log of a running server, for a while. */
import { LOG_LEVELS } from "@junctor/admin-api";
import { Exit, UserError } from "../user-error.ts";
import { type AdminOptions, withAdmin } from "./admin-client.ts";
import { jsonText, line } from "./print.ts";
import { duration, table } from "./table.ts";
import { parseSeconds } from "./values.ts";

export async function logLevel(
  first: string | undefined,
  second: string | undefined,
  options: AdminOptions & { for: string },
): Promise<void> {
  const [realm, wanted] = second === undefined ? [undefined, first] : [first, second];
  const level = LOG_LEVELS.find((each) => each === wanted);
  if (wanted !== undefined && level === undefined)
    throw new UserError(`there is no level ${wanted}`, {
      remedy: `choose ${LOG_LEVELS.slice(0, -1).join(", ")} or ${LOG_LEVELS.at(-1)}`,
      exitCode: Exit.usage,
    });
  const change = { ...(realm !== undefined && { realm }), ...(level !== undefined && { level, forMs: parseSeconds(options.for) }) };
  await withAdmin(options, async (admin) => {
    const changes = await admin.call("junctor.log.level", change);
    if (options.json === true) return line(jsonText(changes));
    table(
      changes,
      [
        { title: "REALM", of: ({ realm }) => realm ?? "(all)" },
        { title: "LEVEL", of: ({ level }) => level },
        { title: "FOR", of: ({ until }) => duration(until - Date.now()) },
      ],
      "the levels are those of the configuration",
    );
  });
}
