// Which method is used: every selection of methods that a realm has, in every order that a client offers, for every selection of
// credentials that its user has, right and wrong (AMB-08, AMB-09, AUTH-04, T2).
import { Uri } from "@junctor/protocol";
import type { AuthenticationAnswer } from "@junctor/router";
import { describe, expect, test } from "vitest";
import { anonymous } from "./anonymous.ts";
import { authenticator } from "./chain.ts";
import { type AuthMethod, denied, granted } from "./method.ts";
import { Throttle } from "./throttle.ts";

const NAMES = ["anonymous", "ticket", "wampcra", "cryptosign"] as const;
type Name = (typeof NAMES)[number];

/** All of its selections. */
function selections<T>([first, ...rest]: readonly T[]): T[][] {
  return first === undefined ? [[]] : selections(rest).flatMap((some) => [some, [first, ...some]]);
}
/** All orders of all selections. */
const orders = <T>(items: readonly T[]): T[][] => selections(items).flatMap((some) => (some.length < 2 ? [some] : permutations(some)));
const permutations = <T>(items: readonly T[]): T[][] =>
  items.length === 0 ? [[]] : items.flatMap((first, i) => permutations(items.toSpliced(i, 1)).map((rest) => [first, ...rest]));

/** A method that challenges, and takes the answer `right` from whoever has that credential. */
function method(name: Name, hasIt: boolean): AuthMethod {
  if (name === "anonymous") return anonymous("guest");
  return {
    method: name,
    find: () => (hasIt ? "somebody" : undefined),
    begin: (_request, found) => ({
      kind: "challenge",
      extra: {},
      verify: ({ signature }) =>
        signature === "right" && found !== undefined ? granted({ authid: "ada", roles: ["user"], authprovider: "test" }) : denied(),
    }),
  };
}

const free = { allowance: Number.POSITIVE_INFINITY, firstWaitMs: 0, longestWaitMs: 0, keys: 1 };

/** What comes of it: the method of WELCOME, or the reason of ABORT; and which methods challenged. */
async function outcome(configured: readonly Name[], offered: readonly Name[], owned: readonly Name[], signature: string) {
  const challenged: string[] = [];
  const authenticate = authenticator(
    configured.map((name) => ({ method: method(name, owned.includes(name)) })),
    {
      byPrincipal: new Throttle(free, () => 0),
      byAddress: new Throttle(free, () => 0),
      failed: (_name, error) => expect.fail(String(error)),
    },
  );
  const details = { roles: {}, authid: "ada", authmethods: offered };
  let answer = await new Promise<AuthenticationAnswer>((resolve) =>
    authenticate({ realm: "r", session: 1, details, origin: { transport: "test" } }, resolve),
  );
  while (answer.kind === "challenge") {
    challenged.push(answer.authmethod);
    const { verify } = answer;
    answer = await new Promise<AuthenticationAnswer>((resolve) => verify({ type: 5, signature, extra: {} }, resolve));
  }
  return { challenged, end: answer.kind === "welcome" ? answer.authmethod : answer.reason };
}

/** The rules, in the words of the rulings. */
function expected(configured: readonly Name[], offered: readonly Name[], owned: readonly Name[], isRight: boolean) {
  const wanted = offered.length === 0 ? (["anonymous"] as const) : offered; // [AMB-08]
  const shared = wanted.filter((name) => configured.includes(name));
  // The first that the realm has for this client; for one that has none of them, the first, which denies (AMB-112).
  const used = shared.find((name) => name === "anonymous" || owned.includes(name)) ?? shared[0];
  if (used === undefined) {
    const isNobody = wanted.every((name) => name === "anonymous");
    return { challenged: [], end: isNobody ? Uri.authenticationRequired : Uri.noMatchingAuthMethod };
  }
  if (used === "anonymous") return { challenged: [], end: "anonymous" };
  return { challenged: [used], end: isRight && owned.includes(used) ? used : Uri.authenticationDenied }; // and nothing after it
}

describe.each(selections(NAMES).filter(({ length }) => length > 0))("a realm with %s %s %s %s", (...names) => {
  const configured = names.filter((name) => name !== undefined);

  test("takes of what is offered what the rules say, and a failed method is the end", async () => {
    for (const offered of orders(NAMES)) {
      for (const owned of selections(NAMES.slice(1))) {
        for (const signature of ["right", "wrong"]) {
          const what = { offered, owned, signature };
          expect({ ...what, ...(await outcome(configured, offered, owned, signature)) }).toEqual({
            ...what,
            ...expected(configured, offered, owned, signature === "right"),
          });
        }
      }
    }
  });
});
