/** `longpoll`: WAMP over HTTP long-poll (requirements 9.4). */
import { LongPoll } from "@junctor/transport-node";
import type { LongPollSettings } from "../config/web-schema.ts";
import type { WebEnvironment, WebService } from "./web-service.ts";

export function longPoll(settings: LongPollSettings, { router, limits, log }: WebEnvironment): WebService {
  const { origins, hold, silence, status, bindAddress } = settings;
  return new LongPoll({
    accept: (connection, info) => router.attach(connection, info),
    limits,
    origins,
    holdMs: hold,
    silentMs: silence,
    status,
    bindsAddress: bindAddress,
    log,
  });
}
