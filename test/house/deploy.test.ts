// What deploy/ holds is what the tools that read it take, as far as they are on this machine.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { read } from "./files.ts";

const unit = read("deploy/junctor.service");

describe("the systemd unit", () => {
  test.skipIf(!existsSync("/usr/bin/systemd-analyze"))("has no mistakes that systemd-analyze finds", () => {
    const folder = mkdtempSync(join(tmpdir(), "junctor-unit-"));
    try {
      const file = join(folder, "junctor.service");
      // The program is not installed where this runs.
      writeFileSync(file, unit.replace("/usr/bin/env junctor start", "/bin/true start"));
      const said = execFileSync("/usr/bin/systemd-analyze", ["verify", file], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
      expect(said).toBe("");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each([
    "Type=notify",
    "NotifyAccess=all",
    "ExecReload=/bin/kill -HUP $MAINPID",
    "RestartPreventExitStatus=1",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "DynamicUser=yes",
  ])("says %s", (line) => {
    expect(unit.split("\n")).toContain(line);
  });
});

describe("the container", () => {
  const instructions = read("deploy/Dockerfile")
    .replaceAll("\\\n", "")
    .split("\n")
    .filter((line) => /^[A-Z]+ /.test(line));

  test("runs as a user that is not root, runs no install scripts, and has a health check", () => {
    const user = instructions.findLastIndex((line) => line.startsWith("USER "));
    expect(instructions[user]).toBe("USER node");
    expect(instructions.slice(user).some((line) => line.startsWith("RUN "))).toBe(false);
    expect(instructions.find((line) => line.startsWith("RUN npm"))).toContain("--ignore-scripts");
    expect(instructions.some((line) => line.startsWith("HEALTHCHECK "))).toBe(true);
  });

  test("needs no root file system that can be written", () => {
    const { services } = parse(read("deploy/compose.yaml"));
    expect(services.junctor).toMatchObject({ read_only: true, cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] });
    expect(instructions).toContain("VOLUME /var/lib/junctor");
  });
});
