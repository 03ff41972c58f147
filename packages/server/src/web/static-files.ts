/**
 * `static`: the files of a directory, as they are at the time of the request (RFC 9110, 13 and 14: conditions and ranges).
 * Which file a path means is decided in file-tree.ts.
 */
import { createReadStream } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { RequestOrigin } from "@junctor/transport-node";
import type { StaticOptions } from "../config/web-schema.ts";
import { UserError, whyUnreadable } from "../user-error.ts";
import { FileTree, type FoundFile, type Representation } from "./file-tree.ts";
import { refuse } from "./refusal.ts";
import { splitTarget } from "./request-path.ts";
import type { WebService } from "./web-service.ts";

export interface StaticFilesEnvironment {
  /** Answers what is no file. Default: 404. */
  readonly next?: WebService;
  /** Milliseconds on a scale that never goes back. */
  readonly now?: () => number;
}

export class StaticFiles implements WebService {
  readonly #tree: FileTree;
  readonly #options: StaticOptions;
  readonly #next: WebService | undefined;

  /** @throws {UserError} the directory cannot be read */
  constructor(options: StaticOptions, { next, now = () => performance.now() }: StaticFilesEnvironment = {}) {
    this.#options = options;
    this.#next = next;
    try {
      this.#tree = new FileTree(options, now);
    } catch (error) {
      throw new UserError(`cannot serve the files of ${options.directory}: ${whyUnreadable(error)}`, {
        remedy: "name a directory that exists and that this user may read",
      });
    }
  }

  handle(request: IncomingMessage, response: ServerResponse, rest: string, origin: RequestOrigin): void {
    const { method } = request;
    if (method !== "GET" && method !== "HEAD") return refuse(request, response, 405, "Files can only be read.", { Allow: "GET, HEAD" });
    const fresh = this.#tree.remembered(rest);
    if (fresh !== undefined) return send(request, response, fresh);
    void this.#handleSlowly(request, response, rest, origin);
  }

  async #handleSlowly(request: IncomingMessage, response: ServerResponse, rest: string, origin: RequestOrigin): Promise<void> {
    let found: Awaited<ReturnType<FileTree["find"]>>;
    try {
      found = (await this.#tree.find(rest)) ?? (await this.#fallback(request));
    } catch {
      return refuse(request, response, 503, "The files cannot be read at the moment."); // no file descriptors left, for example
    }
    if (response.destroyed) return;
    if (found === "directory") {
      const [path, query] = splitTarget(request.url ?? "");
      refuse(request, response, 308, "This is a directory: its address ends in /", {
        Location: `${path}/${query}`,
        "Cache-Control": "no-cache",
      });
    } else if (found !== undefined) send(request, response, found);
    else if (this.#next !== undefined) this.#next.handle(request, response, rest, origin);
    else refuse(request, response, 404, "There is no such file.");
  }

  /** The page of an application that knows its addresses itself, for people who open one of them. */
  #fallback(request: IncomingMessage): ReturnType<FileTree["find"]> {
    const { fallback } = this.#options;
    const isPage = fallback !== undefined && request.headers.accept?.includes("text/html") === true;
    return isPage ? this.#tree.find(`/${encodeURI(fallback)}`) : Promise.resolve(undefined);
  }
}

function send(request: IncomingMessage, response: ServerResponse, found: FoundFile): void {
  const { headers } = request;
  const chosen = representationFor(found, headers["accept-encoding"]);
  const { etag, size, encoding, body } = chosen;
  if (!isExpected(request, found, etag)) return refuse(request, response, 412, "The file is another one by now.");
  const fields = ["ETag", etag, "Last-Modified", found.lastModified, "Cache-Control", found.cacheControl];
  if (found.representations.length > 1) {
    const vary = response.getHeader("vary"); // of CORS
    fields.push("Vary", vary === undefined ? "Accept-Encoding" : `${vary}, Accept-Encoding`);
  }
  if (isKnown(request, found, etag)) {
    response.writeHead(304, fields).end();
    return;
  }
  fields.push("Content-Type", found.type, "X-Content-Type-Options", "nosniff", "Accept-Ranges", "bytes");
  if (encoding !== undefined) fields.push("Content-Encoding", encoding);
  const range = headers.range === undefined || !isSameRange(headers["if-range"], found, etag) ? undefined : rangeOf(headers.range, size);
  if (range === "none") return refuse(request, response, 416, "The file does not have this part.", { "Content-Range": `bytes */${size}` });
  const { start, end } = range ?? { start: 0, end: size - 1 };
  if (range !== undefined) fields.push("Content-Range", `bytes ${start}-${end}/${size}`);
  fields.push("Content-Length", String(end - start + 1));
  response.writeHead(range === undefined ? 200 : 206, fields);
  if (request.method === "HEAD" || size === 0) response.end();
  else if (body !== undefined) response.end(range === undefined ? body : body.subarray(start, end + 1));
  else stream(response, chosen, start, end);
}

/** From the disk as fast as the client reads. */
function stream(response: ServerResponse, { file }: Representation, start: number, end: number): void {
  const source = createReadStream(file, { start, end, highWaterMark: CHUNK });
  let left = end - start + 1;
  source.on("data", (chunk) => {
    left -= chunk.length;
    if (!response.write(chunk)) source.pause();
  });
  response.on("drain", () => source.resume());
  response.on("close", () => source.destroy());
  // A file that became shorter: the client has to see that this is not all of it.
  source.on("end", () => (left === 0 ? response.end() : response.destroy()));
  source.on("error", () => response.destroy());
}

/** The first of what the client takes, with what is smaller before it. */
function representationFor({ representations }: FoundFile, accepted: string | undefined): Representation {
  const plain = representations.at(-1) as Representation;
  if (representations.length === 1 || accepted === undefined) return plain;
  return representations.find(({ encoding }) => encoding !== undefined && accepts(accepted, encoding)) ?? plain;
}

function accepts(accepted: string, encoding: string): boolean {
  return accepted.split(",").some((item) => {
    const [name = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    return name === encoding && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}

/** `If-Match` and `If-Unmodified-Since`. */
function isExpected({ headers }: IncomingMessage, { modifiedAt }: FoundFile, etag: string): boolean {
  const match = headers["if-match"];
  if (match !== undefined) return match === "*" || tagsIn(match).includes(etag);
  const since = timeOf(headers["if-unmodified-since"]);
  return since === undefined || modifiedAt <= since;
}

/** `If-None-Match`, or else `If-Modified-Since`: the client has this already. */
function isKnown({ headers }: IncomingMessage, { modifiedAt }: FoundFile, etag: string): boolean {
  const none = headers["if-none-match"];
  if (none !== undefined) return none === etag || none === "*" || tagsIn(none).includes(etag);
  const since = timeOf(headers["if-modified-since"]);
  return since !== undefined && modifiedAt <= since;
}

/** Whether the range is one of what the client has begun to read. */
function isSameRange(condition: string | string[] | undefined, { modifiedAt }: FoundFile, etag: string): boolean {
  if (condition === undefined) return true;
  return typeof condition === "string" && (condition.startsWith('"') ? condition === etag : timeOf(condition) === modifiedAt);
}

/** Without the mark of weak ones, as If-None-Match compares them. */
function tagsIn(list: string): string[] {
  return list.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
}

function timeOf(date: string | undefined): number | undefined {
  const time = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(time) ? undefined : time;
}

/** @returns `undefined` for all of it: several ranges, or something else that need not be obeyed; "none": there is no such part */
function rangeOf(header: string, size: number): { readonly start: number; readonly end: number } | "none" | undefined {
  const [, from = "", to = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim()) ?? [];
  if (from === "" && to === "") return undefined;
  if (from === "") return Number(to) === 0 || size === 0 ? "none" : { start: Math.max(0, size - Number(to)), end: size - 1 };
  if (to !== "" && Number(to) < Number(from)) return undefined;
  if (Number(from) >= size) return "none";
  return { start: Number(from), end: to === "" ? size - 1 : Math.min(Number(to), size - 1) };
}

const CHUNK = 256 << 10;
