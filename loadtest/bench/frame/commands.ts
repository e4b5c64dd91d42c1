import { Deferred } from '@pharos/lifecycle';

/**
 * Commands between the bench and its processes, over the IPC channel. Parameters and results are JSON.
 *
 * A process ends with its channel, so none outlives the bench, however that ends.
 */
export type CommandTable = Record<string, (params: never) => unknown>;

export interface CommandMessage {
  readonly id: number;
  readonly method: string;
  readonly params: unknown;
}

export interface AnswerMessage {
  readonly id: number;
  readonly result?: unknown;
  /** What went wrong, with its stack. */
  readonly error?: string;
}

/** Sent once, when the process takes commands. */
export const readyMessage = 'ready';

/** Answers the bench's commands in this process; resolves when the bench has let go of it. */
export async function serveCommands(handlers: CommandTable): Promise<void> {
  const gone = new Deferred();
  process.once('disconnect', () => gone.resolve());
  // A Ctrl-C in the terminal goes to the bench too, which ends its processes in order.
  process.on('SIGINT', () => undefined);
  process.on('message', (message) => void answer(handlers, message as CommandMessage));
  process.send?.(readyMessage);
  await gone.promise;
}

async function answer(handlers: CommandTable, { id, method, params }: CommandMessage): Promise<void> {
  const handler = handlers[method] as ((params: unknown) => unknown) | undefined;
  let reply: AnswerMessage;
  try {
    if (handler === undefined) throw new RangeError(`no such command: ${method}`);
    reply = { id, result: await handler(params) };
  } catch (error) {
    reply = { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  if (process.connected) process.send?.(reply);
}
