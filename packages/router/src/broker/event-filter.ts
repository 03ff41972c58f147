/** Who of a topic's subscribers may receive one publication: black- and whitelists (PS-BWL-02, AMB-74). */
import type { PublishOptions, SessionId } from "@junctor/protocol";

/** The lists of a publication. */
export type Audience = Pick<
  PublishOptions,
  "exclude" | "exclude_authid" | "exclude_authrole" | "eligible" | "eligible_authid" | "eligible_authrole"
>;

/** Of a session, what the lists ask about. */
export interface Recipient {
  readonly id: SessionId;
  readonly authid: string;
  readonly authrole: string;
}

/** @returns `undefined` where the audience names no list, which is the common case */
export function eventFilter(audience: Audience): ((recipient: Recipient) => boolean) | undefined {
  const { exclude, exclude_authid, exclude_authrole, eligible, eligible_authid, eligible_authrole } = audience;
  const lists = exclude ?? exclude_authid ?? exclude_authrole ?? eligible ?? eligible_authid ?? eligible_authrole;
  if (lists === undefined) return undefined;
  const excluded = new Set(exclude);
  const excludedAuthids = new Set(exclude_authid);
  const excludedAuthroles = new Set(exclude_authrole);
  const included = eligible && new Set(eligible);
  const includedAuthids = eligible_authid && new Set(eligible_authid);
  const includedAuthroles = eligible_authrole && new Set(eligible_authrole);
  return ({ id, authid, authrole }) =>
    !excluded.has(id) &&
    !excludedAuthids.has(authid) &&
    !excludedAuthroles.has(authrole) &&
    (included?.has(id) ?? true) &&
    (includedAuthids?.has(authid) ?? true) &&
    (includedAuthroles?.has(authrole) ?? true);
}

/** The lists that have an effect, for keeping; `undefined` where there is none: an empty blacklist excludes nobody (AMB-74). */
export function audienceOf(options: PublishOptions): Audience | undefined {
  const audience: Record<string, readonly unknown[]> = {};
  for (const name of ["exclude", "exclude_authid", "exclude_authrole"] as const) {
    const list = options[name];
    if (list !== undefined && list.length > 0) audience[name] = list;
  }
  for (const name of ["eligible", "eligible_authid", "eligible_authrole"] as const) {
    const list = options[name];
    if (list !== undefined) audience[name] = list;
  }
  return Object.keys(audience).length === 0 ? undefined : audience;
}

/** The longest of the lists. */
export function longestList(options: PublishOptions): number {
  const { exclude, exclude_authid, exclude_authrole, eligible, eligible_authid, eligible_authrole } = options;
  let longest = 0;
  for (const list of [exclude, exclude_authid, exclude_authrole, eligible, eligible_authid, eligible_authrole]) {
    if (list !== undefined && list.length > longest) longest = list.length;
  }
  return longest;
}
