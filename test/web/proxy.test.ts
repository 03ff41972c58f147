// `proxy`: requests and WebSockets that another server answers, and what never reaches it.
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { exchange, Site } from "./site.ts";

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A server behind the proxy that keeps what it is asked. */
class Origin implements AsyncDisposable {
  readonly requests: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage["headers"];
    readonly body: string;
  }[] = [];
  readonly http = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      this.requests.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
      this.#handler(request, response, body);
    });
  });
  readonly #handler: Handler;
  readonly #sockets = new Set<Socket>();

  constructor(handler: Handler = (_request, response, body) => response.end(`got ${body}`)) {
    this.#handler = handler;
    this.http.on("connection", (socket) => this.#sockets.add(socket));
  }

  async open(where: number | string = 0): Promise<this> {
    this.http.listen(typeof where === "number" ? { port: where, host: "127.0.0.1" } : { path: where });
    await once(this.http, "listening");
    return this;
  }

  get port(): number {
    return (this.http.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.http.close(resolve));
  }
}

async function proxied(proxy: object | string, listener: object = {}, path = "/"): Promise<Site> {
  const site = new Site();
  await site.start({ [path]: { proxy } }, listener);
  return site;
}

describe("a request", () => {
  test("is handed on with its body, and the answer back", async () => {
    await using origin = await new Origin((_request, response, body) => {
      response.writeHead(201, { "X-Answer": "yes", "Set-Cookie": ["a=1", "b=2"], Connection: "x-secret", "X-Secret": "1" });
      response.end(`got ${body.length}`);
    }).open();
    await using site = await proxied(origin.url);
    const body = "x".repeat(300_000);
    const { status, headers, body: answer } = await site.ask("/a/b?q=%20&r", { method: "POST", body, headers: { "X-Custom": "1" } });
    expect([status, answer.toString()]).toEqual([201, "got 300000"]);
    expect(headers).toMatchObject({ "x-answer": "yes", "set-cookie": ["a=1", "b=2"] });
    expect(headers["x-secret"]).toBeUndefined();
    expect(origin.requests).toHaveLength(1);
    expect(origin.requests[0]).toMatchObject({ method: "POST", url: "/a/b?q=%20&r", body, headers: { "x-custom": "1" } });
  });

  test("carries who the client is, and nothing that the client says of that", async () => {
    await using origin = await new Origin().open();
    await using site = await proxied(origin.url);
    const lies = { "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil", "X-Forwarded-Anything": "1" };
    await site.ask("/", {
      headers: {
        ...lies,
        "X-Real-IP": "6.6.6.6",
        Forwarded: "for=6.6.6.6",
        Proxy: "evil",
        X_Forwarded_For: "6.6.6.6",
        Connection: "x-hop, X-Forwarded-For",
        "X-Hop": "1",
        TE: "trailers",
      },
    });
    const { headers } = origin.requests[0] ?? {};
    expect(headers).toMatchObject({
      host: site.address,
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": site.address,
      "x-real-ip": "127.0.0.1",
    });
    for (const name of ["forwarded", "proxy", "x-hop", "te", "x_forwarded_for", "x-forwarded-anything"])
      expect(headers).not.toHaveProperty(name);
  });

  test("that a trusted proxy sends carries what that one says", async () => {
    await using origin = await new Origin().open();
    await using site = await proxied(origin.url, { trustedProxies: ["127.0.0.1"] });
    const headers = { "X-Forwarded-For": "6.6.6.6, 192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example.com" };
    await site.ask("/", { headers });
    expect(origin.requests[0]?.headers).toMatchObject({
      "x-forwarded-for": "6.6.6.6, 192.0.2.7, 127.0.0.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "shop.example.com",
      "x-real-ip": "192.0.2.7",
    });
  });

  test("keeps its path or loses the entry's own, and may get another Host", async () => {
    await using origin = await new Origin().open();
    await using kept = await proxied(`${origin.url}/base/`, {}, "/app");
    await using stripped = await proxied({ to: origin.url, stripPath: true, host: "target" }, {}, "/app");
    for (const path of ["/app", "/app/x?y"]) {
      await kept.ask(path);
      await stripped.ask(path);
    }
    expect(origin.requests.map(({ url }) => url)).toEqual(["/base/app", "/", "/base/app/x?y", "/x?y"]);
    expect(origin.requests[1]?.headers).toMatchObject({ host: `127.0.0.1:${origin.port}`, "x-forwarded-prefix": "/app" });
  });

  test("reaches a UNIX socket", async () => {
    await using site = new Site();
    await using origin = await new Origin().open(join(site.directory, "app.sock"));
    await site.start({ "/": { proxy: "unix:./app.sock" } });
    expect((await site.ask("/")).body.toString()).toBe("got ");
    expect(origin.requests).toHaveLength(1);
  });

  test("goes nowhere but to the target, whatever host it names", async () => {
    await using origin = await new Origin().open();
    await using other = await new Origin().open();
    await using site = await proxied(origin.url);
    await site.ask("/", { headers: { Host: `127.0.0.1:${other.port}` } });
    await site.ask(`http://127.0.0.1:${other.port}/`, { headers: { Host: `127.0.0.1:${other.port}` } });
    await site.ask(`http://127.0.0.1:${other.port}/`);
    await site.raw(`CONNECT 127.0.0.1:${other.port} HTTP/1.1\r\nHost: 127.0.0.1:${other.port}\r\n\r\n`);
    expect(other.requests).toEqual([]);
    expect(origin.requests.map(({ url }) => url)).toEqual(["/", "/"]);
  });
});

describe("an answer", () => {
  test("streams as it comes, and no faster than the client reads", async () => {
    let written = 0;
    let wrote: () => void = () => {};
    await using origin = await new Origin((_request, response) => {
      const more = () => {
        while (written < 64 << 20) {
          written += 64 << 10;
          if (!response.write(Buffer.alloc(64 << 10))) break;
        }
        if (written >= 64 << 20) response.end();
        wrote();
      };
      response.on("drain", more);
      more();
    }).open();
    await using site = await proxied(origin.url);
    const asked = request({ port: site.port, agent: false }).end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    // Nothing is read: the origin stops writing long before its 64 MiB.
    for (let before = -1; before !== written; ) {
      before = written;
      await new Promise<void>((resolve) => {
        const idle = setTimeout(resolve, 200);
        wrote = () => {
          clearTimeout(idle);
          resolve();
        };
      });
    }
    expect(written).toBeLessThan(32 << 20);
    let received = 0;
    response.on("data", (chunk: Buffer) => {
      received += chunk.length;
    });
    await once(response, "end");
    expect(received).toBe(64 << 20);
  });

  test("that breaks off does not look whole", async () => {
    await using origin = await new Origin((request, response) => {
      response.write("part");
      setImmediate(() => request.socket.destroy());
    }).open();
    await using site = await proxied(origin.url);
    await expect(site.ask("/")).rejects.toThrow(/aborted|hang up|ECONNRESET/);
  });

  test("is 502 without a server, 504 where it is silent, and says nothing of the inside", async () => {
    await using silent = await new Origin(() => {}).open();
    await using site = new Site();
    await using gone = await new Origin().open();
    const { port } = gone;
    await gone[Symbol.asyncDispose]();
    await site.start({
      "/gone": { proxy: `http://127.0.0.1:${port}` },
      "/silent": { proxy: { to: silent.url, responseTimeout: "50ms" } },
      "/garbage": { proxy: silent.url },
    });
    const bad = await site.ask("/gone", { headers: { accept: "text/html" } });
    expect([bad.status, bad.headers["content-type"]]).toEqual([502, "text/html; charset=utf-8"]);
    expect(bad.body.toString()).not.toContain(String(port));
    expect((await site.ask("/silent", { method: "POST", body: "x" })).status).toBe(504);
    expect(site.log).toContainEqual(expect.objectContaining({ event: "proxy.target", path: "/gone", state: "down" }));
  });

  test("ends the request at the target when the client goes", async () => {
    let gone: (value: unknown) => void = () => {};
    const closed = new Promise((resolve) => {
      gone = resolve;
    });
    await using origin = await new Origin((_request, response) => {
      response.on("close", gone);
      response.write("first");
    }).open();
    await using site = await proxied(origin.url);
    const asked = request({ port: site.port, agent: false }).end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    response.destroy();
    await closed;
  });
});

describe("several targets", () => {
  test("share the requests, and one that is gone is passed over", async () => {
    await using one = await new Origin().open();
    await using two = await new Origin().open();
    await using site = await proxied({ to: [one.url, two.url] });
    for (let i = 0; i < 10; i++) await site.ask("/");
    expect([one.requests.length, two.requests.length]).toEqual([5, 5]);
    await two[Symbol.asyncDispose]();
    for (let i = 0; i < 10; i++) expect((await site.ask("/", { method: "POST", body: "x" })).status).toBe(200);
    expect(one.requests.length).toBe(15);
  });

  test("are asked whether they are well", async () => {
    let isWell = false;
    const answer: Handler = ({ url }, response) => response.writeHead(url === "/health" && !isWell ? 503 : 200).end();
    await using one = await new Origin(answer).open();
    await using two = await new Origin((_request, response) => response.end()).open();
    await using site = await proxied({ to: [one.url, two.url], health: { path: "/health", interval: "20ms" } });
    const isLogged = (state: string) => site.until(() => site.log.some((event) => event.event === "proxy.target" && event.state === state));
    await isLogged("down");
    for (let i = 0; i < 4; i++) await site.ask("/x");
    expect(one.requests.filter(({ url }) => url === "/x")).toEqual([]);
    isWell = true;
    await isLogged("up");
    for (let i = 0; i < 4; i++) await site.ask("/x");
    expect(one.requests.filter(({ url }) => url === "/x").length).toBe(2);
  });
});

describe("a WebSocket", () => {
  async function echo(): Promise<{ readonly origin: Origin; readonly webSockets: WebSocketServer }> {
    const origin = await new Origin((_request, response) => response.writeHead(403, { "X-Why": "because" }).end("no")).open();
    const webSockets = new WebSocketServer({ noServer: true });
    origin.http.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      if (request.url === "/ws2/closed") return void socket.destroy();
      if (request.url === "/ws2/other")
        return void socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n");
      webSockets.handleUpgrade(request, socket, head, (webSocket) =>
        webSocket.on("message", (data, isBinary) => webSocket.send(data, { binary: isBinary })),
      );
    });
    return { origin, webSockets };
  }

  test("goes through, with the headers of its client", async () => {
    const { origin } = await echo();
    await using _ = origin;
    await using site = await proxied(origin.url);
    let headers: IncomingMessage["headers"] = {};
    origin.http.on("upgrade", (request: IncomingMessage) => {
      headers = request.headers;
    });
    const client = new WebSocket(`ws://${site.address}/ws2`);
    await once(client, "open");
    client.send("hello");
    const [data] = (await once(client, "message")) as [Buffer];
    expect(String(data)).toBe("hello");
    const large = Buffer.alloc(5 << 20, 7);
    client.send(large);
    expect(((await once(client, "message")) as [Buffer])[0].equals(large)).toBe(true);
    expect(headers).toMatchObject({ upgrade: "websocket", "x-forwarded-for": "127.0.0.1", host: site.address });
    client.close();
    await once(client, "close");
  });

  test("that is refused is told why, and nothing else becomes a tunnel", async () => {
    const { origin } = await echo();
    await using _ = origin;
    await using site = await proxied(origin.url);
    const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    const upgrade = (path: string, more = "", protocol = "websocket", method = "GET") =>
      site.raw(`${method} ${path} HTTP/1.1\r\nHost: ${site.address}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n${key}${more}\r\n`);
    expect(await upgrade("/ws2/closed")).toMatch(/^HTTP\/1.1 502 /);
    expect(await upgrade("/ws2/other")).toMatch(/^HTTP\/1.1 502 /);
    expect(await upgrade("/ws2", "", "h2c, websocket")).toMatch(/^HTTP\/1.1 400 /);
    expect(await upgrade("/ws2", "Content-Length: 5\r\n", "websocket", "POST")).toMatch(/^HTTP\/1.1 400 /);
    expect(await upgrade("/ws2/../x")).toMatch(/^HTTP\/1.1 400 /);
  });
});

/** What one server could take for one request and another for two, or for another one (T38). */
const HEAD = "Host: a\r\n";
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const SMUGGLING: Readonly<Record<string, string>> = {
  "length and chunks": `POST / HTTP/1.1\r\n${HEAD}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`,
  "chunks and length": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1\r\nZ\r\n0\r\n\r\n${SMUGGLED}`,
  "two lengths": `POST / HTTP/1.1\r\n${HEAD}Content-Length: 0\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  "a list of lengths": `POST / HTTP/1.1\r\n${HEAD}Content-Length: 0, ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  "a length with a sign": `POST / HTTP/1.1\r\n${HEAD}Content-Length: +0\r\n\r\n${SMUGGLED}`,
  "a negative length": `POST / HTTP/1.1\r\n${HEAD}Content-Length: -1\r\n\r\n${SMUGGLED}`,
  "a length in hexadecimal": `POST / HTTP/1.1\r\n${HEAD}Content-Length: 0x0\r\n\r\n${SMUGGLED}`,
  "a huge length": `POST / HTTP/1.1\r\n${HEAD}Content-Length: 99999999999999999999\r\n\r\n${SMUGGLED}`,
  "an empty length": `POST / HTTP/1.1\r\n${HEAD}Content-Length: \r\n\r\n${SMUGGLED}`,
  "a length with a space before its colon": `POST / HTTP/1.1\r\n${HEAD}Content-Length : ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  "an encoding with a space before its colon": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
  "an unknown encoding": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: xchunked\r\n\r\n${SMUGGLED}`,
  "chunked not last": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  "chunked twice": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "chunked and identity": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
  "an encoding in quotes": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`,
  "an encoding after a vertical tab": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`,
  "an encoding with a null": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n`,
  "a folded line": `POST / HTTP/1.1\r\n${HEAD}X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n`,
  "a folded encoding": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`,
  "a bad chunk size": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n${SMUGGLED}`,
  "a chunk size with a sign": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n${SMUGGLED}`,
  "a chunk size with 0x": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${SMUGGLED}`,
  "a huge chunk size": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n${SMUGGLED}`,
  "a chunk without its end": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nZZ0\r\n\r\n${SMUGGLED}`,
  "a chunk size that ends in LF": `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n1\nZ\r\n0\r\n\r\n`,
  "a header line that ends in LF": `GET / HTTP/1.1\nHost: a\nContent-Length: 0\n\n`,
  "a header line that ends in CR": `GET / HTTP/1.1\r\n${HEAD}X: a\rTransfer-Encoding: chunked\r\n\r\n`,
  "a header without a name": `GET / HTTP/1.1\r\n${HEAD}: b\r\n\r\n`,
  "a header without a colon": `GET / HTTP/1.1\r\n${HEAD}Transfer-Encoding chunked\r\n\r\n`,
  "a null in a header": `GET / HTTP/1.1\r\n${HEAD}X: a\0b\r\n\r\n`,
  "a space in the target": `GET /a b HTTP/1.1\r\n${HEAD}\r\n`,
  "a line end in the target": `GET /a%0d%0aX:b HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`,
  "two hosts": `GET / HTTP/1.1\r\n${HEAD}Host: b\r\n\r\n`,
  "another protocol": `GET / HTTP/1.2\r\n${HEAD}\r\n`,
  "no protocol": `GET /\r\n\r\n`,
  "a space before the first header": `GET / HTTP/1.1\r\n X: y\r\n${HEAD}\r\n`,
};

describe("smuggling", () => {
  test.each(Object.entries(SMUGGLING))("by %s is refused, and the target sees nothing of it (T38)", async (_, bytes) => {
    await using origin = await new Origin().open();
    await using site = await proxied(origin.url, { hosts: ["*"] });
    const answer = await exchange(site.port, Buffer.from(bytes, "latin1"));
    expect(origin.requests.filter(({ url }) => url === "/smuggled")).toEqual([]);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).not.toMatch(/HTTP\/1\.1 (?!400)/);
    expect(origin.requests).toEqual([]);
  });

  test("is not what two requests on one connection are: each that comes in is one that goes out", async () => {
    await using origin = await new Origin().open();
    await using site = await proxied(origin.url, { hosts: ["*"] });
    const inner = `GET /inner HTTP/1.1\r\n${HEAD}\r\n`;
    const answers = await exchange(
      site.port,
      [
        `POST /1 HTTP/1.1\r\n${HEAD}Content-Length: ${inner.length}\r\n\r\n${inner}`,
        `POST /2 HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n${inner.length.toString(16)};ext=1\r\n${inner}\r\n0\r\nTrailer: x\r\n\r\n`,
        `GET /3 HTTP/1.1\r\n${HEAD}Content-Length: ${inner.length}\r\n\r\n${inner}`,
        `DELETE /4 HTTP/1.1\r\n${HEAD}\r\n`,
        `POST /5 HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`,
      ].join(""),
    );
    expect(answers.match(/HTTP\/1\.1 200/g)).toHaveLength(5);
    expect(origin.requests.map(({ url, body }) => [url, body])).toEqual([
      ["/1", inner],
      ["/2", inner],
      ["/3", inner],
      ["/4", ""],
      ["/5", ""],
    ]);
  });

  test("back, in the answer of a target, ends there", async () => {
    const answers = [
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: a\n b\r\n\r\n",
      "SSH-2.0\r\n",
    ];
    const target: Server = createTcpServer((socket) => {
      socket.once("data", () => socket.end(answers.shift() ?? ""));
      socket.on("error", () => {});
    });
    target.listen(0, "127.0.0.1");
    await once(target, "listening");
    await using site = await proxied(`http://127.0.0.1:${(target.address() as AddressInfo).port}`);
    for (let i = 0; i < 3; i++) expect((await site.ask("/")).status).toBe(502);
    target.close();
  });
});

test("a request on a kept connection that the target was just closing is sent again, once it changes nothing", async () => {
  let sockets = 0;
  const target = createTcpServer((socket) => {
    let requests = 0;
    const isFirst = sockets++ === 0;
    socket.on("error", () => {});
    socket.on("data", () => {
      if (isFirst && ++requests === 2) socket.resetAndDestroy();
      else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  });
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  await using site = await proxied(`http://127.0.0.1:${(target.address() as AddressInfo).port}`);
  expect((await site.ask("/")).status).toBe(200);
  expect((await site.ask("/")).status).toBe(200);
  expect(sockets).toBe(2);
  target.close();
});
