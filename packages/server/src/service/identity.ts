/** Users and groups by their names, as /etc/passwd and /etc/group have them. */
import { readFileSync } from "node:fs";
import { UserError } from "../user-error.ts";

export interface Identity {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** What its environment says of it. */
  readonly env: Readonly<Record<string, string>>;
}

/** @throws {UserError} there is none of that name, or only root may start something as somebody else */
export function identityOf(service: string, user: string | undefined, group: string | undefined): Identity {
  if (user === undefined && group === undefined) return { uid: undefined, gid: undefined, env: {} };
  if (process.getuid?.() !== 0)
    throw new UserError(`the service ${service} is to run as ${user ?? `the group ${group}`}, which only root can arrange`, {
      remedy: `start junctor as root, or leave user and group out of services.${service}`,
    });
  const account = user === undefined ? undefined : entryOf("/etc/passwd", user, service, "user");
  const members = group === undefined ? undefined : entryOf("/etc/group", group, service, "group");
  const [name, , uid, gid, , home] = account ?? [];
  return {
    uid: uid === undefined ? undefined : Number(uid),
    gid: Number(members?.[2] ?? gid),
    env: account === undefined ? {} : { USER: name ?? "", LOGNAME: name ?? "", HOME: home ?? "/" },
  };
}

/** By name or by number. */
function entryOf(file: string, wanted: string, service: string, what: string): string[] {
  const entries = readFileSync(file, "utf8").split("\n");
  const found = entries.map((line) => line.split(":")).find(([name, , id]) => name === wanted || id === wanted);
  if (found !== undefined) return found;
  throw new UserError(`there is no ${what} ${wanted}, which the service ${service} is to run as`, {
    remedy: `name one that ${file} has, under services.${service}.${what}`,
  });
}
