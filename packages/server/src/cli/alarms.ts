/** `junctor alarms`: what somebody should look after. */
import type { Alarm } from "@junctor/admin-api";
import { type AdminOptions, withAdmin } from "./admin-client.ts";
import { jsonText, line } from "./print.ts";
import { ago, table } from "./table.ts";

export async function alarms(options: AdminOptions & { history?: boolean }): Promise<void> {
  await withAdmin(options, async (admin) => {
    const { active, cleared } = await admin.call("junctor.alarms.list", {});
    const isAll = options.history === true;
    if (options.json === true) return line(jsonText(isAll ? { active, cleared } : { active }));
    const now = Date.now();
    const columns = [
      { title: "SEVERITY", of: ({ severity }: Alarm) => severity },
      { title: "ALARM", of: ({ name }: Alarm) => name },
      { title: "RAISED", of: ({ raisedAt }: Alarm) => ago(raisedAt, now) },
      { title: "MESSAGE", of: ({ message }: Alarm) => message },
    ];
    table(active, columns, "no alarms");
    if (!isAll) return;
    line("");
    table(cleared, [{ title: "OVER", of: ({ clearedAt }) => ago(clearedAt, now) }, ...columns], "none that is over");
  });
}
