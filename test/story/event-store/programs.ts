/** Programs of these tests, bundled: they run as processes of their own, which may be killed. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const source = (path: string) => join(root, "packages", path);

export class Programs implements Disposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async build(): Promise<Programs> {
    mkdirSync(join(root, ".cache"), { recursive: true });
    const path = mkdtempSync(join(root, ".cache", "event-store-")); // in here, so that `lmdb` is found
    await build({
      entryPoints: {
        publisher: join(root, "test/story/event-store/publisher.ts"),
        visitor: join(root, "test/story/event-store/visitor.ts"),
        worker: source("server/src/store/disk-worker.ts"),
      },
      outdir: path,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      platform: "node",
      format: "esm",
      external: ["lmdb", "ws"],
      alias: {
        "@junctor/client": source("client/src/node.ts"),
        "@junctor/protocol": source("protocol/src"),
        "@junctor/router": source("router/src/index.ts"),
        "@junctor/transport-node": source("transport-node/src/index.ts"),
      },
      logLevel: "error",
    });
    return new Programs(path);
  }

  file(name: "publisher" | "visitor" | "worker"): string {
    return join(this.#path, `${name}.mjs`);
  }

  /** A directory that goes when it is disposed of. */
  directory() {
    const path = mkdtempSync(join(this.#path, "data-"));
    return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}
