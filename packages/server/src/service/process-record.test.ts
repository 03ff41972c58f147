// Strays of a server that was killed: found by what only they have, and nobody else is hit.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ProcessRecord, SERVER_VARIABLE } from "./process-record.ts";
import { bootId, groupMembers, processStatus, residentBytes } from "./process-table.ts";

let directory: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "junctor-test-"));
});
afterEach(() => {
  for (const { pid = 0, exitCode, signalCode } of children.splice(0)) if ((exitCode ?? signalCode) === null) process.kill(-pid, "SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

/** A process in a group of its own, which has printed a line when this returns. */
async function started(
  script: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ pid: number; startTime: string; line: string; ended: Promise<unknown> }> {
  const child = spawn("/bin/sh", ["-c", script], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
    env: { PATH: process.env["PATH"], ...env },
  });
  children.push(child);
  const ended = once(child, "exit");
  const line = await new Promise<string>((resolve) => child.stdout?.once("data", (data: Buffer) => resolve(data.toString().trim())));
  return { pid: child.pid ?? 0, startTime: processStatus(child.pid ?? 0)?.startTime ?? "", line, ended };
}

const DEAD_SERVER = { id: "the-server-before", pid: 1, startTime: "never" };

function left(processes: readonly { pid: number; startTime: string }[], boot = bootId(), server: object = DEAD_SERVER): void {
  const entries = processes.map(({ pid, startTime }, i) => ({ service: "api", instance: i + 1, pid, startTime }));
  writeFileSync(join(directory, "services.json"), JSON.stringify({ boot, server, processes: entries }));
}

async function begin(): Promise<number[]> {
  const found: number[] = [];
  const record = await ProcessRecord.begin(directory, ({ pid }) => found.push(pid), 200);
  record.close();
  return found;
}

const isRunning = (pid: number) => processStatus(pid)?.hasEnded === false;

describe.skipIf(process.platform !== "linux")("strays", () => {
  test("that are in the recorded group, with the recorded start, are ended, those that ignore being asked as well", async () => {
    const service = await started('trap "" TERM; sleep 1000 & echo up; wait; sleep 1000');
    left([service]);
    const found = await begin();
    expect(found).toContain(service.pid);
    expect(found.length).toBeGreaterThan(1);
    expect(groupMembers(service.pid)).toEqual([]);
  });

  test("whose leader has ended already are known by their environment", async () => {
    const environment = { [SERVER_VARIABLE]: DEAD_SERVER.id };
    const { pid, startTime, line, ended } = await started("sleep 1000 > /dev/null & echo $!; exit", environment);
    await ended;
    left([{ pid, startTime }]);
    expect(isRunning(Number(line))).toBe(true);
    expect(await begin()).toEqual([Number(line)]);
    expect(isRunning(Number(line))).toBe(false);
  });

  test("that were started and never recorded are known by it, too", async () => {
    const service = await started("echo up; exec sleep 1000", { [SERVER_VARIABLE]: DEAD_SERVER.id });
    left([]);
    expect(await begin()).toEqual([service.pid]);
    expect(isRunning(service.pid)).toBe(false);
  });
});

describe.skipIf(process.platform !== "linux")("nobody is ended", () => {
  test("because a recorded pid, and a group of that number, is another program's by now", async () => {
    const stranger = await started("echo up; exec sleep 1000");
    left([{ pid: stranger.pid, startTime: String(Number(stranger.startTime) - 1) }]);
    expect(await begin()).toEqual([]);
    expect(isRunning(stranger.pid)).toBe(true);
  });

  test("in a group that a recorded process is in but does not lead", async () => {
    const { pid, line } = await started("sleep 1000 > /dev/null & echo $!; wait");
    const member = Number(line);
    left([{ pid: member, startTime: processStatus(member)?.startTime ?? "" }]);
    expect(await begin()).toEqual([]);
    expect([isRunning(pid), isRunning(member)]).toEqual([true, true]);
  });

  test("because of a record from before the machine was started anew, or of one that is damaged", async () => {
    const stranger = await started("echo up; exec sleep 1000", { [SERVER_VARIABLE]: DEAD_SERVER.id });
    left([stranger], "another boot");
    expect(await begin()).toEqual([]);
    writeFileSync(join(directory, "services.json"), `{"boot": "${bootId()}", "processes": [{"pid": ${stranger.pid}`);
    expect(await begin()).toEqual([]);
    expect(isRunning(stranger.pid)).toBe(true);
  });

  test("while the server that keeps the record runs: another one is refused, and told which", async () => {
    const service = await started("echo up; exec sleep 1000", { [SERVER_VARIABLE]: "other" });
    const server = await started("echo up; exec sleep 1000");
    left([service], bootId(), { id: "other", pid: server.pid, startTime: server.startTime });
    await expect(begin()).rejects.toThrow(`is in use by the server with process id ${server.pid}`);
    expect(isRunning(service.pid)).toBe(true);
  });
});

test("the record is this user's alone, holds what runs, and goes when nothing does", async () => {
  const record = await ProcessRecord.begin(directory, () => {});
  const service = await started("echo up; exec sleep 1000");
  const file = join(directory, "services.json");
  record.started("api", 1, service.pid);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const { pid, startTime } = service;
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
    server: { pid: process.pid },
    processes: [{ service: "api", instance: 1, pid, startTime }],
  });
  record.ended(pid);
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ processes: [] });
  record.close();
  expect(existsSync(file)).toBe(false);
});

test.skipIf(process.platform !== "linux")("the memory of a process is that of its descendants, too", async () => {
  const { pid } = await started("sleep 1000 & echo up; wait");
  const alone = await residentBytes(groupMembers(pid).find((member) => member.pid !== pid)?.pid ?? 0);
  expect(alone).toBeGreaterThan(0);
  expect(await residentBytes(pid)).toBeGreaterThan(alone);
});
