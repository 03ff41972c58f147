// What the quick way reads it reads as Node.js does; all else it leaves alone.
import { createServer, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { parseUpgrade } from "./upgrade-request.ts";

const REQUEST = [
  "GET /ws?x=1 HTTP/1.1",
  "Host: example.com:8080",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Protocol: wamp.2.cbor, wamp.2.json",
];
const text = (lines: readonly string[]) => `${lines.join("\r\n")}\r\n\r\n`;
const without = (name: string) => REQUEST.filter((line) => !line.startsWith(`${name}:`));
const parse = (request: string, maxSize = 8192, maxHeaders = 50) => parseUpgrade(Buffer.from(request, "latin1"), maxSize, maxHeaders);

const http = createServer();
afterAll(() => void http.close());

/** The upgrade that Node.js sees in a request, and what it leaves of it; `undefined` where it sees none. */
function byNode(request: string): Promise<{ method: unknown; url: unknown; headers: object; head: string } | undefined> {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  return new Promise((resolve) => {
    const upgraded = (message: IncomingMessage, _stream: Duplex, head: Buffer) =>
      resolve({ method: message.method, url: message.url, headers: { ...message.headers }, head: head.toString("latin1") });
    http.once("upgrade", upgraded);
    stream.on("close", () => {
      http.off("upgrade", upgraded);
      resolve(undefined);
    });
    http.emit("connection", stream);
    stream.push(Buffer.from(request, "latin1"));
    stream.push(null);
    setImmediate(() => setImmediate(() => stream.destroy()));
  });
}

async function expectSame(request: string): Promise<boolean> {
  const ours = parse(request);
  if (ours === undefined) return false;
  const { method, url, headers } = ours.request;
  expect({ method, url, headers: { ...headers }, head: request.slice(ours.length) }).toEqual(await byNode(request));
  return true;
}

describe("the quick way to read an upgrade", () => {
  test.each([
    ["as browsers send it", [...REQUEST, "Origin: https://example.com", "User-Agent: Mozilla/5.0 (X11; Linux) a/1"]],
    ["with a connection that is kept alive", [...without("Connection"), "Connection: keep-alive, Upgrade"]],
    ["with white space around values", [...without("Host"), "Host:\t example.com \t", "X-Empty:", "X-Blank:   "]],
    ["with names in any case", [...without("Upgrade"), "uPGRADE: WebSocket", "x_y: z"]],
  ])("%s: as Node.js reads it", async (_name, lines) => {
    expect(await expectSame(text(lines))).toBe(true);
  });

  test("what follows it is left", async () => {
    expect(await expectSame(`${text(REQUEST)}\x81\x85abcd`)).toBe(true);
  });

  test.each([
    ["another method", text(["POST /ws HTTP/1.1", ...REQUEST.slice(1)])],
    ["another version", text(["GET /ws HTTP/1.0", ...REQUEST.slice(1)])],
    ["an absolute URL", text(["GET http://example.com/ws HTTP/1.1", ...REQUEST.slice(1)])],
    ["a fragment", text(["GET /ws#x HTTP/1.1", ...REQUEST.slice(1)])],
    ["no upgrade", text(without("Upgrade"))],
    ["an upgrade to something else", text([...without("Upgrade"), "Upgrade: h2c"])],
    ["a connection that is not upgraded", text([...without("Connection"), "Connection: close"])],
    ["no host", text(without("Host"))],
    ["a header twice", text([...REQUEST, "X-A: 1", "x-a: 2"])],
    ["a body", text([...REQUEST, "Content-Length: 5"])],
    ["chunks", text([...REQUEST, "Transfer-Encoding: chunked"])],
    ["a folded line", text([...REQUEST, "X-A: 1", " 2"])],
    ["a space before the colon", text([...REQUEST, "X-A : 1"])],
    ["a name that is none", text([...REQUEST, "X(A): 1"])],
    ["a line without a colon", text([...REQUEST, "nonsense"])],
    ["a line that ends in LF only", text(REQUEST).replace("\r\n", "\n")],
    ["a carriage return in a value", text([...REQUEST, "X-A: 1\r2"])],
    ["a NUL in a value", text([...REQUEST, "X-A: 1\0"])],
    ["text that is not ASCII", text([...REQUEST, "X-A: \xe4"])],
    ["an end that has not come", text(REQUEST).slice(0, -1)],
    ["a TLS handshake", "\x16\x03\x01\x02\x00"],
    ["nothing", ""],
  ])("%s is left to Node.js", (_name, request) => {
    expect(parse(request)).toBeUndefined();
  });

  test("more or longer headers than allowed are left to Node.js", () => {
    const request = text(REQUEST);
    expect(parse(request, request.length - 4, 6)).toBeDefined();
    expect(parse(request, request.length - 5, 6)).toBeUndefined();
    expect(parse(request, request.length, 5)).toBeUndefined();
  });

  test("whatever one octet is changed to, it is read as Node.js does or not at all", async () => {
    const request = text([...REQUEST, "Origin: https://example.com"]);
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(request.length - 1), fc.nat(255), async (at, octet) => {
        const changed = request.slice(0, at) + String.fromCharCode(octet) + request.slice(at + 1);
        if (await expectSame(changed)) accepted++;
      }),
      { numRuns: 500 },
    );
    expect(accepted).toBeGreaterThan(50);
  });
});
