// TLS listeners speak HTTP/2 to who asks for it, and HTTP/1.1 and WebSocket as before.
import { once } from "node:events";
import { createServer } from "node:http";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { connect as connectTls } from "node:tls";
import { TEST_CERTIFICATE, TEST_KEY } from "@junctor/testkit";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { selfSigned } from "../../packages/server/src/cli/self-signed.ts";
import { answerTo, Site } from "./site.ts";

async function secured(web: object, listener: object = {}): Promise<Site> {
  const site = new Site();
  site.file("cert.pem", TEST_CERTIFICATE);
  site.file("key.pem", TEST_KEY);
  site.file("public/index.html", "hello");
  await site.start(web, { tls: { cert: "./cert.pem", key: "./key.pem" }, ...listener });
  return site;
}

async function ask(
  session: ClientHttp2Session,
  headers: Record<string, string | string[]>,
  body?: string,
): Promise<{ headers: IncomingHttpHeaders; body: string }> {
  const stream = session.request({ ":path": "/", ...headers });
  stream.end(body);
  const [answer] = (await once(stream, "response")) as [IncomingHttpHeaders];
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { headers: answer, body: Buffer.concat(chunks).toString() };
}

test("many requests on one connection, files and refusals among them", async () => {
  await using site = await secured({ "/": { static: "./public" } });
  const session = connect(`https://${site.address}`, { ca: TEST_CERTIFICATE });
  const answers = await Promise.all([
    ...Array.from({ length: 20 }, () => ask(session, {})),
    ask(session, { ":path": "/../x" }),
    ask(session, { ":path": "/missing" }),
    ask(session, { ":method": "HEAD" }),
    ask(session, { host: "other" }),
    ask(session, { ":method": "POST", "content-encoding": "gzip" }, "x"),
  ]);
  expect(answers.map(({ headers }) => headers[":status"])).toEqual([...Array(20).fill(200), 400, 404, 200, 421, 415]);
  expect(answers[0]?.body).toBe("hello");
  expect(answers[0]?.headers).toMatchObject({ "content-type": "text/html; charset=utf-8", "x-frame-options": "SAMEORIGIN" });
  session.close();
});

test("a host that is not the listener's is refused", async () => {
  await using site = await secured({ "/": { static: "./public" } });
  const session = connect(`https://${site.address}`, { ca: TEST_CERTIFICATE });
  expect((await ask(session, { ":authority": "evil.example" })).headers[":status"]).toBe(421);
  session.close();
});

test("goes through the reverse proxy as HTTP/1.1, with body, cookies and who the client is", async () => {
  const asked: object[] = [];
  const target = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      asked.push({ method: request.method, url: request.url, headers: request.headers, body });
      response.writeHead(201, "Fine", { "Set-Cookie": ["a=1", "b=2"], "X-A": "1" }).end("done");
    });
  }).listen(0, "127.0.0.1");
  await once(target, "listening");
  await using site = await secured({ "/": { proxy: `http://127.0.0.1:${(target.address() as AddressInfo).port}` } });
  const session = connect(`https://${site.address}`, { ca: TEST_CERTIFICATE });
  const { headers, body } = await ask(session, { ":method": "POST", ":path": "/x?y", cookie: ["c=3", "d=4"] }, "x".repeat(100_000));
  expect([headers[":status"], headers["set-cookie"], headers["x-a"], body]).toEqual([201, ["a=1", "b=2"], "1", "done"]);
  expect(asked).toEqual([
    {
      method: "POST",
      url: "/x?y",
      body: "x".repeat(100_000),
      headers: expect.objectContaining({
        host: site.address,
        cookie: "c=3; d=4",
        "x-forwarded-proto": "https",
        "x-forwarded-for": "127.0.0.1",
      }),
    },
  ]);
  session.close();
  target.closeAllConnections();
  target.close();
});

test.each(["web", "universal"])("HTTP/1.1 and WebSocket go on beside it (%s)", async (type) => {
  await using site = await secured({ "/": { static: "./public" } }, { type });
  const { status, body } = await answerTo(request({ port: site.port, host: "127.0.0.1", ca: TEST_CERTIFICATE, agent: false }));
  expect([status, body.toString()]).toEqual([200, "hello"]);
  const client = new WebSocket(`wss://${site.address}/ws`, "wamp.2.json", { ca: TEST_CERTIFICATE });
  await once(client, "open");
  client.close();
  await once(client, "close");
});

test("a client is shown the certificate that holds for the name that it asks for", async () => {
  await using site = new Site();
  const now = new Date();
  for (const name of ["one", "two"]) {
    const { cert, key } = selfSigned([`${name}.example`, `*.${name}.example`], now, 1);
    site.file(`${name}.pem`, cert);
    site.file(`${name}.key`, key);
  }
  const tls = { cert: "./one.pem", key: "./one.key", also: [{ cert: "./two.pem", key: "./two.key" }] };
  await site.start({ "/": { json: 1 } }, { tls });
  const shown = async (servername: string) => {
    const socket = connectTls({ port: site.port, host: "127.0.0.1", servername, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { subject } = socket.getPeerCertificate();
    socket.destroy();
    return subject.CN;
  };
  const names = ["one.example", "two.example", "www.two.example", "three.example", ""];
  expect(await Promise.all(names.map(shown))).toEqual(["one.example", "two.example", "two.example", "one.example", "one.example"]);
});
