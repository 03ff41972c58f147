// Certificates are read again when their files change; half of a pair, or half of a file, changes nothing.
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { connect } from "@junctor/client";
import { expect, test } from "vitest";
import { selfSigned } from "../cli/self-signed.ts";
import { parseConfig } from "../config/load.ts";
import type { LogEvent } from "../log.ts";
import { startServer } from "../server.ts";
import { serverConfig } from "./reloader.ts";

test("a new pair is shown to new connections once both files are whole, and sessions go on", async () => {
  const folder = mkdtempSync(join(tmpdir(), "junctor-cert-"));
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const [first, second] = ["first.example", "second.example"].map((name) => selfSigned([name], new Date(), 30)) as [Pair, Pair];
  writeFileSync(cert, first.cert);
  writeFileSync(key, first.key);
  const roles = { guest: {} };
  const text = JSON.stringify({
    version: 1,
    listen: [
      { type: "universal", port: 0, tls: { cert, key } },
      { type: "rawsocket", port: 0 },
    ],
    realms: { app: { auth: [{ method: "anonymous", role: "guest" }], roles } },
  });
  const log: LogEvent[] = [];
  const config = serverConfig(parseConfig(text, join(folder, "config.json")));
  const server = await startServer({ ...config, log: (event) => log.push(event) });
  try {
    const port = server.listeners[0]?.port ?? 0;
    const shown = async () => {
      const socket = connectTls({ port, rejectUnauthorized: false });
      await once(socket, "secureConnect");
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      return CN;
    };
    const certEvents = () => log.flatMap(({ event }) => (event.startsWith("cert.") ? [event] : []));
    await using session = await connect({ url: `tcp://${server.listeners[1]?.address}`, realm: "app" });
    expect(await shown()).toBe("first.example");

    writeFileSync(cert, second.cert.slice(0, 100)); // half of it
    server.checkFiles();
    expect([await shown(), certEvents()]).toEqual(["first.example", ["cert.rejected"]]);
    writeFileSync(cert, second.cert); // and the key of the other
    server.checkFiles();
    expect([await shown(), certEvents()]).toEqual(["first.example", ["cert.rejected", "cert.rejected"]]);
    server.checkFiles(); // said once for each change
    writeFileSync(key, second.key);
    server.checkFiles();
    expect([await shown(), certEvents()]).toEqual(["second.example", ["cert.rejected", "cert.rejected", "cert.reloaded"]]);

    // A reload of the same configuration does not need it, and takes it if nobody has looked.
    writeFileSync(cert, first.cert);
    await expect(server.apply(config)).rejects.toThrow(/is not the key of/);
    writeFileSync(key, first.key);
    await server.apply(config);
    expect([await shown(), session.isOpen]).toEqual(["first.example", true]);
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
});

type Pair = ReturnType<typeof selfSigned>;
