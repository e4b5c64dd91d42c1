// What a consumer asks its broker.
import type { Connection } from '../connection/connection.ts';
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

/** Has the broker set the subscription to another place; it lets go of its consumers before it answers. @throws PulsarError */
export async function askSeek(
  { connection, consumerId, topic }: ConsumerAtBroker,
  to: { readonly id: MessageIdParts } | { readonly timeMs: number },
): Promise<void> {
  await connection.request('success', `seeking on ${topic}`, (requestId) => ({
    type: 'seek',
    command:
      'id' in to
        ? { consumerId, requestId, messageId: { ledgerId: to.id.ledgerId, entryId: to.id.entryId } }
        : { consumerId, requestId, messagePublishTime: to.timeMs },
  }));
}
