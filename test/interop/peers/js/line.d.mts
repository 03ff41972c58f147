import type { Answer, Command } from "../../peer.ts";

type Values = readonly unknown[];
type Dict = Readonly<Record<string, unknown>>;
interface Message {
  readonly args: Values;
  readonly kwargs: Dict;
}

export class CallError extends Error {
  readonly uri: string;
  readonly args: Values;
  readonly kwargs: Dict;
  constructor(uri: string, args?: Values, kwargs?: Dict);
}

/** A session of the client under test. */
export interface Client {
  register(procedure: string, handler: (args: Values, kwargs: Dict) => Message): Promise<unknown>;
  call(procedure: string, args: Values, kwargs: Dict): Promise<Message>;
  subscribe(topic: string, handler: (args: Values, kwargs: Dict) => void): Promise<unknown>;
  publish(topic: string, args: Values, kwargs: Dict): Promise<unknown>;
  leave(): Promise<unknown>;
}

export function executor<Options>(connect: (options: Options) => Promise<Client>): (command: Command) => Promise<Answer>;
