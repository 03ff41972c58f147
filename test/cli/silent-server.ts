/** Takes connections and never says anything. */
import { type AddressInfo, createServer, type Socket } from "node:net";

export class SilentServer implements AsyncDisposable {
  readonly connected: Promise<void>;
  readonly #server = createServer();
  readonly #sockets: Socket[] = [];

  private constructor() {
    this.connected = new Promise((resolve) => {
      this.#server.on("connection", (socket) => {
        this.#sockets.push(socket.on("error", () => {}));
        resolve();
      });
    });
  }

  static async start(): Promise<SilentServer> {
    const silent = new SilentServer();
    await new Promise<void>((resolve) => silent.#server.listen(0, "127.0.0.1", resolve));
    return silent;
  }

  /** `host:port` */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
