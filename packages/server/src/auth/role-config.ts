/** A role of the router's, of what the configuration writes. */
import type { Permission, Rate, RoleConfig, RoleLimits } from "@junctor/router";
import type { Path } from "../config/finding.ts";
import type { RealmFileConfig } from "../config/schema.ts";

type RoleFileConfig = RealmFileConfig["roles"][string];

/** @param placeOf where something stands in the file, where somebody wants to know */
export function roleConfig(realm: string, name: string, role: RoleFileConfig, placeOf?: (path: Path) => string): RoleConfig {
  const { allow, deny, disclose, limits } = role;
  const place = (...path: Path) => placeOf && { place: placeOf(["realms", realm, "roles", name, ...path]) };
  const permissions = ACTIONS.flatMap((action) => [
    ...allow[action].map(
      ({ uri, disclose: own, rate, burst }, i): Permission => ({
        ...uri,
        allow: { [action]: true },
        disclose: disclosures(own === undefined ? disclose : { caller: own, publisher: own }),
        ...(rate !== undefined && { rate: rateOf({ rate, burst }) }),
        ...place("allow", action, i),
      }),
    ),
    ...deny[action].map((pattern, i): Permission => ({ ...pattern, allow: { [action]: false }, ...place("deny", action, i) })),
  ]);
  return { name, permissions, ...(limits && { limits: roleLimits(limits) }) };
}

function roleLimits({ messages, bytes, ...counts }: NonNullable<RoleFileConfig["limits"]>): RoleLimits {
  const given: Record<string, number> = {};
  for (const [name, count] of Object.entries(counts)) if (count !== undefined) given[name] = count;
  return { ...given, ...(messages && { messageRate: rateOf(messages) }), ...(bytes && { byteRate: rateOf(bytes) }) };
}

function rateOf({ rate, burst }: { readonly rate: number; readonly burst?: number | undefined }): Rate {
  return { perSecond: rate, burst: burst ?? Math.max(1, Math.ceil(2 * rate)) };
}

function disclosures({ caller, publisher }: RoleFileConfig["disclose"]): NonNullable<Permission["disclose"]> {
  return { ...(caller !== undefined && { caller }), ...(publisher !== undefined && { publisher }) };
}

const ACTIONS = ["call", "register", "publish", "subscribe"] as const;
