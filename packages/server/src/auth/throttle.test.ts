import { Uri } from "@junctor/protocol";
import type { AuthenticationAnswer, AuthenticationRequest } from "@junctor/router";
import { describe, expect, test } from "vitest";
import { anonymous } from "./anonymous.ts";
import { authenticator } from "./chain.ts";
import { Decoy } from "./decoy.ts";
import { PrincipalTable } from "./principal.ts";
import { Throttle } from "./throttle.ts";
import { ticket } from "./ticket.ts";

const options = { allowance: 2, firstWaitMs: 100, longestWaitMs: 1_000, keys: 3 };

describe("throttle", () => {
  test("each failure past the allowance doubles the wait, up to the longest", () => {
    let now = 0;
    const throttle = new Throttle(options, () => now);
    const waits = Array.from({ length: 8 }, () => {
      throttle.charge("k");
      const wait = throttle.wait("k");
      now += wait;
      return wait;
    });
    expect(waits).toEqual([0, 0, 100, 200, 400, 800, 1_000, 1_000]);
  });

  test("success, and a quiet time, start afresh; others are not concerned; the oldest are forgotten", () => {
    let now = 0;
    const throttle = new Throttle(options, () => now);
    for (let i = 0; i < 3; i++) throttle.charge("k");
    expect([throttle.wait("k"), throttle.wait("other")]).toEqual([100, 0]);
    now += 1_101;
    throttle.charge("k");
    expect(throttle.wait("k")).toBe(0);
    for (let i = 0; i < 2; i++) throttle.charge("k");
    throttle.forget("k");
    expect(throttle.wait("k")).toBe(0);
    for (let i = 0; i < 3; i++) throttle.charge("k");
    throttle.refund("k", 1);
    expect(throttle.wait("k")).toBe(0);
    for (let i = 0; i < 3; i++) throttle.charge("a");
    for (const key of ["b", "c", "d"]) throttle.charge(key);
    expect(throttle.wait("a")).toBe(0);
  });
});

// T5: a thousand tries with one name from one address, while its owner joins from another.
test("guessing is slowed down, and locks nobody else out", async () => {
  let now = 0;
  const byPrincipal = new Throttle({ ...options, allowance: 5, keys: 1_000 }, () => now);
  const byAddress = new Throttle({ ...options, allowance: 50, keys: 1_000 }, () => now);
  let evaluated = 0;
  const table = new PrincipalTable("static", [{ authid: "joe", roles: ["user"], ticket: { plain: "right" } }]);
  const real = ticket(table, new Decoy());
  const counting = {
    ...real,
    begin: async (...args: Parameters<typeof real.begin>) => {
      const step = await real.begin(...args);
      if (step.kind !== "challenge") return step;
      return {
        ...step,
        verify: (...response: Parameters<typeof step.verify>) => {
          evaluated++;
          return step.verify(...response);
        },
      };
    },
  };
  const authenticate = authenticator([{ method: counting }], {
    byPrincipal,
    byAddress,
    failed: (_method, error) => expect.fail(String(error)),
  });
  const attempt = async (signature: string, address: string): Promise<AuthenticationAnswer> => {
    const request: AuthenticationRequest = {
      realm: "r",
      session: 1,
      details: { roles: {}, authmethods: ["ticket"], authid: "joe" },
      origin: { transport: "test", address },
    };
    const first = await new Promise<AuthenticationAnswer>((resolve) => authenticate(request, resolve));
    if (first.kind !== "challenge") return first;
    return new Promise((resolve) => first.verify({ type: 5, signature, extra: {} }, resolve));
  };

  for (let i = 0; i < 1_000; i++) {
    expect(await attempt(`guess ${i}`, "192.0.2.1")).toMatchObject({ kind: "abort", reason: Uri.authenticationDenied });
    now += 1; // a thousand a second
  }
  expect(evaluated).toBeLessThanOrEqual(5 + 5);
  expect(await attempt("right", "192.0.2.2")).toMatchObject({ kind: "welcome", authid: "joe" });
  // Many connections opened before the first failure gain nothing either.
  const before = evaluated;
  now += 10_000;
  const all = await Promise.all(Array.from({ length: 100 }, (_, i) => attempt(`guess ${i}`, "192.0.2.3")));
  expect(all.every(({ kind }) => kind === "abort")).toBe(true);
  expect(evaluated - before).toBe(6);
  expect(await attempt("right", "192.0.2.3")).toMatchObject({
    kind: "abort",
    message: expect.stringContaining("too many failed attempts"),
  });
  // Nor does joining as nobody in between.
  const open = authenticator([{ method: counting }, { method: anonymous("guest") }], {
    byPrincipal,
    byAddress,
    failed: (_method, error) => expect.fail(String(error)),
  });
  for (const authmethods of [["anonymous"], ["scram", "anonymous"]]) {
    const details = { roles: {}, authmethods, authid: "joe" };
    const origin = { transport: "test", address: "192.0.2.3" };
    const asNobody = await new Promise<AuthenticationAnswer>((resolve) => open({ realm: "r", session: 1, details, origin }, resolve));
    expect(asNobody).toMatchObject({ kind: "welcome", authrole: "guest", authmethod: "anonymous" });
    expect(await attempt("right", "192.0.2.3")).toMatchObject({ message: expect.stringContaining("too many failed attempts") });
  }
});
