/** The worker of a disk store: waits for the disk, so that the router need not. */
import { parentPort, workerData } from "node:worker_threads";
import { JsonSerializer } from "@junctor/protocol";
import { CborSerializer } from "@junctor/protocol/serializer/cbor";
import { MsgpackSerializer } from "@junctor/protocol/serializer/msgpack";
import type { DiskReply, DiskRequest } from "./disk-messages.ts";
import { DiskService } from "./disk-service.ts";
import { UnusableError } from "./store-directory.ts";

const { path, owner } = workerData as { readonly path: string; readonly owner: string };
const reply = (message: DiskReply) => parentPort?.postMessage(message, message.kind === "page" ? [message.records.buffer] : []);
try {
  // Payloads pass through unread; only the names of their formats matter.
  const service = new DiskService(path, owner, [new JsonSerializer(), new MsgpackSerializer(), new CborSerializer()]);
  parentPort?.on("message", (request: DiskRequest) => {
    const answer = service.handle(request);
    if (request.kind === "close") void service.close().then(() => reply(answer));
    else reply(answer);
  });
  reply(service.opened());
} catch (error) {
  const remedy = error instanceof UnusableError ? error.remedy : undefined;
  reply({ kind: "unusable", message: error instanceof Error ? error.message : String(error), remedy });
}
