// Which pages may open a WebSocket, and by which names a listener may be called: each trick of a foreign page, and its answer.
import { once } from "node:events";
import { openSocket, startRouter } from "@junctor/testkit";
import { describe, expect, test } from "vitest";
import { isHostRule, isOriginRule, WebAccessList } from "./web-access.ts";

const SHOP = ["https://shop.example"];
const SUBDOMAINS = ["https://*.shop.example"];
const ANY_PORT = ["http://shop.example:*"];
const IDN = ["https://bücher.example"];

describe("a page may open a WebSocket only where its origin is named (T8)", () => {
  test.each<[what: string, origins: string[] | undefined, origin: string | undefined, host: string, isAllowed: boolean]>([
    ["no page at all", undefined, undefined, "shop.example", true],
    ["a page of the same host", undefined, "https://shop.example", "shop.example", true],
    ["the same host, its port written out", undefined, "https://shop.example", "shop.example:443", true],
    ["the same host and port", undefined, "http://shop.example:8080", "shop.example:8080", true],
    ["the same host in IPv6", undefined, "http://[::1]:8080", "[::1]:8080", true],
    ["the same host, in other letters", undefined, "https://SHOP.example", "Shop.Example", true],
    ["another port of the same host", undefined, "http://shop.example:3000", "shop.example:8080", false],
    ["the port of another scheme", undefined, "http://shop.example", "shop.example:443", false],
    ["another host", undefined, "https://evil.example", "shop.example", false],
    ["a host that begins alike", undefined, "https://shop.example.evil.example", "shop.example", false],
    ["a host that ends alike", undefined, "https://evil-shop.example", "shop.example", false],
    ["a page without an origin", undefined, "null", "shop.example", false],
    ["a page without an origin, of a host called null", undefined, "null", "null", false],
    ["an empty origin", undefined, "", "shop.example", false],
    ["a page of this machine", undefined, "http://localhost:5173", "localhost:8080", false],
    ["a page of this machine, where it may", ["loopback"], "http://localhost:5173", "127.0.0.1:8080", true],
    ["the same by address", ["loopback"], "https://127.0.0.2:5173", "localhost:8080", true],
    ["the same in IPv6", ["loopback"], "http://[::1]:5173", "localhost:8080", true],
    ["a name that begins like loopback", ["loopback"], "http://127.0.0.1.evil.example", "localhost:8080", false],
    ["a name that ends like localhost", ["loopback"], "http://evillocalhost", "localhost:8080", false],
    ["the origin that is named", SHOP, "https://shop.example", "router.example", true],
    ["the origin that is named, in other letters", SHOP, "HTTPS://Shop.Example", "router.example", true],
    ["the same host, where others are named", SHOP, "https://router.example", "router.example", false],
    ["another scheme", SHOP, "http://shop.example", "router.example", false],
    ["another port", SHOP, "https://shop.example:8443", "router.example", false],
    ["the scheme's own port, written out", SHOP, "https://shop.example:443", "router.example", true],
    ["a subdomain", SHOP, "https://a.shop.example", "router.example", false],
    ["a prefix trick", SHOP, "https://shop.example.evil.example", "router.example", false],
    ["a suffix trick", SHOP, "https://evilshop.example", "router.example", false],
    ["user information", SHOP, "https://shop.example@evil.example", "router.example", false],
    ["user information in front", SHOP, "https://evil.example@shop.example", "router.example", false],
    ["a path", SHOP, "https://shop.example/", "router.example", false],
    ["a path after another host", SHOP, "https://evil.example/https://shop.example", "router.example", false],
    ["two origins", SHOP, "https://shop.example https://evil.example", "router.example", false],
    ["a final dot", SHOP, "https://shop.example.", "router.example", false],
    ["a backslash", SHOP, "https://evil.example\\.shop.example", "router.example", false],
    ["null, where another is named", SHOP, "null", "router.example", false],
    ["null, where it is named", ["null"], "null", "router.example", true],
    ["what is no origin, where null is named", ["null"], "nonsense", "router.example", false],
    ["a subdomain, where all are named", SUBDOMAINS, "https://a.b.shop.example", "router.example", true],
    ["the domain itself, where its subdomains are", SUBDOMAINS, "https://shop.example", "router.example", false],
    ["a suffix trick with subdomains", SUBDOMAINS, "https://a.evilshop.example", "router.example", false],
    ["a prefix trick with subdomains", SUBDOMAINS, "https://a.shop.example.evil.example", "router.example", false],
    ["any port", ANY_PORT, "http://shop.example:81", "router.example", true],
    ["any port, another scheme", ANY_PORT, "https://shop.example:81", "router.example", false],
    ["an international name, as browsers send it", IDN, "https://xn--bcher-kva.example", "router.example", true],
    ["a name that looks like it", IDN, "https://bucher.example", "router.example", false],
    ["a homograph", SHOP, "https://xn--shp-lxa.example", "router.example", false],
    ["another kind of page", ["capacitor://localhost"], "capacitor://localhost", "router.example", true],
    ["that kind, elsewhere", ["capacitor://localhost"], "http://localhost", "router.example", false],
    ["anybody, where all are", ["*"], "https://evil.example", "router.example", true],
    ["anybody without an origin, where all are", ["*"], "null", "router.example", true],
  ])("%s", (_what, origins, origin, host, isAllowed) => {
    const access = new WebAccessList(origins === undefined ? {} : { origins }, false);
    expect(access.allowsOrigin({ host, ...(origin !== undefined && { origin }) })).toBe(isAllowed);
  });
});

describe("a listener answers to its own names only (T9)", () => {
  const loopback = new WebAccessList({}, true);
  const named = new WebAccessList({ hosts: ["router.example", "*.apps.example", "Bücher.example"] }, false);
  test.each<[WebAccessList, string | undefined, boolean]>([
    [loopback, "localhost:8080", true],
    [loopback, "dev.localhost", true],
    [loopback, "127.0.0.1:8080", true],
    [loopback, "[::1]:8080", true],
    [loopback, "192.168.1.7", true],
    [loopback, undefined, true],
    [loopback, "evil.example:8080", false],
    [loopback, "localhost.evil.example", false],
    [loopback, "127.0.0.1.nip.io", false],
    [loopback, "evil.example@localhost", false],
    [loopback, "", false],
    [named, "router.example", true],
    [named, "ROUTER.example.:8080", true],
    [named, "a.apps.example", true],
    [named, "apps.example", false],
    [named, "xn--bcher-kva.example", true],
    [named, "evilrouter.example", false],
    [named, "router.example.evil.example", false],
    [named, "localhost", true],
    [new WebAccessList({}, false), "anything.example", true],
    [new WebAccessList({ hosts: ["*"] }, true), "anything.example", true],
  ])("%#: %2$s", (access, host, isAllowed) => {
    expect(access.allowsHost(host === undefined ? {} : { host })).toBe(isAllowed);
  });
});

test("what names no origin and no host is told when the listener is made", () => {
  for (const text of [
    "shop.example",
    "https://",
    "https://shop.example/",
    "https://*",
    "https://a.*.b",
    "https://a@b",
    "https://a:99999",
    "",
  ])
    expect([text, isOriginRule(text)]).toEqual([text, false]);
  for (const text of ["shop.example:80", "a.*.b", "**", "http://a", "a b", ""]) expect([text, isHostRule(text)]).toEqual([text, false]);
  expect(() => new WebAccessList({ origins: ["shop.example"] }, true)).toThrow('"shop.example" names no origin or host');
});

const asking = (path: string, headers: string) =>
  `GET ${path} HTTP/1.1\r\n${headers}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: wamp.2.json\r\n\r\n`;

test.each([false, true])(
  "over the wire a foreign page gets 403, a foreign name 421, and the log says why (deflate %s)",
  async (deflate) => {
    await using router = await startRouter({ connection: { name: "ws", transport: "ws", serializer: "json" }, listen: { deflate } });
    const { address } = router.listener;
    const answerTo = async (octets: string) => {
      const socket = await openSocket(address);
      socket.write(octets);
      const [answer] = (await once(socket, "data")) as [Buffer];
      socket.destroy();
      return answer.toString();
    };
    expect(await answerTo(asking("/ws", `Host: ${address}\r\nOrigin: https://evil.example\r\n`))).toMatch(
      /^HTTP\/1.1 403 [\s\S]*Pages of https:\/\/evil.example may not connect here/,
    );
    expect(await answerTo(asking("/ws", "Host: evil.example\r\nOrigin: http://evil.example\r\n"))).toMatch(/^HTTP\/1.1 421 /);
    expect(await answerTo("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")).toMatch(/^HTTP\/1.1 421 /);
    expect(await answerTo(asking("/ws", `Host: ${address}\r\nOrigin: http://${address}\r\n`))).toMatch(/^HTTP\/1.1 101 /);
    const refused = router.log.all.flatMap((entry) => (entry.event === "connection.refused" ? [entry.reason] : []));
    expect(refused).toEqual(["origin", "host", "host"]);
  },
);
