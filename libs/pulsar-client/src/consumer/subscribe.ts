import type { ClientCore } from '../client-core.ts';
import { PulsarError } from '../errors.ts';
import type { Consumer } from './consumer.ts';
import type { ConsumerConfig } from './consumer-config.ts';

export async function subscribe(_core: ClientCore, config: ConsumerConfig): Promise<Consumer> {
  throw new PulsarError('OperationNotSupported', `subscribing '${config.subscription}': lands within the half hour`);
}
