/**
 * A listener that other machines can reach, in front of a realm in which whoever comes may do everything: hardly ever meant, and
 * never found out in time. Such a configuration is refused unless somebody says that it is meant.
 */
import { isIP } from "node:net";
import type { Finding } from "./finding.ts";
import type { Config, ListenerConfig, RealmFileConfig } from "./schema.ts";

/** The option that lets it start all the same. */
export const OPEN_OPTION = "--i-know-this-is-open";

export function openListeners({ listen, realms }: Config): Finding[] {
  const open = Object.entries(realms).flatMap(([realm, config]) => rolesThatMayDoEverything(config).map((role) => ({ realm, role })));
  const [first] = open;
  if (first === undefined) return [];
  return listen.flatMap((listener, i): Finding[] => {
    if (!isBeyondLoopback(listener) || listener.tls?.clientCertificate === "required") return [];
    const { realm, role } = first;
    const where = open.map((each) => `${each.realm} (role ${each.role})`).join(", ");
    return [
      {
        path: ["listen", i, "host"],
        message: `other machines reach ${listener.host}, and whoever comes from there may do everything in ${where}`,
        lint: "open-listener",
        remedy: [
          "do one of these:",
          `  listen for this machine only:   listen[${i}].host: 127.0.0.1`,
          `  ask who comes:                  realms.${realm}.auth: [{method: wampcra, users: ./users.yaml}]`,
          `  allow what the role is for:     realms.${realm}.roles.${role}.allow: {call: ["com.app.api.*"], subscribe: ["com.app.news.*"]}`,
          `if it is meant to be open, start it with ${OPEN_OPTION}`,
        ].join("\n"),
      },
    ];
  });
}

/** Whether other machines can connect to it, as far as its address tells. */
export function isBeyondLoopback({ host, path }: ListenerConfig): boolean {
  if (path !== undefined) return false;
  if (isIP(host) === 4) return !host.startsWith("127.");
  if (isIP(host) === 6) return host !== "::1" && !/^::ffff:127\./i.test(host);
  return host !== "localhost" && !host.endsWith(".localhost");
}

/** Those that nobody has to prove anything for. Exceptions from everything make no difference: nobody thinks of all of them. */
function rolesThatMayDoEverything({ auth, roles }: RealmFileConfig): string[] {
  const names = auth.flatMap((method) => (method.method === "anonymous" ? [method.role] : []));
  return [...new Set(names)].filter((name) => {
    const role = roles[name];
    if (role === undefined || role.authorizer !== undefined) return false;
    return Object.values(role.allow).every((patterns) => patterns.some(({ uri }) => uri.uri === "" && uri.match === "prefix"));
  });
}
