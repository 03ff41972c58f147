/** The end of an event-loop turn: what was queued for a connection in the turn leaves in one write. */

export interface Flushable {
  flush(): void;
}

const dirty: Flushable[] = [];
let isScheduled = false;

/** Has `connection` flushed when the turn's input is worked off. A connection asks once per turn. */
export function flushLater(connection: Flushable): void {
  dirty.push(connection);
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(flushAll);
}

function flushAll(): void {
  isScheduled = false;
  const count = dirty.length;
  for (let i = 0; i < count; i++) (dirty[i] as Flushable).flush();
  dirty.splice(0, count);
}
