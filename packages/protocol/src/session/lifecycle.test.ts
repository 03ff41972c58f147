import { expect, test } from "vitest";
import { MessageType, messageName } from "../message/type.ts";
import { type SessionState, verdict } from "./lifecycle.ts";

const types = Object.values(MessageType);
const accepted = (side: "router" | "client", state: SessionState) =>
  types.filter((type) => verdict(side, state, type) === "accept").map(messageName);

test("a router lets nothing but HELLO open a session (PERR-09, SES-10)", () => {
  expect(accepted("router", "closed")).toEqual(["HELLO", "ABORT"]);
  expect(accepted("router", "establishing")).toEqual(["ABORT"]);
  expect(accepted("router", "challenging")).toEqual(["ABORT", "AUTHENTICATE"]);
});
test("a router takes a client's messages only (SES-18, PERR-02)", () => {
  expect(accepted("router", "established")).toEqual([
    "ABORT",
    "GOODBYE",
    "ERROR",
    "PUBLISH",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "CALL",
    "CANCEL",
    "REGISTER",
    "UNREGISTER",
    "YIELD",
    "EVENT_RECEIVED",
  ]);
});
test("a client takes a router's messages only", () => {
  expect(accepted("client", "establishing")).toEqual(["WELCOME", "ABORT", "CHALLENGE"]);
  expect(accepted("client", "established")).toEqual([
    "ABORT",
    "GOODBYE",
    "ERROR",
    "PUBLISHED",
    "SUBSCRIBED",
    "UNSUBSCRIBED",
    "EVENT",
    "RESULT",
    "REGISTERED",
    "UNREGISTERED",
    "INVOCATION",
    "INTERRUPT",
  ]);
});
test("after GOODBYE everything but its answer is ignored (SES-22)", () => {
  for (const side of ["router", "client"] as const) {
    expect(accepted(side, "shuttingDown")).toEqual(["ABORT", "GOODBYE"]);
    for (const type of types) expect(verdict(side, "shuttingDown", type)).not.toBe("violation");
  }
});
