// What a consumer asks its broker.
import type { ClientCore } from '../client-core.ts';
import type { Connection } from '../connection/connection.ts';
import { asPulsarError, type PulsarError } from '../errors.ts';
import type { MessageIdParts } from '../message-id.ts';
import type { CommandGetLastMessageIdResponse } from '../wire/index.ts';

/** A consumer as its broker knows it. */
export interface ConsumerAtBroker {
  readonly connection: Connection;
  readonly consumerId: number;
  readonly topic: string;
}

/** @throws PulsarError */
export function askLast({ connection, consumerId, topic }: ConsumerAtBroker): Promise<CommandGetLastMessageIdResponse> {
  const what = `asking for the last message of ${topic}`;
  return connection.request('getLastMessageIdResponse', what, (requestId) => ({
    type: 'getLastMessageId',
    command: { consumerId, requestId },
  }));
}

type SeekTarget = { readonly id: MessageIdParts } | { readonly timeMs: number };

/** A consumer that may have no broker at the moment. */
export interface SeekingConsumer {
  readonly topic: string;
  /** Waits until it has one. */
  readonly attached: () => Promise<ConsumerAtBroker>;
  readonly isAttached: (consumer: ConsumerAtBroker) => boolean;
}

/**
 * Has the broker set the subscription to another place; it lets go of its consumers before it answers. Where there is no
 * broker, or it is lost before the answer, the next one is asked: to be set there twice does no harm.
 * @throws PulsarError why it is refused, or that no broker was there until the operation timeout was over
 */
export async function askSeek(core: ClientCore, to: SeekTarget, seeking: SeekingConsumer): Promise<void> {
  const what = `seeking on ${seeking.topic}`;
  const refused = await core.untilAnswered(what, async (): Promise<PulsarError | undefined> => {
    const consumer = await seeking.attached();
    try {
      await askSeekOnce(consumer, what, to);
      return undefined;
    } catch (error) {
      if (!seeking.isAttached(consumer)) throw error;
      return asPulsarError(error, 'UnknownError', what);
    }
  });
  if (refused !== undefined) throw refused;
}

async function askSeekOnce({ connection, consumerId }: ConsumerAtBroker, what: string, to: SeekTarget): Promise<void> {
  await connection.request('success', what, (requestId) => ({
    type: 'seek',
    command:
      'id' in to
        ? { consumerId, requestId, messageId: { ledgerId: to.id.ledgerId, entryId: to.id.entryId } }
        : { consumerId, requestId, messagePublishTime: to.timeMs },
  }));
}
