/** What meta procedures have in common: they answer at once, with values or with a refusal, and check what they are given. */
import { Uri } from "@junctor/protocol";
import type { Dealer } from "../dealer/dealer.ts";
import { type Refusal, refusal } from "../error.ts";
import type { Session } from "../session.ts";

/** Surplus arguments are ignored (AMB-96). @returns the result's arguments, or why there is none */
export type MetaProcedure = (
  caller: Session,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
) => readonly unknown[] | Refusal;

export function provide(dealer: Dealer, procedures: Readonly<Record<string, MetaProcedure>>): void {
  for (const [uri, procedure] of Object.entries(procedures)) {
    dealer.provide(uri, (call) => {
      const { args = [], kwargs = {} } = call.payload;
      const answer = procedure(call.caller, args, kwargs);
      if ("error" in answer) call.fail(answer);
      else call.result(answer);
    });
  }
}

/** A missing or ill-typed argument (AMB-96). @param expected for example `session: id` */
export function invalidArgument(expected: string): Refusal {
  return refusal(Uri.invalidArgument, `expected ${expected}`);
}

/** `null` stands for an argument that was left out (AMB-12). */
export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
