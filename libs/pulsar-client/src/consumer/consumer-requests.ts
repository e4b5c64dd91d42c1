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
  /** Whether the subscription outlives its consumers, so that the broker writes down where it is. */
  readonly durable: boolean;
}

/**
 * Has the broker set the subscription to another place; it lets go of its consumers before it answers. Where there is no
 * broker, or it is lost before the answer, the next one is asked: to be set there twice does no harm.
 *
 * A durable subscription is set there twice in any case: a broker that is still writing an acknowledgement down when it is asked may drop the
 * seek and yet say yes (apache/pulsar#26304). When it has said so all is written down, and as nobody has got a message since, nothing
 * more is acknowledged: the second time it goes.
 * @throws PulsarError why it is refused, or that no broker was there until the operation timeout was over
 */
export async function askSeek(core: ClientCore, to: SeekTarget, seeking: SeekingConsumer): Promise<void> {
  const what = `seeking on ${seeking.topic}`;
  let left = seeking.durable ? 2 : 1;
  const refused = await core.untilAnswered(what, async (): Promise<PulsarError | undefined> => {
    for (; left > 0; left--) {
      const consumer = await seeking.attached();
      try {
        await askSeekOnce(consumer, what, to);
      } catch (error) {
        if (!seeking.isAttached(consumer)) throw error;
        return asPulsarError(error, 'UnknownError', what);
      }
    }
    return undefined;
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
