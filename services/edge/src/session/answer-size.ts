import type { RawData } from '@pharos/client-protocol';
import { type Logger, ThrottledLog } from '@pharos/telemetry';

import type { ClientSession } from './client-session.ts';
import type { Grant } from './grant.ts';

const logMs = 10_000;
/** What a subscription takes in an answer besides its name, its data and what was missed: position, flags, braces. */
const subscriptionBytes = 160;

/** Complains of what the application gives for clients, by its backend, its tokens or the server API, and none can be sent. */
export class Oversized {
  readonly #log: ThrottledLog;
  #last: object = {};

  constructor(logger: Logger) {
    this.#log = new ThrottledLog(logMs, (times) =>
      logger.warn(
        { ...this.#last, times },
        'what the application gave for a client is larger than half of client.queue_max_size: it was refused (error 106), since it would end connections again and again; the last one so',
      ),
    );
  }

  note(what: string, client: string, bytes: number, limitBytes: number): void {
    this.#last = { what, client, bytes, limitBytes };
    this.#log.note();
  }

  stop(): void {
    this.#log.stop();
  }
}

/** Whether so much can be sent at a time; where it is not, that is noted. What fills a client's queue would end its connection, again at each try. */
export function fits(session: ClientSession, what: string, bytes: number): boolean {
  const limitBytes = session.context.limits.queueBytes / 2;
  if (bytes <= limitBytes) return true;
  session.context.oversized.note(what, session.id, bytes, limitBytes);
  return false;
}

/** Whether a subscription can be answered, and shown to others together with what is shown of the connection. */
export function grantFits(session: ClientSession, { data, info }: Grant, connInfo: RawData | undefined): boolean {
  return (
    fits(session, 'data of a subscription', sizeOf(data)) &&
    fits(session, 'info of a connection and its subscription', sizeOf(connInfo) + sizeOf(info))
  );
}

/** What the answer to a connect takes, without what was missed. */
export function welcomeSize(data: RawData | undefined, subs: ReadonlyMap<string, Grant>): number {
  let bytes = sizeOf(data);
  for (const [channel, grant] of subs) {
    bytes += Buffer.byteLength(JSON.stringify(channel)) + subscriptionBytes + sizeOf(grant.data);
  }
  return bytes;
}

export function sizeOf(data: RawData | undefined): number {
  return data?.length ?? 0;
}
