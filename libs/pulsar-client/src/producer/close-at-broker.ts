import type { ClientCore } from '../client-core.ts';
import type { Connection } from '../connection/connection.ts';

/** Has the broker forget a producer. Never rejects: with the connection it does so at the latest. */
export async function closeAtBroker(
  core: ClientCore,
  connection: Connection,
  producerId: number,
  topic: string,
): Promise<void> {
  if (connection.closed) return;
  connection.removeProducer(producerId);
  try {
    await connection.request('success', `closing a producer of ${topic}`, (requestId) => ({
      type: 'closeProducer',
      command: { producerId, requestId },
    }));
  } catch (error) {
    core.logger.debug({ err: error }, 'a producer was not closed cleanly');
  }
}
