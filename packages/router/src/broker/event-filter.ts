/** Who of a topic's subscribers may receive one publication: black- and whitelists (PS-BWL-02, AMB-74). */
import type { PublishOptions } from "@junctor/protocol";
import type { Session } from "../session.ts";

/** @returns `undefined` where the options name no list, which is the common case */
export function eventFilter(options: PublishOptions): ((receiver: Session) => boolean) | undefined {
  const { exclude, exclude_authid, exclude_authrole, eligible, eligible_authid, eligible_authrole } = options;
  const lists = exclude ?? exclude_authid ?? exclude_authrole ?? eligible ?? eligible_authid ?? eligible_authrole;
  if (lists === undefined) return undefined;
  const excluded = new Set(exclude);
  const excludedAuthids = new Set(exclude_authid);
  const excludedAuthroles = new Set(exclude_authrole);
  const included = eligible && new Set(eligible);
  const includedAuthids = eligible_authid && new Set(eligible_authid);
  const includedAuthroles = eligible_authrole && new Set(eligible_authrole);
  return (receiver) =>
    !excluded.has(receiver.id) &&
    !excludedAuthids.has(receiver.authid) &&
    !excludedAuthroles.has(receiver.authrole) &&
    (included?.has(receiver.id) ?? true) &&
    (includedAuthids?.has(receiver.authid) ?? true) &&
    (includedAuthroles?.has(receiver.authrole) ?? true);
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
