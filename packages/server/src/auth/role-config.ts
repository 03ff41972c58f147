/** A role of the router's, of what the configuration writes. */
import type { Permission, RoleConfig } from "@junctor/router";
import type { Path } from "../config/finding.ts";
import type { RealmFileConfig } from "../config/schema.ts";

/** @param placeOf where something stands in the file, where somebody wants to know */
export function roleConfig(
  realm: string,
  name: string,
  { allow, deny, disclose }: RealmFileConfig["roles"][string],
  placeOf?: (path: Path) => string,
): RoleConfig {
  const named = {
    ...(disclose.caller !== undefined && { caller: disclose.caller }),
    ...(disclose.publisher !== undefined && { publisher: disclose.publisher }),
  };
  const permissions = Object.entries({ allow, deny }).flatMap(([verdict, byAction]) =>
    ACTIONS.flatMap((action) =>
      byAction[action].map(
        (pattern, i): Permission => ({
          ...pattern,
          allow: { [action]: verdict === "allow" },
          disclose: named,
          ...(placeOf && { place: placeOf(["realms", realm, "roles", name, verdict, action, i]) }),
        }),
      ),
    ),
  );
  return { name, permissions };
}

const ACTIONS = ["call", "register", "publish", "subscribe"] as const;
