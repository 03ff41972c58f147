/** `static`: the files of a directory; nothing outside it, no dotfiles. */
import type { IncomingMessage, ServerResponse } from "node:http";
import sirv from "sirv";
import type { StaticOptions } from "../config/web-schema.ts";
import { UserError, whyUnreadable } from "../user-error.ts";
import { refuse } from "./refusal.ts";
import type { WebService } from "./web-service.ts";

export class StaticFiles implements WebService {
  readonly #files: ReturnType<typeof sirv>;
  readonly #next: WebService | undefined;

  /**
   * @param next answers what is no file of it. Default: 404
   * @throws {UserError} it cannot be read
   */
  constructor({ directory }: StaticOptions, next?: WebService) {
    this.#next = next;
    try {
      this.#files = sirv(directory, { dev: false, dotfiles: false, etag: true });
    } catch (error) {
      throw new UserError(`cannot serve the files of ${directory}: ${whyUnreadable(error)}`, {
        remedy: "name a directory that exists and that this user may read",
      });
    }
  }

  handle(request: IncomingMessage, response: ServerResponse, rest: string, origin: Parameters<WebService["handle"]>[3]): void {
    if (request.method !== "GET" && request.method !== "HEAD")
      return refuse(request, response, 405, "Files can only be read.", { Allow: "GET, HEAD" });
    const { url } = request;
    request.url = rest || "/";
    this.#files(request, response, () => {
      request.url = url;
      if (this.#next !== undefined) this.#next.handle(request, response, rest, origin);
      else refuse(request, response, 404, "There is no such file.");
    });
  }
}
