// An exception that nothing caught: the server says so, stops in good order, and fails (T45).
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "@junctor/client";
import { expect, test } from "vitest";
import { Running } from "./junctor.ts";

const THROWING = fileURLToPath(new URL("throwing.cjs", import.meta.url));

test("an exception that nothing caught is logged, sessions get GOODBYE, and the exit code is 1", async () => {
  const folder = mkdtempSync(join(tmpdir(), "junctor-uncaught-"));
  try {
    const file = join(folder, "config.yaml");
    const realm = "{auth: [{method: anonymous, role: guest}], roles: {guest: {}}}";
    writeFileSync(file, `{version: 1, listen: [{type: rawsocket, port: 0}], realms: {app: ${realm}}, log: {format: json}}`);
    await using server = new Running(["start", "-c", file], { node: ["--require", THROWING] });
    const address = await server.printed(/"address":"(127[^"]*)"/);
    await server.printed(/server\.ready/);
    const session = await connect({ url: `tcp://${address}`, realm: "app" });
    server.signal("SIGWINCH");
    expect((await session.closed).reason).toBe("wamp.close.system_shutdown");
    const { code, out, err } = await server.ended;
    expect(code).toBe(1);
    expect(out).toMatch(/"event":"internal.error","where":"exception","message":"thrown on purpose","stack":"Error: thrown/);
    expect(out).toMatch(/"event":"server.stopped"/);
    expect(err).toMatch(/this is a bug in junctor, please report it:\nError: thrown on purpose/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
