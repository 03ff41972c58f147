// `npm run conformance`: the suite as a command, against a router that it knows by its URL only.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { realmConfig, startRouter } from "@junctor/testkit";
import { expect, test } from "vitest";
import { root } from "../house/files.ts";

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

const conformance = (...options: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, [join(root, "scripts/conformance.mjs"), ...options], (failure, out, error) =>
      resolve({ code: failure === null ? 0 : Number(failure.code), out, error }),
    );
  });

test("one row is printed for each requirement, and how many hold", async () => {
  await using router = await startRouter({ connection: { name: "ws json", transport: "ws", serializer: "json" } });
  const { code, out } = await conformance("--url", router.url, "--only", "RPC-0,PS-HIST-01,PS-11");
  expect(out).toMatch(/^ {2}RPC-07 {10}pass {11}refuses calls of what nobody has registered$/m);
  expect(out).toMatch(/^ {2}PS-11 {11}not configured .*\n {33}forbidden$/m);
  expect(out).toMatch(/^ {2}PS-HIST-01 {6}not announced .*\n {33}broker.event_history$/m);
  expect(out).toMatch(/^(\d+) requirements: \d+ pass, 0 fail, 1 not announced, 1 not configured$/m);
  expect(code).toBe(0);
});

test("what does not hold is said in one line, and the exit code is 1", async () => {
  await using router = await startRouter({
    connection: { name: "ws json", transport: "ws", serializer: "json" },
    realms: [{ ...realmConfig("realm1"), requestIds: "lenient" }],
  });
  const { code, out } = await conformance("--url", router.url, "--only", "PERR-06", "--json", "--timeout", "1000");
  expect(JSON.parse(out)).toMatchObject({
    rows: [
      { id: "PERR-06", status: "fail", reason: expect.stringContaining("expected ABORT wamp.error.protocol_violation, got SUBSCRIBED") },
    ],
  });
  expect(code).toBe(1);
});

test.each([
  [["--url", "ws://127.0.0.1:1/ws"], "ws://127.0.0.1:1/ws, realm realm1: cannot connect: connect ECONNREFUSED 127.0.0.1:1\n"],
  [["--url", "http://127.0.0.1:1"], expect.stringContaining("it must begin with ws:, wss:, ws+unix:, tcp:, tls: or unix:")],
  [["--url", "ws://127.0.0.1:1/ws", "--serializer", "xml"], "--serializer must be one of json, msgpack, cbor, not xml\n"],
  [[], expect.stringMatching(/^npm run conformance -- --url URL/)],
])("a mistake in the command is told (%j)", async (options, message) => {
  expect(await conformance(...options)).toEqual({ code: 2, out: "", error: message });
});
