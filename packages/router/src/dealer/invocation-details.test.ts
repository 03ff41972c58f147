// What callees are told of a call beside its payload (requirements 4.6, 4.7, 12.1).
import { MessageType, NO_OPTIONS, Uri } from "@junctor/protocol";
import { ALLOW_ALL, realmConfig, TestRouter } from "@junctor/testkit";
import { expect, test } from "vitest";

const disclosing = (disclose: object) => new TestRouter({ realms: [realmConfig("realm1", [{ ...ALLOW_ALL, disclose }])] });

test("caller_identification: is given on request, or to a callee that may ask (RPC-CID-01 to RPC-CID-05, AMB-66)", () => {
  for (const [caller, disclose_me, disclose_caller, expected] of [
    ["allow", false, false, false],
    ["allow", true, false, true],
    ["allow", false, true, true],
    ["force", false, false, true],
  ] as const) {
    const router = disclosing({ caller });
    const [a, b] = [router.join(), router.join()];
    b.register("com.x", { disclose_caller });
    a.call("com.x", [], disclose_me ? { disclose_me } : NO_OPTIONS);
    const { details } = b.take(MessageType.Invocation);
    expect(details).toEqual(expected ? { caller: a.session, caller_authid: expect.any(String), caller_authrole: "anonymous" } : {});
  }
});
test("caller_identification: is refused where the realm denies it (RPC-CID-04, AMB-65)", () => {
  const router = disclosing({ caller: "deny" });
  const [a, b] = [router.join(), router.join()];
  b.register("com.x");
  a.call("com.x", [], { disclose_me: true });
  expect(a.take(MessageType.Error)).toMatchObject({ error: Uri.discloseMeDisallowed, requestType: MessageType.Call });
  b.send({ type: MessageType.Register, request: ++b.request, options: { disclose_caller: true }, procedure: "com.y" });
  expect(b.take(MessageType.Error)).toMatchObject({ error: Uri.discloseMeDisallowed, requestType: MessageType.Register });
  expect(b.inbox).toEqual([]);
});
